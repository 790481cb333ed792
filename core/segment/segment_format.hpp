#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "core/base/bit_packing.hpp"
#include "core/segment/hash_split.hpp"
#include "core/segment/segment_info.hpp"

/// The bytes of a segment, version 5. The same in files and in memory; searching works on them as they lie. What a
/// version promises: core/FORMATS.md.
///
/// All integers are little-endian. A segment is a header page of 4096 bytes followed by seven sections, in the
/// order of `section_kind`, each starting at the next multiple of 64; the gaps and the rest of the header page are
/// zero. Nothing lies outside header and sections, so every byte is under a checksum.
///
/// Header page, by byte offset:
///
///       0  8 bytes  magic: 89 46 50 53 45 47 0d 0a ("\x89FPSEG\r\n")
///       8  u32      format version: 5; like the magic and the checksum in the same place in every version
///      12  u32      number of sections: 7
///      16  u64      bytes of the whole segment, a multiple of 64
///      24  u64      first commit
///      32  u64      last commit, less than 2^64 - 1
///      40  u64      number of postings, less than 2^32
///      48  u64      number of documents, tombstones included, less than 2^32
///      56  u64      number of tombstones
///      64  u32      smallest document id (0 when there are no documents)
///      68  u32      largest document id
///      72  u32      hash mask: no hash has a bit outside it
///      76  u8       shift         \.
///      77  u8       bucket bits    } the hash split, see `hash_split`: together at most 32
///      78  u8       tail bits     /   (tail bits: at most 24)
///      79  u8       id bits: bits of (largest - smallest document id)
///      80  u8       commit bits: bits of (last - first commit); 64 for more than 56
///      81  7 bytes  zero
///      88  6 x 32 bytes: the section table, but for its last entry
///              u32  section kind
///              u32  zero
///              u64  offset, a multiple of 64
///              u64  length in bytes
///              u64  XXH3-64 (seed 0) of the section up to the start of the next one, its padding included
///     280  u64      previous commit: the one before the first, less than it; 0 when there is none
///     288  u32      first part: of the first commit, how many parts older segments hold
///     292  u32      last part: of the last commit, how many parts are in this and older segments; 0: all of it.
///                   When first and last commit are the same, larger than the first part
///     296  32 bytes: the section table's last entry
///     328  zero
///    4088  u64      XXH3-64 of the 4088 bytes before
///
/// Packed arrays hold values of one width without gaps, value i at bit i * width, least significant bit first. The
/// length of a packed section includes 8 zero bytes behind the values, so that a value can be read as the 8 bytes
/// from its first one on.
///
///     buckets     8 bytes for each group of 128 buckets, and last for what is behind them: u32 the number of
///     postings
///                 before it, then one byte each for its buckets 32, 64 and 96: how many of its postings lie before
///                 that one, 255 for so many or more; a zero byte
///     postings    packed, tail bits + id bits, in (hash, id) order: each posting's entry, which is its hash's
///                 tail << id bits | document id - smallest document id
///     documents   packed, id bits: document id - smallest document id, ascending
///     tombstones  packed, 1 bit a document, in the same order: deleted
///     commits     packed, commit bits a document, in the same order: its commit - first commit
///     metadata    u32 count, then for each entry in ascending key order: u32 key length, u32 value length, its
///                 key, its value; 2^32-1 for the value length, and no value: the key was removed
///     counts      a stream of bits, the least significant of a byte first: for each bucket a zero and then a one
///     for
///                 each of its postings; zeros up to a multiple of 64 bits, at least one, and then 64 more
///
/// Commits ascend and may jump; a segment goes on behind another one whose last commit is its previous one, or
/// whose last part is its first part of the same commit. First and last commit may be 0 when the previous one is: a
/// bulk load of version 0.
///
/// Up to version 4 there are six sections, none of counts, and bytes 296 to 328 are zero; buckets has a u32 for
/// each bucket, and a last one. Up to version 3 bytes 280 to 296 are zero: the previous commit is the first minus
/// 1, which is at least 0, commits are whole, and commit bits are at most 56. Version 2 has no removals.
///
/// A hash's bucket and tail are bits of (hash >> shift): the upper `bucket_bits` and the lower `tail_bits`.
namespace fp {

inline constexpr std::array<unsigned char, 8> segment_magic = {0x89, 'F', 'P', 'S', 'E', 'G', '\r', '\n'};
inline constexpr uint32_t segment_format_version = 5;
inline constexpr uint32_t oldest_segment_format_version = 2;
inline constexpr uint32_t first_version_with_removals = 3;
inline constexpr uint32_t first_version_with_jumps = 4;
inline constexpr uint32_t first_version_with_counts = 5;
inline constexpr size_t segment_header_bytes = 4096;
inline constexpr size_t section_alignment = 64;
inline constexpr uint64_t max_segment_postings = UINT32_MAX;
inline constexpr unsigned max_packed_commit_bits = 56;
inline constexpr unsigned wide_commit_bits = 64;

enum class section_kind : uint32_t {
  buckets = 1,
  postings = 2,
  documents = 3,
  tombstones = 4,
  commits = 5,
  metadata = 6,
  counts = 7,
};
inline constexpr size_t num_sections = 7;
constexpr size_t num_sections_of(uint32_t version) noexcept {
  return version < first_version_with_counts ? num_sections - 1 : num_sections;
}
/// Where the section table's entry is in the header page.
constexpr size_t section_entry_offset(size_t section) noexcept { return section < 6 ? 88 + 32 * section : 296; }

const char* to_string(section_kind kind) noexcept;

/// Throws `payload_too_large` for more postings, or documents, than the format holds.
void require_storable(uint64_t count, const char* what);

struct section_location {
  uint64_t offset = 0, length = 0, checksum = 0;

