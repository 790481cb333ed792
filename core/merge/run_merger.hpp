#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "core/base/cancel.hpp"
#include "core/base/task_line.hpp"
#include "core/merge/run_splitter.hpp"
#include "core/merge/sorted_run.hpp"

namespace fp {

/// Merges runs, a range of keys at a time: as many keys as fit the second cache, with room for what they are merged
/// into. Ranges are merged by helpers too, and consumed in order by the thread that asks.
class run_merger {
 public:
  /// What is done with some keys: with the place that they are in, one of `num_places`.
  using step = std::function<void(size_t place, std::span<const uint64_t> keys)>;

  explicit run_merger(std::vector<std::unique_ptr<sorted_run>> runs);
  ~run_merger();

  /// In how many places ranges are on their way at once.
  static size_t num_places(const helper_threads* helpers) noexcept;
  /// `consume` is called with all keys in ascending order, some at a time, by the thread that asks; `prepare`
  /// before that with the same ones, by any thread, at once for several places. Throws `cancelled`, `corrupt_data`
  /// when runs are not in order, and what the two throw.
  void merge(helper_threads* helpers, const cancel_flag* cancel, const step& prepare, const step& consume);

 private:
  /// Of the order in which runs are joined, two at a time: a run, or what two others make.
  struct node {
    size_t run = 0;  ///< of a leaf
    size_t first = no_node, second = no_node;

    bool is_leaf() const noexcept { return first == no_node; }
  };
  static constexpr size_t no_node = SIZE_MAX;
  class range_merge;

  std::vector<std::unique_ptr<sorted_run>> runs_;
  std::vector<node> nodes_;  ///< children before their parents, the root last
};

}  // namespace fp
