#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/backup/chunk_producer.hpp"
#include "core/fpindex/segment_writer.hpp"
#include "core/index/snapshot.hpp"

namespace fp::fpindex {

/// Produces a snapshot as fpindex streams one: its header (`snapshot_header.hpp`), then the segment files, oldest
/// first. All segments come along, those in memory too: what a fetcher takes for the newest version is ours.
///
/// The sizes stand in front, so every segment is packed twice. Memory is one to two bytes for each block of one
/// segment. Segments are verified on the way out; errors name commits, section and offset.
class snapshot_writer final : public chunk_producer {
 public:
  static constexpr size_t default_chunk_bytes = size_t{256} << 10;

  /// Name and generation (not 0) are those of the index; the name is for messages. Throws `invalid_index_name` or
  /// `generation_not_allowed`.
  snapshot_writer(snapshot_ptr from, const std::string& index_name, uint64_t generation,
                  size_t max_chunk_bytes = default_chunk_bytes);

 private:
  enum class step { sizes, header, segments, end };

  std::span<const std::byte> make_next() override;
  bool is_complete() const noexcept override { return step_ == step::end; }
  void measure();
  std::span<const std::byte> next_of_header();
  std::span<const std::byte> next_of_segments();

  uint64_t generation_;
  step step_ = step::sizes;
  std::vector<segment_info> tiles_;
  std::vector<segment_plan> plans_;  ///< of the segments that are measured
  std::optional<segment_sizer> sizer_;
  std::vector<std::byte> header_;
  size_t header_given_ = 0;
  size_t position_ = 0;  ///< of the current segment
  std::optional<segment_writer> writer_;
};

}  // namespace fp::fpindex
