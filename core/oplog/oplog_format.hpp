#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/types.hpp"
#include "core/commit/changes.hpp"

/// The files of an oplog folder, version 4. All integers are little-endian, all checksums XXH3-64. What a version
/// promises: core/FORMATS.md.
///
/// Log files are named `<begin as 16 hex digits>.log`: a file header, then frames without gaps. One frame holds the
/// commits of one append, which was synced before the next one was written. Ids of commits ascend and may jump.
/// Where a file or a frame begins is the id of the commit before it plus 1, so that one that is missing between two
/// others shows.
///
///     file header (32 bytes; this layout is the same in every format version)
///       u8[8] magic "FPOPLOG1"   u32 format version   u32 0   u64 begin
///       u64 checksum of the 24 bytes before
///     frame (starts at a multiple of 32, so that its header lies in one disk sector)
///       u32 payload bytes   u32 number of commits, top bit: `has_blank_sector`   u64 begin
///       u64 checksum of the payload   u64 checksum of the 24 bytes before
///       payload: for each commit a u32 length, its u64 id, and its encoded changes, a multiple of 4 bytes
///       zeros up to a multiple of 32
///       with `has_blank_sector` all behind the header is masked: exclusive or with the numbers of SplitMix64 from
///       the payload's checksum on
///
/// A write that was cut short by a crash must be told from damage to an acknowledged frame: the first is dropped,
/// the second reported. After a crash the last write may be missing at its end, or (power loss) some of its
/// 512-byte sectors may read as zeros. So the end of the newest file is a torn write exactly when
///   - fewer bytes are left than a frame header has, or
///   - a valid frame header announces more bytes than are left, or
///   - the frame header is not valid, its sector is zero from the frame's start to the sector's or file's end,
///     and no valid frame header follows anywhere (a later frame would prove this one was synced), or
///   - the frame header is valid, the frame ends where the file ends, its payload does not match its checksum,
///     and one of its sectors after the header's is all zeros.
/// The flag says that the payload by itself has a sector part with fewer than 4 bytes that are not zero, where
/// zeros would prove nothing; no masked one has. The header of a log file is synced before its first frame is
/// written, so a newest file is torn as a whole exactly when it is shorter than the file header, or consists of
/// that many zeros.
///
/// Up to version 3 nothing is masked: with the flag, a payload that does not match its checksum counts as damage.
/// Up to version 2 a payload holds no ids: commits are numbered without gaps, the first one with the begin. Version
/// 1 has no changes of the kind `remove_metadata`.
///
/// `seal` is there from a clean end of the log until the next append (48 bytes; this layout is the same in every
/// format version):
///
///     u8[8] magic "FPOPSEAL"   u32 format version   u32 0   u64 last commit
///     u64 begin of the newest log file (0: no files)   u64 its size
///     u64 checksum of the 40 bytes before
namespace fp::oplog_format {

inline constexpr uint32_t version = 4;
inline constexpr uint32_t oldest_version = 1;
inline constexpr uint32_t first_version_with_ids = 3;
inline constexpr uint32_t first_version_with_masks = 4;
inline constexpr size_t file_header_bytes = 32;
inline constexpr size_t frame_header_bytes = 32;
inline constexpr size_t frame_alignment = 32;
inline constexpr size_t sector_bytes = 512;
inline constexpr size_t seal_bytes = 48;
inline constexpr std::string_view seal_name = "seal";
/// The most payload that one frame can hold.
inline constexpr uint64_t max_payload_bytes = UINT32_MAX - 3;

/// Bytes in front of each commit's changes in a payload.
constexpr size_t commit_header_bytes(uint32_t file_version) noexcept {
  return file_version < first_version_with_ids ? sizeof(uint32_t) : sizeof(uint32_t) + sizeof(commit_id);
}

std::string file_name(commit_id begin);
/// Where a log file begins as its name says; nothing for a name that is not one.
std::optional<commit_id> parse_file_name(std::string_view name) noexcept;

/// Result of decoding a header: its checksum and constants hold (`valid`), hold with a format version of which
/// this program knows nothing (`unknown_version`), or do not.
enum class header_state { valid, unknown_version, invalid };

void encode_file_header(commit_id begin, std::span<std::byte> out) noexcept;
/// Sets `begin` when it is valid, and the file's format version when it is valid or an unknown one.
header_state decode_file_header(std::span<const std::byte> in, commit_id& begin, uint32_t& file_version) noexcept;

struct frame_header {
  uint32_t payload_bytes = 0;
  uint32_t num_commits = 0;
  bool has_blank_sector = false;
  commit_id begin = 0;
  uint64_t payload_checksum = 0;

