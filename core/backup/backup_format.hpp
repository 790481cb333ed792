#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "core/base/types.hpp"
#include "core/segment/segment_format.hpp"

/// A backup of an index as a stream of bytes, version 1: one snapshot, segment by segment. It is written and read
/// in one pass, front to back. All integers are little-endian, all checksums XXH3-64 with seed 0. What a version
/// promises: core/FORMATS.md.
///
///     stream header, for each segment (oldest first) an entry and the segment's bytes, trailer; nothing behind it
///
/// Stream header (320 bytes; this layout is the same in every format version):
///
///       0  8 bytes    magic: 89 46 50 42 41 4b 0d 0a ("\x89FPBAK\r\n")
///       8  u32        format version: 1
///      12  u32        length of the index name, 1 to 255
///      16  u64        generation of the index, 1 to 2^64 - 2. Like the name for information: a restored index may
///                     get another one
///      24  u64        version of the index: its newest commit, less than 2^64 - 1; 0 when there was none
///      32  u64        number of segments, at most the version
///      40  u64        bytes of the whole stream, from the magic to the trailer's end
///      48  256 bytes  index name ([A-Za-z0-9_-]), the rest zero
///     304  u64        zero
///     312  u64        checksum of the 312 bytes before
///
/// Entry of a segment (48 bytes):
///
///       0  u32        1
///       4  u32        zero
///       8  u64        position of the segment: 0, 1, 2, ...
///      16  u64        first commit: behind the first segment, the last commit of the one before plus 1
///      24  u64        last commit: of the last segment, the version of the index
///      32  u64        bytes of the segment
///      40  u64        checksum of the 40 bytes before
///
/// The segment's bytes are those of a segment file (`segment_format.hpp`), wherever the segment lay in the source.
/// They hold the same commit range and number of bytes, and checksums over all of themselves.
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
inline constexpr uint32_t version = 1;
inline constexpr size_t stream_header_bytes = 320;
inline constexpr size_t entry_bytes = 48;
inline constexpr size_t trailer_bytes = 32;
/// What no segment in the stream can be shorter than, its entry included.
inline constexpr uint64_t min_segment_bytes = entry_bytes + segment_header_bytes;

struct stream_header {
  std::string index_name;
  uint64_t generation = 0;
  commit_id index_version = 0;
  uint64_t num_segments = 0;
  uint64_t num_bytes = 0;

  friend bool operator==(const stream_header&, const stream_header&) = default;
};

struct segment_entry {
  uint64_t position = 0;
  commit_id first_commit = 0, last_commit = 0;
  uint64_t num_bytes = 0;
};

struct trailer {
  uint64_t num_segments = 0;
  uint64_t num_bytes = 0;
  uint64_t checksum = 0;
};

/// The name must be valid.
void encode(const stream_header& header, std::span<std::byte, stream_header_bytes> out) noexcept;
void encode(const segment_entry& entry, std::span<std::byte, entry_bytes> out) noexcept;
void encode(const trailer& t, std::span<std::byte, trailer_bytes> out) noexcept;

/// Decode and check what a part says about itself. `offset` is where it starts in the stream, for messages. Throw
/// `corrupt_data`; the first also `unsupported_format`.
stream_header decode_stream_header(std::span<const std::byte, stream_header_bytes> in);
segment_entry decode_entry(std::span<const std::byte, entry_bytes> in, uint64_t offset);
trailer decode_trailer(std::span<const std::byte, trailer_bytes> in, uint64_t offset);

/// Throws `corrupt_data` with the offset.
[[noreturn]] void corrupt(uint64_t offset, const std::string& what);

}  // namespace fp::backup_format
