#include "core/backup/backup_reader.hpp"

#include <algorithm>

#include "core/base/error.hpp"

namespace fp {

namespace format = backup_format;

void backup_reader::update(std::span<const std::byte> bytes) {
  if (failed_) throw error(errc::internal_error, "backup: reading it has failed before");
  failed_ = true;
  while (!bytes.empty()) {
    if (step_ == step::end) format::corrupt(offset_, "goes on behind its trailer");
    const auto piece = bytes.first(std::min<uint64_t>(part_bytes() - part_done_, bytes.size()));
    take(piece);
    bytes = bytes.subspan(piece.size());
  }
  failed_ = false;
}

const format::stream_header& backup_reader::finish() {
  if (failed_) throw error(errc::internal_error, "backup: reading it has failed before");
  if (step_ == step::end) return *header_;
  failed_ = true;
  constexpr const char* names[] = {"stream header", "segment entry", "segment", "segment", "trailer"};
  format::corrupt(offset_, std::string("ends within the ") + names[static_cast<size_t>(step_)] + ", at least " +
                               std::to_string(part_bytes() - part_done_) + " more bytes expected");
}

uint64_t backup_reader::part_bytes() const noexcept {
  switch (step_) {
    case step::stream_header:
      return format::stream_header_bytes;
    case step::entry:
      return format::entry_bytes_of(header_->format_version);
    case step::page:
      return segment_header_bytes;
    case step::sections:
      return entry_.num_bytes - segment_header_bytes;
    case step::trailer:
      return format::trailer_bytes;
    case step::end:
      break;
  }
  return 0;
}

void backup_reader::start(step next) noexcept {
  step_ = next;
  part_offset_ = offset_;
  part_done_ = 0;
}

void backup_reader::take(std::span<const std::byte> bytes) {
  offset_ += bytes.size();
  if (step_ == step::sections) {
    checksum_.update(bytes);
    checker_->update(bytes);
    if (listener_ != nullptr) listener_->segment_bytes(bytes);
    part_done_ += bytes.size();
    if (part_done_ == part_bytes()) end_segment();
    return;
  }
  std::copy(bytes.begin(), bytes.end(), part_.begin() + static_cast<std::ptrdiff_t>(part_done_));
  part_done_ += bytes.size();
  if (part_done_ == part_bytes()) take_part(std::span(part_).first(part_done_));
}

void backup_reader::take_part(std::span<const std::byte> part) {
  if (step_ == step::trailer) {
    take_trailer(part.first<format::trailer_bytes>());
    return;
  }
  checksum_.update(part);
  if (step_ == step::stream_header) {
    header_ = format::decode_stream_header(part.first<format::stream_header_bytes>());
    start(header_->num_segments > 0 ? step::entry : step::trailer);
  } else if (step_ == step::entry) {
    take_entry(part);
  } else {
    take_page(part.first<segment_header_bytes>());
  }
}

void backup_reader::take_entry(std::span<const std::byte> part) {
  const uint64_t at = part_offset_;
  const format::segment_entry entry = format::decode_entry(part, header_->format_version, at);
  const uint64_t num_following = header_->num_segments - num_segments_ - 1;
  if (entry.position != num_segments_) {
    format::corrupt(
        at, "segment " + std::to_string(entry.position) + ", expected segment " + std::to_string(num_segments_));
  }
  if (num_segments_ > 0 && !entry.commits.goes_on(entry_.commits)) {
    format::corrupt(at, "a segment that begins behind " + begin_of(entry.commits) + " follows one that ends with " +
                            end_of(entry_.commits));
  }
  const bool is_at_version = entry.commits.last == header_->index_version && entry.commits.ends_whole();
  if (entry.commits.last > header_->index_version || is_at_version != (num_following == 0)) {
    format::corrupt(at, "a segment that ends with commit " + end_of(entry.commits) + " in version " +
                            std::to_string(header_->index_version) + " of an index, followed by " +
                            std::to_string(num_following) + " segments");
  }
  // At least `segment_header_bytes`: the stream header's bytes are enough for all segments at their shortest, and
  // no segment so far took more than it left to those behind it.
  const uint64_t available = header_->num_bytes - offset_ - format::trailer_bytes -
                             num_following * format::min_segment_bytes(header_->format_version);
  if (entry.num_bytes < segment_header_bytes || entry.num_bytes > available) {
    format::corrupt(at, "a segment of " + std::to_string(entry.num_bytes) + " bytes, where " +
                            std::to_string(segment_header_bytes) + " to " + std::to_string(available) +
                            " are possible");
  }
  entry_ = entry;
  start(step::page);
}

void backup_reader::take_page(std::span<const std::byte, segment_header_bytes> page) {
  const uint64_t at = part_offset_;
  const std::string label = "backup: offset " + std::to_string(at) + ": segment " + std::to_string(entry_.position);
  checker_.emplace(label, page, entry_.num_bytes);
  const segment_info& info = checker_->info();
  if (info.commits() != entry_.commits) {
    format::corrupt(at, "a segment of commits " + to_string(info.commits()) + " behind " +
                            begin_of(info.commits()) + ", but its entry says " + to_string(entry_.commits) +
                            " behind " + begin_of(entry_.commits));
  }
  if (listener_ != nullptr) listener_->begin_segment(label, info, page);
  start(step::sections);
  if (part_bytes() == 0) end_segment();
}

void backup_reader::end_segment() {
  if (listener_ != nullptr) listener_->end_segment();
  num_segments_++;
  start(num_segments_ < header_->num_segments ? step::entry : step::trailer);
}

void backup_reader::take_trailer(std::span<const std::byte, format::trailer_bytes> part) {
  constexpr size_t at_checksum = format::trailer_bytes - sizeof(uint64_t);
  checksum_.update(part.first<at_checksum>());
  const uint64_t computed = checksum_.digest();
  const format::trailer t = format::decode_trailer(part, part_offset_);
  if (t.checksum != computed) {
    format::corrupt(part_offset_ + at_checksum, "checksum mismatch over the whole backup, stored " +
                                                    to_hex16(t.checksum) + ", computed " + to_hex16(computed));
  }
  if (t.num_segments != header_->num_segments || t.num_bytes != offset_ || t.num_bytes != header_->num_bytes) {
    format::corrupt(part_offset_, "the trailer's totals are not those of the backup");
  }
  start(step::end);
}

}  // namespace fp
