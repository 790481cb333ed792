#include "core/segment/segment_stream_checker.hpp"

#include <algorithm>
#include <utility>

#include "core/base/error.hpp"
#include "core/segment/stored_segment.hpp"

namespace fp {

segment_stream_checker::segment_stream_checker(std::string name,
                                               std::span<const std::byte, segment_header_bytes> page,
                                               uint64_t num_bytes)
    : name_(std::move(name)), header_(decode_header(page, num_bytes, name_)), info_(make_info(header_, page)) {}

void segment_stream_checker::update(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    if (section_ == num_sections_of(header_.version))
      throw error(errc::internal_error, name_ + ": bytes after the last section");
    const section_location& location = header_.sections[section_];
    const auto piece = bytes.first(static_cast<size_t>(std::min<uint64_t>(bytes.size(), location.end() - offset_)));
    checksum_.update(piece);
    offset_ += piece.size();
    bytes = bytes.subspan(piece.size());
    if (offset_ < location.end()) return;
    require_section_checksum(name_, static_cast<section_kind>(section_ + 1), location, checksum_.digest());
    checksum_.reset();
    section_++;
  }
}

}  // namespace fp
