#include "core/merge/run_splitter.hpp"

#include <algorithm>
#include <limits>

#include "core/base/error.hpp"

namespace fp {

namespace {

constexpr uint64_t largest_key = std::numeric_limits<uint64_t>::max();

}  // namespace

run_splitter::run_splitter(std::span<const std::unique_ptr<sorted_run>> runs, uint64_t max_keys)
    : runs_(runs), max_keys_(max_keys), positions_(runs.size()) {
  for (const auto& run : runs) left_ += run->size();
  step_ = largest_key / (left_ / max_keys_ + 1);
}

bool run_splitter::next(run_range& out) {
  if (left_ == 0) return false;
  out.from = from_;
  if (left_ <= max_keys_) {
    end(out);
    left_ = 0;
    return true;
  }
  // Keys are spread evenly, or many share a hash: the step that was right for the last range is nearly right.
  for (bool was_too_long = false;;) {
    const uint64_t to = from_ + std::min(step_, largest_key - from_);
    end_at(to, out);
    if (out.num_keys > max_keys_) {
      if (step_ == 1) throw error(errc::corrupt_data, "merge: keys are not in ascending order");
      step_ /= 2;
      was_too_long = true;
    } else if (out.num_keys < max_keys_ / 2 && !was_too_long && to < largest_key) {
      step_ = step_ > largest_key / 2 ? largest_key : step_ * 2;
    } else if (out.num_keys == 0) {
      if (to == largest_key) throw error(errc::corrupt_data, "merge: keys are not in ascending order");
      from_ = out.from = to;
    } else {
      from_ = to;
      break;
    }
  }
  for (size_t i = 0; i < runs_.size(); i++) positions_[i] = out.positions[i].second;
  left_ -= out.num_keys;
  return true;
}

void run_splitter::end_at(uint64_t to, run_range& range) const {
  range.positions.clear();
  range.num_keys = 0;
  for (size_t i = 0; i < runs_.size(); i++) {
    const uint64_t first = positions_[i];
    const uint64_t place = runs_[i]->position_of(to, {from_, first}, max_keys_ + 1);
    const uint64_t last = std::clamp(place, first, runs_[i]->size());
    range.positions.emplace_back(first, last);
    range.num_keys += last - first;
  }
}

void run_splitter::end(run_range& range) const {
  range.positions.clear();
  range.num_keys = left_;
  for (size_t i = 0; i < runs_.size(); i++) range.positions.emplace_back(positions_[i], runs_[i]->size());
}

}  // namespace fp
