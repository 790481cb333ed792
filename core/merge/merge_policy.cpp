#include "core/merge/merge_policy.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

namespace fp {

namespace {

class tiered_choice {
 public:
  tiered_choice(std::vector<uint64_t> sizes, const merge_policy_options& options)
      : sizes_(std::move(sizes)),
        floor_(std::max<uint64_t>(options.min_segment_size, 1)),
        max_size_(std::max<uint64_t>(options.max_segment_size, 1)),
        per_level_(std::max(options.segments_per_level, 2u)),
        per_merge_(std::max(options.segments_per_merge, 2u)),
        max_segments_(options.max_segments) {}

  std::optional<merge_range> choose() const {
    if (max_segments_ != 0 && sizes_.size() > max_segments_) return best_run(true);
    size_t counted = 0;
    for (const uint64_t size : sizes_) counted += !is_full(size);
    return counted > allowed_segments() ? best_run(false) : std::nullopt;
  }

 private:
  uint64_t floored(uint64_t size) const { return std::max(size, floor_); }
  /// So large that a merge with its like would be too large: left alone and not counted.
  bool is_full(uint64_t size) const { return size > max_size_ / 2; }

  /// The geometric budget: `per_level_` segments on each level, levels growing by the number merged at once.
  size_t allowed_segments() const {
    double left = 0;
    for (const uint64_t size : sizes_) left += is_full(size) ? 0 : static_cast<double>(floored(size));
    double level = static_cast<double>(floor_);
    const auto largest_level = static_cast<double>(max_size_);
    size_t allowed = 0;
    while (true) {
      const double on_level = left / level;
      if (on_level < per_level_ || level >= largest_level) {
        allowed += static_cast<size_t>(std::ceil(on_level));
        break;
      }
      allowed += per_level_;
      left -= per_level_ * level;
      level = std::min(largest_level, level * per_merge_);
    }
    return std::max<size_t>(allowed, per_level_);
  }

  /// Into how few segments merges of neighbours could turn these, if need be. Filling each segment from the left
  /// is optimal for runs of neighbours.
  size_t fewest_segments(std::optional<merge_range> merged) const {
    size_t count = 0;
    uint64_t last = 0;
    for (size_t i = 0; i < sizes_.size();) {
      uint64_t size = sizes_[i++];
      if (merged && i - 1 == merged->first) {
        while (i < merged->first + merged->count) size += sizes_[i++];
      }
      if (count > 0 && last <= max_size_ && size <= max_size_ - last) {
        last += size;
      } else {
        count++;
        last = size;
      }
    }
    return count;
  }

  /// Lucene's score: skew (the largest segment's share of the result) times a mild preference for small results.
  std::optional<merge_range> best_run(bool with_full_segments) const {
    const size_t reachable =
        max_segments_ == 0 ? sizes_.size() : std::max<size_t>(fewest_segments({}), max_segments_);
    std::optional<merge_range> best;
    double best_score = std::numeric_limits<double>::infinity();
    for (size_t first = 0; first < sizes_.size(); first++) {
      uint64_t size = 0;
      double largest = 0, total = 0;
      for (size_t count = 1; count <= per_merge_ && first + count <= sizes_.size(); count++) {
        const uint64_t next = sizes_[first + count - 1];
        if (next > max_size_ || size > max_size_ - next || (is_full(next) && !with_full_segments)) break;
        size += next;
        largest = std::max(largest, static_cast<double>(floored(next)));
        total += static_cast<double>(floored(next));
        if (count < 2) continue;
        const double score = largest / total * std::pow(total, 0.05);
        if (score >= best_score) continue;
        if (max_segments_ != 0 && fewest_segments(merge_range{first, count}) > reachable) continue;
        best = merge_range{first, count};
        best_score = score;
      }
    }
    return best;
  }

  std::vector<uint64_t> sizes_;
  uint64_t floor_, max_size_;
  uint32_t per_level_, per_merge_;
  size_t max_segments_;
};

std::optional<merge_range> widest_merge(std::span<const uint64_t> sizes, uint64_t max_segment_size) {
  std::optional<merge_range> widest;
  for (size_t first = 0; first < sizes.size(); first++) {
    uint64_t total = 0;
    size_t count = 0;
    while (first + count < sizes.size() && sizes[first + count] <= max_segment_size &&
           total <= max_segment_size - sizes[first + count]) {
      total += sizes[first + count++];
    }
    if (count >= 2 && (!widest || count > widest->count)) widest = merge_range{first, count};
  }
  return widest;
}

/// What `choose` finds in the first stretch between barriers that has something to merge.
template <class Choice>
std::optional<merge_range> choose_between_barriers(std::span<const merge_candidate> segments, const Choice& choose) {
  for (size_t first = 0; first < segments.size();) {
    std::vector<uint64_t> sizes;
    for (size_t i = first; i < segments.size() && segments[i].mergeable; i++) sizes.push_back(segments[i].stored);
    const size_t count = sizes.size();
    if (const auto range = choose(std::move(sizes))) return merge_range{first + range->first, range->count};
    first += count + 1;
  }
  return std::nullopt;
}

}  // namespace

merge_candidate candidate_of(const snapshot::entry& e) {
  const segment_info& info = e.segment->info();
  const uint64_t written = info.num_documents - info.num_tombstones;
  if (written == 0) return {info.num_postings + info.num_tombstones, info.num_tombstones};
  const double share = static_cast<double>(e.live_documents) / static_cast<double>(written);
  const auto live = static_cast<uint64_t>(std::ceil(static_cast<double>(info.num_postings) * share));
  return {info.num_postings + info.num_tombstones, std::min(live, info.num_postings) + info.num_tombstones};
}

std::optional<merge_range> choose_merge(std::span<const merge_candidate> segments,
                                        const merge_policy_options& options) {
  return choose_between_barriers(
      segments, [&](std::vector<uint64_t> sizes) { return tiered_choice(std::move(sizes), options).choose(); });
}

std::optional<merge_range> choose_idle_merge(std::span<const merge_candidate> segments,
                                             const merge_policy_options& options) {
  return choose_merge(segments, options);
}

std::optional<merge_range> choose_full_merge(std::span<const merge_candidate> segments,
                                             const merge_policy_options& options) {
  return choose_between_barriers(segments, [&](const std::vector<uint64_t>& sizes) {
    return widest_merge(sizes, options.max_segment_size);
  });
}

}  // namespace fp
