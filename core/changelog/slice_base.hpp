#pragma once

#include <functional>
#include <memory>

#include "core/base/cancel.hpp"
#include "core/changelog/spooled_base.hpp"
#include "core/index/data_folder.hpp"
#include "core/slices/slice.hpp"

namespace fp {

/// A slice of an index, cut out of more of it: of a backup that a donor sends, or of what the node holds itself.
class slice_base final : public spooled_base {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  struct options {
    time_point deadline;  ///< for all that comes
    /// Called with the bytes that have come, and will have in the end.
    std::function<void(uint64_t bytes, uint64_t total)> on_progress;
    /// Where whole segments go when the donor breaks; empty: nowhere.
    path held;
    /// Ends it, with `cancelled`; null: nothing does.
    std::shared_ptr<const cancel_flag> cancel = {};
  };

  /// Of a backup; all of it comes before it is cut.
  slice_base(file_system& fs, path folder, std::unique_ptr<base_stream> from, lineage of, const slice& part,
             options o)
      : spooled_base(fs, std::move(folder), std::move(of)),
        from_(std::move(from)),
        part_(part),
        options_(std::move(o)) {}
  /// Of an index that is open. `o`: of it `cancel` alone.
  slice_base(file_system& fs, path folder, snapshot_ptr more, lineage of, const slice& part, options o)
      : spooled_base(fs, std::move(folder), std::move(of)),
        more_(std::move(more)),
        part_(part),
        options_(std::move(o)) {}

 private:
  /// Throws what the stream does, what `backup_restorer` does, and `corrupt_data` for another generation.
  snapshot_ptr bring() override;
  snapshot_ptr receive();

  std::unique_ptr<base_stream> from_;
  snapshot_ptr more_;
  slice part_;
  options options_;
};

}  // namespace fp
