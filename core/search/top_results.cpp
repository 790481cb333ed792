#include "core/search/top_results.hpp"

#include <algorithm>
#include <utility>

namespace fp {

namespace {

constexpr size_t usual_results = 64;
constexpr size_t slots_a_slice = 1024;  ///< that are looked at between two looks at the clock

/// The best result has the least one.
uint64_t rank_of(const search_result& r) { return uint64_t{~r.score} << 32 | r.id; }
constexpr auto better = [](const search_result& a, const search_result& b) { return rank_of(a) < rank_of(b); };

}  // namespace

void top_results::add(const search_result& result) {
  if (result.score < least_score(result.id)) return;
  promise(result.score);
  if (found_.empty()) found_.reserve(std::min(limit_, usual_results));
  found_.push_back(result);
  num_better_ += result.score > worst_.score;
  if (num_better_ >= limit_ || found_.size() >= limit_ + limit_ / 8 + 1) drop_others();
}

void top_results::drop_others() {
  // Many at a time: each costs a few comparisons, where a heap's cost would follow its depth.
  const auto worst = found_.begin() + static_cast<std::ptrdiff_t>(limit_ - 1);
  std::nth_element(found_.begin(), worst, found_.end(), better);
  worst_ = *worst;
  found_.resize(limit_);
  const auto is_better = [this](const search_result& r) { return r.score > worst_.score; };
  num_better_ = static_cast<size_t>(std::count_if(found_.begin(), found_.end(), is_better));
}

template <class Slot>
void top_results::collect(const basic_score_table<Slot>& scores, stop_condition& stop) {
  promise(scores.best());
  if (scores.best() < least_score(0)) return;
  const auto is_enough = [least = static_cast<uint32_t>(least_score(0))](const Slot& s) {
    return s.count >= least;
  };
  const auto slots = scores.slots();
  for (size_t at = 0; at < slots.size(); at += slots_a_slice) {
    const auto some = slots.subspan(at, std::min(slots_a_slice, slots.size() - at));
    // Few slots are worth more than a look: the library unrolls the loop over the others.
    for (auto s = some.begin(); (s = std::find_if(s, some.end(), is_enough)) != some.end(); ++s) {
      add({s->id, s->count});
    }
    stop.worked(static_cast<uint32_t>(some.size()));
  }
}

template void top_results::collect(const score_table&, stop_condition&);
template void top_results::collect(const near_score_table&, stop_condition&);

std::vector<search_result> top_results::take() {
  // What came later may have raised the threshold.
  std::erase_if(found_, [this](const search_result& r) { return r.score < threshold_; });
  std::sort(found_.begin(), found_.end(), better);
  if (found_.size() > limit_) found_.resize(limit_);
  return std::exchange(found_, {});
}

}  // namespace fp
