#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "core/base/types.hpp"
#include "core/segment/segment_format.hpp"

/// A backup of an index as a stream of bytes, version 2: one snapshot, segment by segment. It is written and read
/// in one pass, front to back. All integers are little-endian, all checksums XXH3-64 with seed 0. What a version
/// promises: core/FORMATS.md.
///
///     stream header, for each segment (oldest first) an entry and the segment's bytes, trailer; nothing behind it
///
/// Stream header (320 bytes; this layout is the same in every format version):
///
///       0  8 bytes    magic: 89 46 50 42 41 4b 0d 0a ("\x89FPBAK\r\n")
///       8  u32        format version: 2
///      12  u32        length of the index name, 1 to 255
///      16  u64        generation of the index, 1 to 2^64 - 2. Like the name for information: a restored index may
///                     get another one
///      24  u64        version of the index: its newest commit, less than 2^64 - 1; 0 when there was none
///      32  u64        number of segments
///      40  u64        bytes of the whole stream, from the magic to the trailer's end
///      48  256 bytes  index name ([A-Za-z0-9_-]), the rest zero
///     304  u64        zero
///     312  u64        checksum of the 312 bytes before
///
/// Entry of a segment (64 bytes):
///
///       0  u32        1
///       4  u32        zero
///       8  u64        position of the segment: 0, 1, 2, ...
///      16  u64        bytes of the segment
///      24  u64        previous commit: like the next four as in the segment's header. Each segment goes on where
///                     the one before it ends, the last one ends with all of the commit that is the version
///      32  u64        first commit
///      40  u64        last commit
///      48  u32        first part
///      52  u32        last part
///      56  u64        checksum of the 56 bytes before
///
/// The segment's bytes are those of a segment file (`segment_format.hpp`), wherever the segment lay in the source.
/// They hold the same commit range and number of bytes, and checksums over all of themselves.
///
/// Version 1 has other entries (48 bytes), of segments whose previous commit is the first one minus 1 and whose
/// commits are whole: position, first commit, last commit, bytes of the segment and checksum behind the two u32s.
///
/// Trailer (32 bytes):
///
///       0  u32        2
///       4  u32        zero
///       8  u64        number of segments
///      16  u64        bytes of the whole stream
///      24  u64        checksum of all bytes of the stream before this field
namespace fp::backup_format {

inline constexpr std::array<unsigned char, 8> magic = {0x89, 'F', 'P', 'B', 'A', 'K', '\r', '\n'};
inline constexpr uint32_t version = 2;
inline constexpr uint32_t oldest_version = 1;
inline constexpr size_t stream_header_bytes = 320;
inline constexpr size_t entry_bytes = 64;
inline constexpr size_t entry_bytes_of_version_1 = 48;
inline constexpr size_t trailer_bytes = 32;
/// Bytes of a segment's entry in a stream of some version.
constexpr size_t entry_bytes_of(uint32_t stream_version) noexcept {
  return stream_version == 1 ? entry_bytes_of_version_1 : entry_bytes;
}
/// What no segment in the stream can be shorter than, its entry included.
constexpr uint64_t min_segment_bytes(uint32_t stream_version) noexcept {
  return entry_bytes_of(stream_version) + segment_header_bytes;
}

struct stream_header {
  std::string index_name;
  uint64_t generation = 0;
  commit_id index_version = 0;
  uint64_t num_segments = 0;
  uint64_t num_bytes = 0;
  uint32_t format_version = version;  ///< what is written is of the newest

  friend bool operator==(const stream_header&, const stream_header&) = default;
};

struct segment_entry {
  uint64_t position = 0;
  uint64_t num_bytes = 0;
  commit_range commits;
};

struct trailer {
  uint64_t num_segments = 0;
  uint64_t num_bytes = 0;
  uint64_t checksum = 0;
};

/// Tells a segment from every other one by its header page, which holds checksums over all of the rest.
uint64_t segment_id(std::span<const std::byte, segment_header_bytes> page) noexcept;

/// The name must be valid.
void encode(const stream_header& header, std::span<std::byte, stream_header_bytes> out) noexcept;
void encode(const segment_entry& entry, std::span<std::byte, entry_bytes> out) noexcept;
void encode(const trailer& t, std::span<std::byte, trailer_bytes> out) noexcept;

/// Decode and check what a part says about itself; an entry has `entry_bytes_of` its stream's version. `offset` is
/// where it starts in the stream, for messages. Throw `corrupt_data`; the first also `unsupported_format`.
stream_header decode_stream_header(std::span<const std::byte, stream_header_bytes> in);
segment_entry decode_entry(std::span<const std::byte> in, uint32_t stream_version, uint64_t offset);
trailer decode_trailer(std::span<const std::byte, trailer_bytes> in, uint64_t offset);

/// Throws `corrupt_data` with the offset.
[[noreturn]] void corrupt(uint64_t offset, const std::string& what);

}  // namespace fp::backup_format
