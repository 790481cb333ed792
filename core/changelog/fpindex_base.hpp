#pragma once

#include <functional>
#include <memory>

#include "core/changelog/spooled_base.hpp"

namespace fp {

/// What a donor sends that speaks fpindex's snapshot format, as a backup of ours. It holds what the donor has in
/// files, and its checksums are those of the segments' blocks.
class fpindex_base final : public spooled_base {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  struct options {
    feed_position floor = 0;  ///< the least position that is of use
    time_point deadline;      ///< for all of it
    /// Called with the bytes of segment files that have come, and will have in the end.
    std::function<void(uint64_t bytes, uint64_t total)> on_progress;
  };

  fpindex_base(file_system& fs, path folder, std::unique_ptr<base_stream> from, lineage of, options o)
      : spooled_base(fs, std::move(folder), std::move(of)), from_(std::move(from)), options_(std::move(o)) {}

 private:
  /// Throws what the stream does, and `corrupt_data` for one of another generation, or that is too old, before any
  /// segment has come.
  snapshot_ptr bring() override;

  std::unique_ptr<base_stream> from_;
  options options_;
};

}  // namespace fp
