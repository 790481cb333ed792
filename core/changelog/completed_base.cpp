#include "core/changelog/completed_base.hpp"

#include <algorithm>

#include "core/base/error.hpp"

namespace fp {

namespace format = backup_format;

size_t completed_base::take_ready(std::span<std::byte> out) {
  const size_t count = std::min(out.size(), ready_.size() - ready_taken_);
  std::copy_n(ready_.begin() + static_cast<std::ptrdiff_t>(ready_taken_), count, out.begin());
  ready_taken_ += count;
  return count;
}

void completed_base::segment_ends() {
  if (from_) {
    from_.reset();
    held_.drop(held_id_);
  }
  num_segments_++;
  next_ = num_segments_ < header_.num_segments ? part::entry : part::trailer;
}

void completed_base::make_ready(std::chrono::steady_clock::time_point deadline) {
  const size_t size = next_ == part::stream_header ? format::stream_header_bytes
                      : next_ == part::entry       ? format::entry_bytes_of(header_.format_version)
                      : next_ == part::page        ? segment_header_bytes
                                                   : format::trailer_bytes;
  ready_.resize(size);
  ready_taken_ = 0;
  for (size_t count = 0; count < size;) {
    const size_t n = rest_->read(std::span(ready_).subspan(count), deadline);
    if (n == 0) format::corrupt(offset_ + count, "ends early");
    count += n;
  }
  const uint64_t at = offset_;
  offset_ += size;
  const std::span<const std::byte> bytes = ready_;
  switch (next_) {
    case part::stream_header:
      header_ = format::decode_stream_header(bytes.first<format::stream_header_bytes>());
      next_ = header_.num_segments > 0 ? part::entry : part::trailer;
      break;
    case part::entry:
      segment_bytes_ = format::decode_entry(bytes, header_.format_version, at).num_bytes;
      if (segment_bytes_ < segment_header_bytes) format::corrupt(at, "a segment that is shorter than its header");
      next_ = part::page;
      break;
    case part::page: {
      const uint64_t id = format::segment_id(bytes.first<segment_header_bytes>());
      left_ = segment_bytes_ - segment_header_bytes;
      offset_ += left_;
      if (std::ranges::find(held_.ids(), id) != held_.ids().end() && held_.num_bytes(id) == segment_bytes_) {
        held_id_ = id;
        from_ = held_.open(id);
      }
      next_ = part::sections;
      if (left_ == 0) segment_ends();
      break;
    }
    default:
      next_ = part::end;
  }
}

size_t completed_base::read_held(std::span<std::byte> out) {
  const size_t count = from_->read_at(segment_bytes_ - left_, out);
  if (count == 0) throw error(errc::io_error, "a segment of a base that broke off has been cut short");
  return count;
}

size_t completed_base::read(std::span<std::byte> out, std::chrono::steady_clock::time_point deadline) {
  for (;;) {
    if (const size_t count = take_ready(out); count > 0 || out.empty()) return count;
    if (next_ == part::end) return rest_->read(out, deadline);
    if (next_ != part::sections) {
      make_ready(deadline);
      continue;
    }
    const auto wanted = out.first(std::min<uint64_t>(out.size(), left_));
    const size_t count = from_ ? read_held(wanted) : rest_->read(wanted, deadline);
    if (count == 0) format::corrupt(offset_ - left_, "ends early");
    left_ -= count;
    if (left_ == 0) segment_ends();
    return count;
  }
}

}  // namespace fp
