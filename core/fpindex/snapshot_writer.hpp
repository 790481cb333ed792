#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/backup/chunk_producer.hpp"
#include "core/fpindex/segment_writer.hpp"
#include "core/index/snapshot.hpp"

namespace fp::fpindex {

/// Produces a snapshot as fpindex streams one: its header (`snapshot_header.hpp`), then the segment files, oldest
/// first. All segments come along, those in memory too: what a fetcher takes for the newest version is ours.
///
/// The sizes stand in front, so every segment is packed twice. Holds the snapshot, and besides one to two bytes for
/// each block of one segment.
class snapshot_writer final : public chunk_producer {
 public:
  static constexpr size_t default_chunk_bytes = size_t{256} << 10;

  /// Name and generation (not 0) are those of the index; the name is for messages. Throws `invalid_index_name` or
  /// `generation_not_allowed`.
  snapshot_writer(snapshot_ptr from, const std::string& index_name, uint64_t generation,
                  size_t max_chunk_bytes = default_chunk_bytes);

  size_t max_chunk_bytes() const noexcept override { return max_chunk_bytes_; }
  uint64_t num_bytes() const noexcept override { return num_bytes_; }
  /// Segments are verified on the way out: throws `corrupt_data` (with commits, section and offset), or `io_error`
  /// when a page cannot be read, rather than complete the stream.
  std::span<const std::byte> next() override;
  bool at_end() const noexcept override { return step_ == step::end; }

 private:
  enum class step { sizes, header, segments, end, failed };

  std::span<const std::byte> make_next();
  void measure();
  std::span<const std::byte> next_of_header();
  std::span<const std::byte> next_of_segments();
  std::string name_of(const snapshot::entry& e) const;

  snapshot_ptr from_;
  std::string index_name_;
  uint64_t generation_;
  size_t max_chunk_bytes_;
  step step_ = step::sizes;
  uint64_t num_bytes_ = 0;
  std::vector<segment_info> tiles_;
  std::vector<segment_plan> plans_;  ///< of the segments that are measured
  std::optional<segment_sizer> sizer_;
  std::vector<std::byte> header_;
  size_t header_given_ = 0;
  size_t position_ = 0;  ///< of the current segment
  std::optional<segment_writer> writer_;
};

}  // namespace fp::fpindex
