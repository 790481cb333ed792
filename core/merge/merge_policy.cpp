#include "core/merge/merge_policy.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/segment/segment_format.hpp"

namespace fp {

namespace {

using candidates = std::span<const merge_candidate>;

constexpr uint32_t max_dead_share_after_full_merge = 1;
/// A segment that is rewritten takes neighbours of together this part of its size along.
constexpr uint64_t neighbour_part = 4;
constexpr uint64_t idle_floor_part = 4;
/// Of a posting, about.
constexpr uint64_t bytes_per_posting = 4;

uint64_t dead(const merge_candidate& c) { return c.stored - std::min(c.live, c.stored); }

/// Whether more than `percent` of it is dead.
bool is_over(const merge_candidate& c, uint32_t percent) {
  return static_cast<double>(dead(c)) * 100 > static_cast<double>(c.stored) * percent;
}

/// Segments of a run, added one by one.
class run_size {
 public:
  explicit run_size(const merge_policy_options& options)
      : max_live_(std::clamp<uint64_t>(options.max_segment_size, 1, max_segment_postings)) {}

  /// Whether one segment can hold the run and `c`. The sum of what is stored bounds what is really kept, for `live`
  /// is an estimate.
  bool has_room_for(const merge_candidate& c) const {
    return live_ <= max_live_ && c.live <= max_live_ - live_ && stored_ <= max_segment_postings &&
           c.stored <= max_segment_postings - stored_;
  }
  void add(const merge_candidate& c) {
    live_ += c.live;
    stored_ += c.stored;
    largest_ = std::max(largest_, c.live);
  }

  uint64_t live() const noexcept { return live_; }
  uint64_t stored() const noexcept { return stored_; }
  uint64_t largest() const noexcept { return largest_; }  ///< of what is alive in each

 private:
  uint64_t max_live_, live_ = 0, stored_ = 0, largest_ = 0;
};

class tiered_choice {
 public:
  tiered_choice(candidates segments, const merge_policy_options& options)
      : segments_(segments),
        options_(options),
        floor_(std::max<uint64_t>(options.min_segment_size, 1)),
        max_size_(std::clamp<uint64_t>(options.max_segment_size, 1, max_segment_postings)),
        per_level_(std::max(options.segments_per_level, 2u)),
        per_merge_(std::max(options.segments_per_merge, 2u)),
        max_segments_(options.max_segments) {}

  std::optional<merge_range> choose() const {
    if (max_segments_ != 0 && segments_.size() > max_segments_) return best_run(true);
    size_t counted = 0;
    for (const merge_candidate& c : segments_) counted += !is_full(c.live);
    return counted > allowed_segments() ? best_run(false) : std::nullopt;
  }

 private:
  uint64_t floored(uint64_t size) const { return std::max(size, floor_); }
  /// So large that a merge with its like would be too large: left alone and not counted.
  bool is_full(uint64_t size) const { return size > max_size_ / 2; }

  /// The geometric budget: `per_level_` segments on each level from the smallest segment's on, levels growing by
  /// the number merged at once.
  size_t allowed_segments() const {
    double left = 0, level = static_cast<double>(max_size_);
    for (const merge_candidate& c : segments_) {
      if (is_full(c.live)) continue;
      const auto size = static_cast<double>(floored(c.live));
      left += size;
      level = std::min(level, size);
    }
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
    run_size last(options_);
    for (size_t i = 0; i < segments_.size();) {
      merge_candidate next = segments_[i++];
      if (merged && i - 1 == merged->first) {
        for (; i < merged->first + merged->count; i++) next.live += segments_[i].live;
        next.stored = next.live;
      }
      if (count == 0 || !last.has_room_for(next)) {
        count++;
        last = run_size(options_);
      }
      last.add(next);
    }
    return count;
  }

