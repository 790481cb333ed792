#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/index/snapshot.hpp"
#include "core/upkeep/upkeep_planner.hpp"

namespace fp {

/// What is searched, what files are merged from, and what upkeep sees of both.
class served_index {
 public:
  const snapshot_ptr& whole() const noexcept { return whole_; }
  /// The file segments by themselves. A file must be whole by itself: what only memory segments rewrite or delete
  /// stays in it, in case their log is lost. So that is what files are merged from.
  const snapshot_ptr& files() const noexcept { return files_; }
  /// `whole()` as upkeep sees it, its files by themselves.
  std::span<const upkeep_segment> segments() const noexcept { return segments_; }
  /// Whether there are segments that lie in the page cache.
  bool maps_files() const noexcept;
  bool has_file(const segment_info& segment) const;

  /// Serves `whole`, whose file segments by themselves are `files`. Answers whether files are mapped that were not
  /// before.
  bool serve(snapshot_ptr whole, snapshot_ptr files);
  /// With one newer memory segment.
  void add(segment_ptr newest) { serve(whole_->with_added(std::move(newest)), files_); }
  /// With `merged` in the place of `inputs`, neighbours that are served, oldest first. Answers as `serve`.
  bool replace(std::span<const segment_ptr> inputs, const segment_ptr& merged);

 private:
  snapshot_ptr whole_ = std::make_shared<const snapshot>();
  snapshot_ptr files_ = whole_;
  std::vector<upkeep_segment> segments_;
};

}  // namespace fp
