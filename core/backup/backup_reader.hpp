#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "core/backup/backup_format.hpp"
#include "core/base/checksum.hpp"
#include "core/segment/segment_stream_checker.hpp"

namespace fp {

/// What a `backup_reader` finds in a backup. A segment has been checked when `end_segment` is called, as far as its
/// checksums can tell.
class backup_listener {
 public:
  virtual ~backup_listener() = default;
  /// `label` starts error messages about the segment.
  virtual void begin_segment(const std::string& label, const segment_info& info,
                             std::span<const std::byte, segment_header_bytes> page) = 0;
  /// What follows the header page, in order, in pieces of any size.
  virtual void segment_bytes(std::span<const std::byte> bytes) = 0;
  virtual void end_segment() = 0;
};

/// Checks a backup (see `backup_format.hpp`) that comes in pieces of any size, front to back, with constant memory
/// whatever it claims to hold.
class backup_reader {
 public:
  /// A null listener: the backup is checked, no more.
  explicit backup_reader(backup_listener* listener = nullptr) : listener_(listener) {}
  backup_reader(const backup_reader&) = delete;
  backup_reader& operator=(const backup_reader&) = delete;

  /// Takes the next bytes. Throws `corrupt_data` or `unsupported_format` with the offset in the backup and the
  /// reason, as early as it can be told, and what the listener throws; after that `internal_error`.
  void update(std::span<const std::byte> bytes);
  /// There are no more bytes. Returns what the backup says of itself. Throws `corrupt_data` when it is incomplete.
  const backup_format::stream_header& finish();

  /// Bytes taken so far.
  uint64_t offset() const noexcept { return offset_; }
  /// What the backup says of itself, as soon as that is there; else null.
  const backup_format::stream_header* header() const noexcept { return header_ ? &*header_ : nullptr; }

 private:
  enum class step { stream_header, entry, page, sections, trailer, end };

  /// Bytes of the current part.
  uint64_t part_bytes() const noexcept;
  void take(std::span<const std::byte> bytes);
  void take_part(std::span<const std::byte> part);
  void take_entry(std::span<const std::byte> part);
  void take_page(std::span<const std::byte, segment_header_bytes> page);
  void take_trailer(std::span<const std::byte, backup_format::trailer_bytes> part);
  void end_segment();
  void start(step next) noexcept;

  backup_listener* listener_;
  step step_ = step::stream_header;
  bool failed_ = false;
  uint64_t offset_ = 0, part_offset_ = 0;  ///< of the next byte, of the current part
  uint64_t part_done_ = 0;                 ///< bytes of the current part that are there
  std::array<std::byte, segment_header_bytes> part_;
  checksum_stream checksum_;
  std::optional<backup_format::stream_header> header_;
  uint64_t num_segments_ = 0;           ///< complete ones
  backup_format::segment_entry entry_;  ///< of the newest segment so far
  std::optional<segment_stream_checker> checker_;
};

}  // namespace fp