  /// Bytes of the whole frame: header, payload and zeros.
  uint64_t frame_bytes() const noexcept {
    return (frame_header_bytes + uint64_t{payload_bytes} + frame_alignment - 1) & ~uint64_t{frame_alignment - 1};
  }
};

void encode_frame_header(const frame_header& header, std::span<std::byte> out) noexcept;
bool decode_frame_header(std::span<const std::byte> in, frame_header& header) noexcept;

/// Writes a commit into a payload of the newest version; returns where it ends.
std::byte* put_commit(const commit& c, std::byte* out) noexcept;

/// Reads the commits of a payload one by one.
class payload_reader {
 public:
  /// `begin` is that of the frame.
  payload_reader(std::span<const std::byte> payload, uint32_t file_version, commit_id begin) noexcept
      : payload_(payload), file_version_(file_version), last_(begin - 1) {}

  /// The next commit, pointing into the payload; false at the end, and where `fault` says what is wrong.
  bool next(commit_view& out) noexcept;
  const char* fault() const noexcept { return fault_; }
  /// Where the next commit begins, or what is wrong is.
  size_t offset() const noexcept { return offset_; }

 private:
  bool fail(const char* what) noexcept {
    fault_ = what;
    return false;
  }

  std::span<const std::byte> payload_;
  uint32_t file_version_;
  commit_id last_;
  size_t offset_ = 0;
  const char* fault_ = nullptr;
};

/// Whether a frame to be written at `offset` has a sector part after its header's sector with fewer than 4
/// bytes that are not zero.
bool has_blank_sector(uint64_t offset, std::span<const std::byte> frame) noexcept;
/// Masks what follows the header of a frame, whose payload's checksum is set, or takes the mask off again. Of a
/// part of a frame, whole words.
void mask_frame(const frame_header& header, std::span<std::byte> frame) noexcept;
/// Whether a frame in a file of some version is masked.
constexpr bool is_masked(const frame_header& header, uint32_t file_version) noexcept {
  return header.has_blank_sector && file_version >= first_version_with_masks;
}
/// The payload of a frame, or as much as there is of it: unmasked in `room` if it has to be.
std::span<const std::byte> payload_of(const frame_header& header, std::span<const std::byte> frame,
                                      uint32_t file_version, std::vector<std::byte>& room);

/// Whether a newest file, whose header is not valid, is a torn write as a whole.
bool is_torn_header(std::span<const std::byte> file) noexcept;
/// Whether the bytes from `at` to the end of a newest file of some version, where no intact frame starts, are a
/// torn write.
bool is_torn(std::span<const std::byte> file, size_t at, uint32_t file_version = version) noexcept;

struct seal {
  commit_id last_commit = 0;
  commit_id newest_file = 0;  ///< where it begins; 0 when the log has no files
  uint64_t newest_bytes = 0;
};

void encode_seal(const seal& s, std::span<std::byte> out) noexcept;
/// Sets the seal when it is valid, and its format version likewise.
header_state decode_seal(std::span<const std::byte> in, seal& s, uint32_t& file_version) noexcept;

/// What is wrong with a file of an unknown version.
std::string unknown_version_text(uint32_t file_version);

}  // namespace fp::oplog_format
