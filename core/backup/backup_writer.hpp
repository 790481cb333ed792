#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/backup/backup_format.hpp"
#include "core/backup/chunk_producer.hpp"
#include "core/base/checksum.hpp"
#include "core/index/snapshot.hpp"
#include "core/segment/read_ahead.hpp"
#include "core/segment/segment_stream_checker.hpp"

namespace fp {

/// Produces the backup of a snapshot (see `backup_format.hpp`): chunks of at most `max_chunk_bytes`, or one whole
/// header (4096 bytes at most), and none before the end. Takes no memory that grows with the snapshot: chunks of
/// segments are where the segments are. A segment's bytes are verified on the way out, so that no backup is
/// completed that could not be restored; errors name commits, section and offset.
///
/// For whoever has some of the segments it makes the same stream without what stands behind their header pages: all
/// of it is read and verified nevertheless, and the trailer's checksum is that of the whole.
class backup_writer final : public chunk_producer {
 public:
  static constexpr size_t default_chunk_bytes = size_t{256} << 10;

  /// Name and generation (not 0) are those of the index. `held`: by `backup_format::segment_id`. Throws
  /// `invalid_index_name` or `generation_not_allowed`.
  backup_writer(snapshot_ptr from, const std::string& index_name, uint64_t generation,
                size_t max_chunk_bytes = default_chunk_bytes, std::vector<uint64_t> held = {});

  /// Bytes of the whole stream, with what is held, known before the first of them is.
  uint64_t total_bytes() const noexcept { return header_.num_bytes; }

 private:
  enum class step { stream_header, entry, page, sections, trailer, end };

  std::span<const std::byte> make_next() override;
  bool is_complete() const noexcept override { return step_ == step::end; }
  std::span<const std::byte> make_stream_header() noexcept;
  std::span<const std::byte> make_entry() noexcept;
  std::span<const std::byte> start_segment();
  std::span<const std::byte> next_of_sections();
  std::span<const std::byte> make_trailer() noexcept;
  /// What follows when `position_` segments are complete.
  step step_after_segment() const noexcept;

  backup_format::stream_header header_;
  std::vector<uint64_t> held_;  ///< ascending
  step step_ = step::stream_header;
  checksum_stream checksum_;
  size_t position_ = 0;              ///< of the current segment
  std::span<const std::byte> left_;  ///< of the current segment
  bool is_held_ = false;             ///< likewise
  std::optional<segment_stream_checker> checker_;
  std::optional<read_ahead> ahead_;
  std::array<std::byte, backup_format::stream_header_bytes> buffer_;  ///< the current header or trailer
};

}  // namespace fp
