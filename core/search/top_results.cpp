#include "core/search/top_results.hpp"

#include <algorithm>
#include <utility>

namespace fp {

namespace {

constexpr uint64_t usual_results = 64;
constexpr size_t slots_a_slice = 1024;  ///< that are looked at between two looks at the clock

bool better(const search_result& a, const search_result& b) {
  return a.score != b.score ? a.score > b.score : a.id < b.id;
}

}  // namespace

template <class Slot>
void top_results::collect(const basic_score_table<Slot>& scores, uint32_t best, stop_condition& stop) {
  threshold_ = std::max(min_score_, uint64_t{best} * score_pct_ / 100);
  if (limit_ == 0 || scores.best() < threshold_) return;
  heap_.reserve(std::min<uint64_t>(limit_, usual_results));
  const auto is_enough = [least = static_cast<uint32_t>(threshold_)](const Slot& s) { return s.count >= least; };
  const auto slots = scores.slots();
  for (size_t at = 0; at < slots.size(); at += slots_a_slice) {
    const auto some = slots.subspan(at, std::min(slots_a_slice, slots.size() - at));
    // Few slots are worth more than a look: the library unrolls the loop over the others.
    for (auto s = some.begin(); (s = std::find_if(s, some.end(), is_enough)) != some.end(); ++s) {
      const search_result result{s->id, s->count};
      if (heap_.size() < limit_) {
        heap_.push_back(result);
      } else if (better(result, heap_.front())) {
        std::pop_heap(heap_.begin(), heap_.end(), better);
        heap_.back() = result;
      } else {
        continue;
      }
      std::push_heap(heap_.begin(), heap_.end(), better);
    }
    stop.worked(static_cast<uint32_t>(some.size()));
  }
}

template void top_results::collect(const score_table&, uint32_t, stop_condition&);
template void top_results::collect(const near_score_table&, uint32_t, stop_condition&);

std::vector<search_result> top_results::take() {
  // Later passes may have raised the threshold.
  std::erase_if(heap_, [this](const search_result& r) { return r.score < threshold_; });
  std::sort(heap_.begin(), heap_.end(), better);
  return std::exchange(heap_, {});
}

}  // namespace fp
