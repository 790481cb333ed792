#include "core/backup/backup_format.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "core/base/checksum.hpp"
#include "core/base/error.hpp"
#include "core/base/little_endian.hpp"
#include "core/index/data_folder.hpp"

namespace fp::backup_format {

namespace {

constexpr uint32_t segment_mark = 1;
constexpr uint32_t trailer_mark = 2;

// Byte offsets within the stream header.
enum field : size_t {
  at_version = 8,
  at_name_length = 12,
  at_generation = 16,
  at_index_version = 24,
  at_num_segments = 32,
  at_num_bytes = 40,
  at_name = 48,
  at_checksum = stream_header_bytes - sizeof(uint64_t),
};
constexpr size_t max_name_bytes = 255;

void require(bool holds, uint64_t offset, const char* what) {
  if (!holds) corrupt(offset, what);
}

/// Checks the checksum that a part ends with.
void require_checksum(std::span<const std::byte> part, uint64_t offset, const char* name) {
  const size_t at = part.size() - sizeof(uint64_t);
  const uint64_t stored = get<uint64_t>(part, at), computed = checksum(part.first(at));
  if (stored == computed) return;
  corrupt(offset, std::string(name) + ": checksum mismatch, stored " + to_hex16(stored) + ", computed " +
                      to_hex16(computed));
}

}  // namespace

void corrupt(uint64_t offset, const std::string& what) {
  throw error(errc::corrupt_data, "backup: offset " + std::to_string(offset) + ": " + what);
}

uint64_t segment_id(std::span<const std::byte, segment_header_bytes> page) noexcept { return checksum(page); }

void encode(const stream_header& header, std::span<std::byte, stream_header_bytes> out) noexcept {
  std::fill(out.begin(), out.end(), std::byte{0});
  std::memcpy(out.data(), magic.data(), magic.size());
  const size_t length = std::min(header.index_name.size(), max_name_bytes);
  put(out, at_version, version);
  put(out, at_name_length, static_cast<uint32_t>(length));
  put(out, at_generation, header.generation);
  put(out, at_index_version, header.index_version);
  put(out, at_num_segments, header.num_segments);
  put(out, at_num_bytes, header.num_bytes);
  std::memcpy(out.data() + at_name, header.index_name.data(), length);
  put(out, at_checksum, checksum(out.first<at_checksum>()));
}

void encode(const segment_entry& entry, std::span<std::byte, entry_bytes> out) noexcept {
  put(out, 0, segment_mark);
  put(out, 4, uint32_t{0});
  put(out, 8, entry.position);
  put(out, 16, entry.num_bytes);
  put(out, 24, entry.commits.previous);
  put(out, 32, entry.commits.first);
  put(out, 40, entry.commits.last);
  put(out, 48, entry.commits.first_part);
  put(out, 52, entry.commits.last_part);
  put(out, 56, checksum(out.first<56>()));
}

void encode(const trailer& t, std::span<std::byte, trailer_bytes> out) noexcept {
  put(out, 0, trailer_mark);
  put(out, 4, uint32_t{0});
  put(out, 8, t.num_segments);
  put(out, 16, t.num_bytes);
  put(out, 24, t.checksum);
}

stream_header decode_stream_header(std::span<const std::byte, stream_header_bytes> in) {
  // What HTTP sends to who does not ask for a backup: `fpindex::snapshot_header`.
  constexpr std::string_view snapshot_begin =
      "\x83\xa1"
      "f";
  require(std::memcmp(in.data(), snapshot_begin.data(), snapshot_begin.size()) != 0, 0,
          "not a backup, but a snapshot as fpindex has them: HTTP sends a backup to who asks with Accept: "
          "application/vnd.fpnode.backup");
  require(std::memcmp(in.data(), magic.data(), magic.size()) == 0, 0, "not a backup of an index (wrong magic)");
  require_checksum(in, 0, "stream header");
  stream_header header;
  header.format_version = get<uint32_t>(in, at_version);
  if (header.format_version < oldest_version || header.format_version > version) {
    throw error(errc::unsupported_format, "backup: format " + std::to_string(header.format_version) +
                                              ", this build reads " + std::to_string(oldest_version) + " to " +
                                              std::to_string(version));
  }
  const auto length = get<uint32_t>(in, at_name_length);
  require(length <= max_name_bytes, at_name_length, "impossible length of the index name");
  header.index_name.assign(reinterpret_cast<const char*>(in.data()) + at_name, length);
  require(is_valid_index_name(header.index_name), at_name, "not the name of an index");
  header.generation = get<uint64_t>(in, at_generation);
  require(header.generation > 0, at_generation, "generation 0");
  require(header.generation <= max_generation, at_generation, "a generation that none could follow");
  header.index_version = get<uint64_t>(in, at_index_version);
  require(header.index_version <= max_commit_id, at_index_version, "a version that none could follow");
  header.num_segments = get<uint64_t>(in, at_num_segments);
  require(header.num_segments > 0 || header.index_version == 0, at_num_segments, "impossible number of segments");
  header.num_bytes = get<uint64_t>(in, at_num_bytes);
  constexpr uint64_t frame = stream_header_bytes + trailer_bytes;
  require(header.num_bytes >= frame &&
              (header.num_bytes - frame) / min_segment_bytes(header.format_version) >= header.num_segments &&
              (header.num_segments > 0 || header.num_bytes == frame),
          at_num_bytes, "impossible number of bytes");
  const auto zeros = in.subspan(at_name + length, at_checksum - at_name - length);
  require(std::all_of(zeros.begin(), zeros.end(), [](std::byte b) { return b == std::byte{0}; }), at_name,
          "bytes that are not zero behind the index name");
  return header;
}

segment_entry decode_entry(std::span<const std::byte> in, uint32_t stream_version, uint64_t offset) {
  require_checksum(in, offset, "segment entry");
  require(get<uint32_t>(in, 0) == segment_mark && get<uint32_t>(in, 4) == 0, offset, "not a segment entry");
  segment_entry entry;
  entry.position = get<uint64_t>(in, 8);
  if (stream_version == 1) {
    const auto first = get<uint64_t>(in, 16);
    // Of commit 0, which there was not, an impossible one.
    entry.commits = {.previous = first - 1, .first = first, .last = get<uint64_t>(in, 24)};
    entry.num_bytes = get<uint64_t>(in, 32);
  } else {
    entry.num_bytes = get<uint64_t>(in, 16);
    entry.commits = {get<uint64_t>(in, 24), get<uint64_t>(in, 32), get<uint64_t>(in, 40), get<uint32_t>(in, 48),
                     get<uint32_t>(in, 52)};
  }
  require(entry.commits.is_possible(), offset, "impossible commit range of a segment");
  return entry;
}

trailer decode_trailer(std::span<const std::byte, trailer_bytes> in, uint64_t offset) {
  require(get<uint32_t>(in, 0) == trailer_mark && get<uint32_t>(in, 4) == 0, offset, "not a trailer");
  return {get<uint64_t>(in, 8), get<uint64_t>(in, 16), get<uint64_t>(in, 24)};
}

}  // namespace fp::backup_format
