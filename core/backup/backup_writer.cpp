#include "core/backup/backup_writer.hpp"

#include <algorithm>
#include <utility>

#include "core/base/error.hpp"
#include "core/index/data_folder.hpp"

namespace fp {

namespace format = backup_format;

backup_writer::backup_writer(snapshot_ptr from, const std::string& index_name, uint64_t generation,
                             size_t max_chunk_bytes)
    : from_(std::move(from)), max_chunk_bytes_(std::max<size_t>(max_chunk_bytes, 1)) {
  require_valid_index_name(index_name);
  if (generation == 0) throw error(errc::generation_not_allowed, "backup of " + index_name + ": generation 0");
  header_.index_name = index_name;
  header_.generation = generation;
  header_.index_version = from_->version();
  header_.num_segments = from_->entries().size();
  header_.num_bytes = format::stream_header_bytes + format::trailer_bytes;
  for (const auto& e : from_->entries()) {
    header_.num_bytes += format::entry_bytes + e.segment->bytes().size();
  }
}

std::span<const std::byte> backup_writer::next() {
  try {
    const auto chunk = make_next();
    // What has gone out may have been zeros: nothing is said to be complete then.
    from_->require_readable();
    return chunk;
  } catch (const error& e) {
    step_ = step::failed;
    if (e.code() == errc::corrupt_data) from_->require_readable();
    throw;
  }
}

std::span<const std::byte> backup_writer::make_next() {
  std::span<const std::byte> chunk;
  switch (std::exchange(step_, step::failed)) {
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
      step_ = left_.empty() ? step_after_segment() : step::sections;
      break;
    case step::trailer:
      chunk = make_trailer();
      step_ = step::end;
      break;
    case step::end:
      step_ = step::end;
      return {};
    case step::failed:
      throw error(errc::internal_error, "backup of " + header_.index_name + ": it has failed before");
  }
  if (step_ != step::end) checksum_.update(chunk);
  num_bytes_ += chunk.size();
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
  const segment& s = *from_->entries()[position_].segment;
  const auto out = std::span(buffer_).first<format::entry_bytes>();
  format::encode(format::segment_entry{position_, s.bytes().size(), s.info().commits()}, out);
  return out;
}

std::span<const std::byte> backup_writer::start_segment() {
  const segment& s = *from_->entries()[position_].segment;
  const auto page = s.bytes().first<segment_header_bytes>();
  const std::string name =
      "backup of " + header_.index_name + ": segment of commits " + to_string(s.info().commits());
  checker_.emplace(name, page, s.bytes().size());
  if (checker_->info() != s.info()) throw error(errc::corrupt_data, name + ": the header has changed");
  left_ = s.bytes().subspan(page.size());
  ahead_.emplace(s);
  return page;
}

std::span<const std::byte> backup_writer::next_of_sections() {
  ahead_->reached(left_.data());
  const auto chunk = left_.first(std::min(left_.size(), max_chunk_bytes_));
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
