#include "core/backup/backup_writer.hpp"

#include <algorithm>
#include <utility>

#include "core/base/error.hpp"

namespace fp {

namespace format = backup_format;

namespace {

// Of a segment that is not sent, what is verified between two chunks.
constexpr size_t held_at_once = size_t{4} << 20;

}  // namespace

backup_writer::backup_writer(snapshot_ptr from, const std::string& index_name, uint64_t generation,
                             size_t max_chunk_bytes, std::vector<uint64_t> held)
    : chunk_producer(std::move(from), "backup", index_name, generation, std::max<size_t>(max_chunk_bytes, 1)),
      held_(std::move(held)) {
  std::ranges::sort(held_);
  header_.index_name = index_name;
  header_.generation = generation;
  header_.index_version = source().version();
  header_.num_segments = source().entries().size();
  header_.num_bytes = format::stream_header_bytes + format::trailer_bytes;
  for (const auto& e : source().entries()) {
    header_.num_bytes += format::entry_bytes + e.segment->bytes().size();
  }
}

std::span<const std::byte> backup_writer::make_next() {
  std::span<const std::byte> chunk;
  bool is_left_out = false;
  switch (step_) {
    case step::stream_header:
      chunk = make_stream_header();
      step_ = step_after_segment();
      break;
    case step::entry:
      chunk = make_entry();
      step_ = step::page;
      break;
    case step::page:
      chunk = start_segment();
      step_ = step::sections;
      break;
    case step::sections:
      chunk = next_of_sections();
      is_left_out = is_held_;
      step_ = left_.empty() ? step_after_segment() : step::sections;
      break;
    case step::trailer:
      chunk = make_trailer();
      step_ = step::end;
      break;
    case step::end:
      return {};
  }
  if (step_ != step::end) checksum_.update(chunk);
  if (is_left_out) return {};
  return chunk;
}

backup_writer::step backup_writer::step_after_segment() const noexcept {
  return position_ < header_.num_segments ? step::entry : step::trailer;
}

std::span<const std::byte> backup_writer::make_stream_header() noexcept {
  const auto out = std::span(buffer_).first<format::stream_header_bytes>();
  format::encode(header_, out);
  return out;
}

std::span<const std::byte> backup_writer::make_entry() noexcept {
  const segment& s = *source().entries()[position_].segment;
  const auto out = std::span(buffer_).first<format::entry_bytes>();
  format::encode(format::segment_entry{position_, s.bytes().size(), s.info().commits()}, out);
  return out;
}

std::span<const std::byte> backup_writer::start_segment() {
  const segment& s = *source().entries()[position_].segment;
  const auto page = s.bytes().first<segment_header_bytes>();
  const std::string name = name_of(s);
  checker_.emplace(name, page, s.bytes().size());
  if (checker_->info() != s.info()) throw error(errc::corrupt_data, name + ": the header has changed");
  is_held_ = std::ranges::binary_search(held_, format::segment_id(page));
  left_ = s.bytes().subspan(page.size());
  ahead_.emplace(s);
  return page;
}

std::span<const std::byte> backup_writer::next_of_sections() {
  ahead_->reached(left_.data());
  const auto chunk = left_.first(std::min(left_.size(), is_held_ ? held_at_once : max_chunk_bytes()));
  checker_->update(chunk);
  left_ = left_.subspan(chunk.size());
  if (left_.empty()) position_++;
  return chunk;
}

std::span<const std::byte> backup_writer::make_trailer() noexcept {
  const auto out = std::span(buffer_).first<format::trailer_bytes>();
  format::trailer t{header_.num_segments, header_.num_bytes, 0};
  format::encode(t, out);
  checksum_.update(out.first(format::trailer_bytes - sizeof t.checksum));
  t.checksum = checksum_.digest();
  format::encode(t, out);
  return out;
}

}  // namespace fp
