#include "core/search/stop_condition.hpp"

#include <algorithm>

namespace fp {

void stop_condition::check() {
  watch_.restart();
  if (options_.cancel == nullptr && options_.deadline == steady_clock::time_point::max()) {
    left_ = UINT32_MAX;
    return;
  }
  if (is_cancelled(options_.cancel)) throw error(errc::cancelled, "search: cancelled");
  const auto now = options_.now();
  if (now >= options_.deadline && options_.deadline != steady_clock::time_point::max()) {
    throw error(errc::search_timeout, "search: the deadline has passed");
  }
  if (last_look_ != steady_clock::time_point()) pace_.looked(now - last_look_);
  last_look_ = now;
  if (pace_.is_cold()) watch_.assume_switched();
  left_ = stride_;
  stride_ = std::min(stride_ * 2, most_units);
}

}  // namespace fp
