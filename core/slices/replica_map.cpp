#include "core/slices/replica_map.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <utility>

namespace fp {

namespace {

/// Missing slices, slices of draining members alone, slices.
using cost = std::array<size_t, 3>;
constexpr cost no_way{std::numeric_limits<size_t>::max(), 0, 0};

bool drains(const slice_holders& holders, const replica_map::predicate& may_answer) {
  return std::ranges::none_of(holders.replicas,
                              [&](const slice_replica& r) { return may_answer(r) && !r.is_draining; });
}

bool ends_all(const slice& s) { return s.last() == UINT32_MAX; }

std::vector<slice> slices_of(const std::vector<slice_holders>& holders) {
  std::vector<slice> slices;
  for (const auto& h : holders) slices.push_back(h.part);
  return slices;
}

}  // namespace

replica_map::replica_map(std::span<const slice_replica> replicas) {
  std::vector<slice_replica> sorted(replicas.begin(), replicas.end());
  std::ranges::stable_sort(sorted, {}, &slice_replica::part);
  for (const auto& replica : sorted) {
    if (holders_.empty() || holders_.back().part != replica.part) holders_.push_back({replica.part, {}});
    holders_.back().replicas.push_back(replica);
  }
  const auto first_of = [](const slice_holders& h) { return uint64_t{h.part.first()}; };
  for (const auto& h : holders_) {
    const auto found = std::ranges::equal_range(holders_, uint64_t{h.part.last()} + 1, {}, first_of);
    behind_.push_back({static_cast<size_t>(found.begin() - holders_.begin()),
                       static_cast<size_t>(found.end() - holders_.begin())});
  }
}

slice_tiling replica_map::choose_tiling(const predicate& may_answer) const {
  // The cheapest way from each slice to the end, the last slices first.
  std::vector<cost> costs(holders_.size(), no_way);
  std::vector<size_t> next(holders_.size(), 0);
  std::vector<bool> answers(holders_.size());
  const auto cheapest = [&](run among) {
    size_t best = among.end;
    for (size_t i = among.first; i < among.end; ++i) {
      if (costs[i] != no_way && (best == among.end || costs[i] < costs[best])) best = i;
    }
    return best;
  };
  for (size_t i = holders_.size(); i-- > 0;) {
    const auto& replicas = holders_[i].replicas;
    answers[i] = std::ranges::any_of(replicas, may_answer);
    const bool is_draining = answers[i] && drains(holders_[i], may_answer);
    cost rest{0, 0, 0};
    if (!ends_all(holders_[i].part)) {
      next[i] = cheapest(behind_[i]);
      if (next[i] == behind_[i].end) continue;
      rest = costs[next[i]];
    }
    costs[i] = {rest[0] + (answers[i] ? 0 : 1), rest[1] + (is_draining ? 1 : 0), rest[2] + 1};
  }
  const auto at_start = std::ranges::find_if(holders_, [](const auto& h) { return h.part.first() > 0; });
  const run starts{0, static_cast<size_t>(at_start - holders_.begin())};
  slice_tiling out;
  size_t at = cheapest(starts);
  if (at == starts.end) {
    out.fault = holders_.empty() ? "no slices are known" : tiling_fault(slices_of(holders_));
    return out;
  }
  for (;; at = next[at]) {
    (answers[at] ? out.slices : out.missing).push_back(at);
    if (ends_all(holders_[at].part)) return out;
  }
}

slice_tiling replica_map::choose_slice_of(document_id document, const predicate& may_answer) const {
  std::optional<size_t> draining, silent;
  for (size_t i = 0; i < holders_.size(); ++i) {
    if (!holders_[i].part.contains(document)) continue;
    if (std::ranges::none_of(holders_[i].replicas, may_answer)) {
      silent = i;
    } else if (drains(holders_[i], may_answer)) {
      draining = i;
    } else {
      return {{i}, {}, ""};
    }
  }
  if (draining) return {{*draining}, {}, ""};
  if (silent) return {{}, {*silent}, ""};
  return {{}, {}, "no slice that is known holds document " + std::to_string(document)};
}

}  // namespace fp
