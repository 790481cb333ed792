#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/changelog/spooled_base.hpp"
#include "core/fpindex/log_converter.hpp"
#include "core/fs/file_system.hpp"

namespace fp {

/// Makes segment files of all that an index holds at one position, which comes as changes: one commit, in as many
/// parts as are needed. Memory is bounded by that of a part.
class bulk_loader {
 public:
  static constexpr size_t default_part_bytes = fpindex::log_converter::default_segment_bytes;

  /// `folder`: empty, and the caller's to remove. `part_bytes`: of encoded changes, beyond which another part
  /// begins.
  bulk_loader(file_system& fs, path folder, feed_position position, size_t part_bytes = default_part_bytes);

  /// Encoded changes, in order. Throws what `validate_changes` does, `io_error` or `no_space`.
  void add(std::span<const uint8_t> changes);
  /// Changes of a log that end at a position, which is the index's by then.
  void add(std::span<const uint8_t> changes, feed_position position);
  /// There are no more. The index is held by the files in the folder alone.
  snapshot_ptr finish();

 private:
  void convert(std::vector<std::vector<uint8_t>> changes);

  file_system& fs_;
  path folder_;
  feed_position position_;
  std::vector<path> files_;
  bool has_changes_ = false;
  fpindex::commit_chain chain_;
  fpindex::log_converter converter_;
};

/// A feed's bootstrap stream as a backup of ours.
class bootstrap_base final : public spooled_base {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// `deadline`: for all of the stream.
  bootstrap_base(file_system& fs, path folder, std::unique_ptr<bootstrap_stream> from, lineage of,
                 time_point deadline)
      : spooled_base(fs, std::move(folder), std::move(of)), from_(std::move(from)), deadline_(deadline) {}

 private:
  snapshot_ptr bring() override;

  std::unique_ptr<bootstrap_stream> from_;
  time_point deadline_;
};

}  // namespace fp
