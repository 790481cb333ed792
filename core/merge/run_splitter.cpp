#include "core/merge/run_splitter.hpp"

#include <algorithm>
#include <limits>

#include "core/base/error.hpp"

namespace fp {

namespace {

constexpr uint64_t largest_key = std::numeric_limits<uint64_t>::max();

[[noreturn]] void throw_not_in_order() {
  throw error(errc::corrupt_data, "merge: keys are not in ascending order");
}

}  // namespace

run_splitter::run_splitter(std::span<const std::unique_ptr<sorted_run>> runs, uint64_t max_keys)
    : runs_(runs), max_keys_(max_keys), positions_(runs.size()) {
  for (const auto& run : runs) left_ += run->size();
  step_ = largest_key / (left_ / max_keys_ + 1);
}

bool run_splitter::next(run_range& out) {
  if (left_ == 0) return false;
  if (left_ <= max_keys_) {
    end_at(std::nullopt, out);
  } else {
    find_end(out);
  }
  for (size_t i = 0; i < runs_.size(); i++) positions_[i] = out.positions[i].second;
  left_ -= out.num_keys;
  return true;
}

void run_splitter::find_end(run_range& range) {
  // Keys are spread evenly, or many share a hash: the step that was right for the last range is nearly right.
  for (bool was_too_long = false;;) {
    const uint64_t to = from_ + std::min(step_, largest_key - from_);
    end_at(to, range);
    if (range.num_keys > max_keys_) {
      if (step_ == 1) throw_not_in_order();
      step_ /= 2;
      was_too_long = true;
    } else if (range.num_keys < max_keys_ / 2 && !was_too_long && to < largest_key) {
      step_ = step_ > largest_key / 2 ? largest_key : step_ * 2;
    } else {
      from_ = to;
      if (range.num_keys > 0) return;
      if (to == largest_key) throw_not_in_order();
    }
  }
}

void run_splitter::end_at(std::optional<uint64_t> to, run_range& range) const {
  range.from = from_;
  range.positions.clear();
  range.num_keys = 0;
  for (size_t i = 0; i < runs_.size(); i++) {
    const uint64_t first = positions_[i], size = runs_[i]->size();
    const uint64_t place = to ? runs_[i]->position_of(*to, {from_, first}, max_keys_ + 1) : size;
    const uint64_t last = std::clamp(place, first, size);
    range.positions.emplace_back(first, last);
    range.num_keys += last - first;
  }
}

}  // namespace fp