  /// Where the next section starts.
  constexpr uint64_t end() const noexcept {
    return (offset + length + section_alignment - 1) / section_alignment * section_alignment;
  }
};

/// The decoded header.
struct segment_header {
  uint32_t version = segment_format_version;
  commit_id previous_commit = 0, first_commit = 0, last_commit = 0;
  uint32_t first_part = 0, last_part = 0;
  uint64_t num_postings = 0, num_documents = 0, num_tombstones = 0;
  document_id min_document = 0, max_document = 0;
  hash_value hash_mask = 0;
  hash_split split;
  std::array<section_location, num_sections> sections{};  ///< what the version does not have is empty

  unsigned id_bits() const noexcept { return bits_for(max_document - min_document); }
  unsigned commit_bits() const noexcept {
    const unsigned bits = bits_for(last_commit - first_commit);
    return bits > max_packed_commit_bits ? wide_commit_bits : bits;
  }
  const section_location& section(section_kind kind) const noexcept {
    return sections[static_cast<uint32_t>(kind) - 1];
  }
  section_location& section(section_kind kind) noexcept { return sections[static_cast<uint32_t>(kind) - 1]; }
  uint64_t num_bytes() const noexcept { return sections.back().end(); }

  /// Sets every section's offset and length from the counts. Throws `payload_too_large` when a count is more than
  /// the format holds.
  void lay_out(uint64_t metadata_bytes);
};

using header_page = std::array<std::byte, segment_header_bytes>;

/// Encodes a header, its own checksum included.
void encode_header(const segment_header& header, header_page& out) noexcept;

/// Decodes and validates a header page; `file_bytes` is the real size. After this every section lies within the
/// bytes and has the length that the counts ask for. Throws `corrupt_data` or `unsupported_format`, the message
/// starting with `name`.
segment_header decode_header(std::span<const std::byte, segment_header_bytes> page, uint64_t file_bytes,
                             const std::string& name);

/// The facts that a header page holds.
segment_info make_info(const segment_header& header,
                       std::span<const std::byte, segment_header_bytes> page) noexcept;

}  // namespace fp