  /// Lucene's score: skew (the largest segment's share of the result) times a mild preference for small results.
  std::optional<merge_range> best_run(bool with_full_segments) const {
    const size_t reachable =
        max_segments_ == 0 ? segments_.size() : std::max<size_t>(fewest_segments({}), max_segments_);
    std::optional<merge_range> best;
    double best_score = std::numeric_limits<double>::infinity();
    for (size_t first = 0; first < segments_.size(); first++) {
      run_size size(options_);
      double largest = 0, total = 0;
      for (size_t count = 1; count <= per_merge_ && first + count <= segments_.size(); count++) {
        const merge_candidate& next = segments_[first + count - 1];
        if (!size.has_room_for(next) || (is_full(next.live) && !with_full_segments)) break;
        size.add(next);
        largest = std::max(largest, static_cast<double>(floored(next.live)));
        total += static_cast<double>(floored(next.live));
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

  candidates segments_;
  const merge_policy_options& options_;
  uint64_t floor_, max_size_;
  uint32_t per_level_, per_merge_;
  size_t max_segments_;
};

/// The segment at `position` and neighbours that may come along: empty ones, and ones of together a small part of
/// its size.
merge_range with_small_neighbours(candidates segments, size_t position, const merge_policy_options& options) {
  size_t first = position, end = position + 1;
  run_size size(options);
  size.add(segments[position]);
  uint64_t allowed = segments[position].live / neighbour_part;
  const size_t at_most = std::max(options.segments_per_merge, 2u);
  while (end - first < at_most) {
    const auto can_take = [&](size_t i) {
      return i < segments.size() && segments[i].live <= allowed && size.has_room_for(segments[i]);
    };
    const bool left = can_take(first - 1), right = can_take(end);
    if (!left && !right) break;
    const size_t taken = left && (!right || segments[first - 1].live <= segments[end].live) ? --first : end++;
    size.add(segments[taken]);
    allowed -= segments[taken].live;
  }
  return {first, end - first};
}

/// Rewrites what is dead, largest gain first; then makes one segment of empty neighbours.
std::optional<merge_range> choose_rewrite(candidates segments, const merge_policy_options& options) {
  std::optional<size_t> best;
  for (size_t i = 0; i < segments.size(); i++) {
    if (is_over(segments[i], options.max_dead_share) && (!best || dead(segments[i]) > dead(segments[*best])))
      best = i;
  }
  if (best) return with_small_neighbours(segments, *best, options);
  for (size_t i = 0; i < segments.size(); i++) {
    if (segments[i].live > 0) continue;
    const merge_range empty = with_small_neighbours(segments, i, options);
    if (empty.count > 1) return empty;
  }
  return std::nullopt;
}

std::optional<merge_range> choose_longest(candidates segments, const merge_policy_options& options) {
  const uint64_t floor = options.min_segment_size / idle_floor_part;
  const double factor = std::max(options.idle_merge_factor, 2u);
  const double dead_share = std::clamp(options.max_dead_share, 1u, 99u);
  const double dead_factor = (100 - dead_share) / dead_share;
  std::optional<merge_range> longest;
  uint64_t least = 0;
  for (size_t first = 0; first < segments.size(); first++) {
    run_size size(options), floored(options);
    for (size_t count = 1; first + count <= segments.size(); count++) {
      const merge_candidate& next = segments[first + count - 1];
      if (!size.has_room_for(next)) break;
      size.add(next);
      floored.add({next.stored, std::max(next.live, floor)});
      if (count < 2) continue;
      const double worth = factor * static_cast<double>(floored.live() - floored.largest()) +
                           dead_factor * static_cast<double>(size.stored() - size.live());
      if (static_cast<double>(size.live()) > worth) continue;
      if (longest && (count < longest->count || (count == longest->count && size.live() >= least))) continue;
      longest = merge_range{first, count};
      least = size.live();
    }
  }
  return longest;
}

std::optional<merge_range> choose_fewest(candidates segments, const merge_policy_options& options) {
  for (size_t first = 0; first < segments.size();) {
    run_size size(options);
    size.add(segments[first]);
    size_t count = 1;
    while (first + count < segments.size() && size.has_room_for(segments[first + count])) {
      size.add(segments[first + count++]);
    }
    if (count > 1 || is_over(segments[first], max_dead_share_after_full_merge)) return merge_range{first, count};
    first++;
  }
  return std::nullopt;
}

/// What `choose` finds in the first stretch between barriers that has something to merge.
template <class Choice>
std::optional<merge_range> choose_between_barriers(candidates segments, const Choice& choose) {
  for (size_t first = 0; first < segments.size();) {
    size_t end = first;
    while (end < segments.size() && segments[end].mergeable) end++;
    if (const auto range = choose(segments.subspan(first, end - first))) {
      return merge_range{first + range->first, range->count};
    }
    first = end + 1;
  }
  return std::nullopt;
}

std::optional<merge_range> choose_tiered(candidates segments, const merge_policy_options& options) {
  return choose_between_barriers(segments, [&](candidates stretch) {
    merge_policy_options own = options;
    // The bound is on all of them: those outside the stretch are there, too.
    const size_t outside = segments.size() - stretch.size();
    if (own.max_segments > 0) {
      own.max_segments = static_cast<uint32_t>(own.max_segments > outside ? own.max_segments - outside : 1);
    }
    return tiered_choice(stretch, own).choose();
  });
}

}  // namespace

merge_candidate candidate_of(const snapshot::entry& e) {
  const segment_info& info = e.segment->info();
  const uint64_t written = info.num_documents - info.num_tombstones;
  uint64_t live = 0;
  if (written > 0) {
    const double share = static_cast<double>(e.live_documents) / static_cast<double>(written);
    live = std::min(static_cast<uint64_t>(std::ceil(static_cast<double>(info.num_postings) * share)),
                    info.num_postings);
  }
  // Metadata is copied by every merge like postings: a segment of much of it is no small one.
  const metadata_list& list = e.segment->metadata();
  const uint64_t metadata = list.empty() ? 0 : list.num_bytes() / bytes_per_posting;
  return {info.num_postings + info.num_tombstones + metadata, live + e.needed_tombstones + metadata};
}

std::optional<merge_range> choose_merge(candidates segments, const merge_policy_options& options) {
  if (const auto range = choose_tiered(segments, options)) return range;
  return choose_between_barriers(segments, [&](candidates stretch) { return choose_rewrite(stretch, options); });
}

std::optional<merge_range> choose_idle_merge(candidates segments, const merge_policy_options& options) {
  const auto longest =
      choose_between_barriers(segments, [&](candidates stretch) { return choose_longest(stretch, options); });
  return longest ? longest : choose_merge(segments, options);
}

std::optional<merge_range> choose_full_merge(candidates segments, const merge_policy_options& options) {
  return choose_between_barriers(segments, [&](candidates stretch) { return choose_fewest(stretch, options); });
}

}  // namespace fp
