#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "core/backup/backup_format.hpp"
#include "core/backup/chunk_producer.hpp"
#include "core/base/checksum.hpp"
#include "core/index/snapshot.hpp"
#include "core/segment/read_ahead.hpp"
#include "core/segment/segment_stream_checker.hpp"

namespace fp {

/// Produces the backup of a snapshot (see `backup_format.hpp`) chunk by chunk, as fast as it is asked for them.
/// Holds the snapshot, and no memory that grows with it: chunks of segments are where the segments are. Serves one
/// thread at a time.
class backup_writer final : public chunk_producer {
 public:
  static constexpr size_t default_chunk_bytes = size_t{256} << 10;

  /// Name and generation (not 0) are those of the index. Throws `invalid_index_name` or `generation_not_allowed`.
  backup_writer(snapshot_ptr from, const std::string& index_name, uint64_t generation,
                size_t max_chunk_bytes = default_chunk_bytes);

  /// Bytes of the whole stream, known before the first of them is.
  uint64_t total_bytes() const noexcept { return header_.num_bytes; }
  size_t max_chunk_bytes() const noexcept override { return max_chunk_bytes_; }
  uint64_t num_bytes() const noexcept override { return num_bytes_; }

  /// The next bytes of the stream: at most `max_chunk_bytes`, or one whole header (4096 bytes at most). No bytes at
  /// the end. Valid until the next call. A segment's bytes are verified on the way out: throws `corrupt_data` (with
  /// commits, section and offset), or `io_error` when a page cannot be read, rather than complete a backup that
  /// could not be restored, and `internal_error` after that.
  std::span<const std::byte> next() override;
  bool at_end() const noexcept override { return step_ == step::end; }

 private:
  enum class step { stream_header, entry, page, sections, trailer, end, failed };

  std::span<const std::byte> make_next();
  std::span<const std::byte> make_stream_header() noexcept;
  std::span<const std::byte> make_entry() noexcept;
  std::span<const std::byte> start_segment();
  std::span<const std::byte> next_of_sections();
  std::span<const std::byte> make_trailer() noexcept;
  /// What follows when `position_` segments are complete.
  step step_after_segment() const noexcept;

  snapshot_ptr from_;
  size_t max_chunk_bytes_;
  backup_format::stream_header header_;
  step step_ = step::stream_header;
  uint64_t num_bytes_ = 0;
  checksum_stream checksum_;
  size_t position_ = 0;              ///< of the current segment
  std::span<const std::byte> left_;  ///< of the current segment
  std::optional<segment_stream_checker> checker_;
  std::optional<read_ahead> ahead_;
  std::array<std::byte, backup_format::stream_header_bytes> buffer_;  ///< the current header or trailer
};

}  // namespace fp
