#pragma once

#include "core/base/error.hpp"
#include "core/search/search.hpp"

namespace fp {

/// Stops a search that takes too long.
class stop_condition {
 public:
  explicit stop_condition(const search_options& options) : options_(options) {}

  void check() const {
    if (is_cancelled(options_.cancel)) throw error(errc::cancelled, "search: cancelled");
    if (options_.deadline != steady_clock::time_point::max() && steady_clock::now() >= options_.deadline) {
      throw error(errc::search_timeout, "search: the deadline has passed");
    }
  }

 private:
  const search_options& options_;
};

}  // namespace fp
