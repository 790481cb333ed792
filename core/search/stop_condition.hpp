#pragma once

#include <algorithm>

#include "core/base/error.hpp"
#include "core/base/switch_watch.hpp"
#include "core/search/search.hpp"

namespace fp {

/// Whether a searcher may work for a while without a look at the clock. A look takes as long as two look-ups, so
/// few are taken while memory is fast. But a page that has to come from a disk takes as long as ten thousand
/// look-ups, so memory counts as cold until it has been fast for a while, and again after every slow step.
class search_pace {
 public:
  bool is_cold() const noexcept { return quick_looks_ < looks_to_trust; }
  void looked(steady_clock::duration since_last) noexcept {
    quick_looks_ = since_last > slow_step ? 0 : std::min(quick_looks_ + 1, looks_to_trust);
  }

  static constexpr uint32_t looks_to_trust = 256;
  static constexpr std::chrono::microseconds slow_step{100};

 private:
  uint32_t quick_looks_ = 0;
};

/// Stops a search that takes too long: every loop of a search says what it has done. While memory is cold, each
/// piece of work that may touch a page of its own is followed by a look at the clock. While it is warm, there is a
/// look after much work, and after whatever took the processor from the thread: a page that has turned cold does.
/// Where that cannot be seen, the first looks of a search come soon, and the later ones after more and more work. A
/// search without a deadline that nobody can cancel takes none.
class stop_condition {
 public:
  stop_condition(const search_options& options, search_pace& pace)
      : options_(options), pace_(pace), stride_(watch_.works() ? most_units : first_units) {
    check();
  }

  /// Throws `search_timeout` past the deadline and `cancelled` when told so.
  void check();

  /// Whether even small pieces of work are to be told one by one: memory is cold, or may have turned cold.
  bool wants_all() const noexcept { return watch_.has_switched(); }
  /// Checks once enough has been done. One unit takes about a nanosecond in warm memory.
  void worked(uint32_t units) {
    if (units >= left_ || wants_all()) {
      check();
    } else {
      left_ -= units;
    }
  }

  static constexpr uint32_t first_units = 512, most_units = 16384;  ///< between two looks, when memory is warm

 private:
  const search_options& options_;
  search_pace& pace_;
  switch_watch watch_;
  steady_clock::time_point last_look_;
  uint32_t left_ = 0, stride_;
};

}  // namespace fp
