#pragma once

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>

#include "core/backup/backup_format.hpp"
#include "core/base/checksum.hpp"
#include "core/index/checked_json.hpp"
#include "core/oplog/oplog_format.hpp"
#include "core/segment/segment_format.hpp"

/// Makes the checksums of damaged bytes right again, so that what lies behind them is reached.
namespace fp::fuzz {

template <class T>
T get_at(const std::string& bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

template <class T>
void put_at(std::string& bytes, size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

inline void seal_range(std::string& bytes, size_t begin, size_t checksum_at) {
  put_at(bytes, checksum_at, checksum(std::string_view(bytes).substr(begin, checksum_at - begin)));
}

/// `begin`: where the segment starts; `size`: its bytes.
inline void seal_segment(std::string& bytes, size_t begin = 0, size_t size = std::string::npos) {
  if (bytes.size() < begin) return;
  size = std::min(size, bytes.size() - begin);
  if (size < segment_header_bytes) return;
  for (size_t i = 0; i < num_sections_of(get_at<uint32_t>(bytes, begin + 8)); i++) {
    const size_t entry = begin + section_entry_offset(i);
    const auto offset = get_at<uint64_t>(bytes, entry + 8), length = get_at<uint64_t>(bytes, entry + 16);
    if (offset > size || length > size - offset) continue;
    const uint64_t end = std::min<uint64_t>((offset + length + 63) / 64 * 64, size);
    put_at(bytes, entry + 24, checksum(std::string_view(bytes).substr(begin + offset, end - offset)));
  }
  seal_range(bytes, begin, begin + 4088);
}

inline void seal_log(std::string& bytes) {
  namespace format = oplog_format;
  if (bytes.size() < format::file_header_bytes) return;
  seal_range(bytes, 0, 24);
  for (size_t at = format::file_header_bytes; at + format::frame_header_bytes <= bytes.size();) {
    const auto payload = get_at<uint32_t>(bytes, at);
    const size_t left = bytes.size() - at - format::frame_header_bytes;
    if (payload <= left) {
      put_at(bytes, at + 16, checksum(std::string_view(bytes).substr(at + format::frame_header_bytes, payload)));
    }
    seal_range(bytes, at, at + 24);
    if (payload > left) return;
    at += (format::frame_header_bytes + payload + format::frame_alignment - 1) / format::frame_alignment *
          format::frame_alignment;
  }
}

inline void seal_backup(std::string& bytes) {
  namespace format = backup_format;
  if (bytes.size() < format::stream_header_bytes + format::trailer_bytes) return;
  seal_range(bytes, 0, 312);
  const auto version = get_at<uint32_t>(bytes, 8);
  const size_t entry_bytes = format::entry_bytes_of(version);
  size_t at = format::stream_header_bytes;
  while (bytes.size() - at >= entry_bytes + format::trailer_bytes) {
    seal_range(bytes, at, at + entry_bytes - 8);
    const auto size = get_at<uint64_t>(bytes, at + (version == 1 ? 32 : 16));
    at += entry_bytes;
    if (size > bytes.size() - at) break;
    seal_segment(bytes, at, size);
    at += size;
  }
  seal_range(bytes, 0, bytes.size() - 8);
}

/// Of a `checked_json` document. False when it is none that can be written again.
inline bool seal_json(std::string& text) {
  auto object = nlohmann::json::parse(text, nullptr, false);
  if (!object.is_object()) return false;
  object.erase("checksum");
  try {
    const auto version = object.find("format_version");
    const bool has_version = version != object.end() && version->is_number_unsigned();
    text = dump_checked_json(std::move(object), has_version ? version->get<uint64_t>() : 1);
  } catch (const nlohmann::json::exception&) {
    return false;  // text that is no UTF-8 cannot be dumped
  }
  return true;
}

}  // namespace fp::fuzz
