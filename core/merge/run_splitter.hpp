#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "core/merge/sorted_run.hpp"

namespace fp {

/// What several runs have of a range of keys.
struct run_range {
  uint64_t from = 0;                                     ///< no key of the range is below it
  std::vector<std::pair<uint64_t, uint64_t>> positions;  ///< of each run: its first, and the one behind its last
  uint64_t num_keys = 0;                                 ///< at all these positions
};

/// Cuts runs into ranges of keys, in ascending order, that can be merged each for itself.
class run_splitter {
 public:
  /// The runs must outlive it; none of its ranges has more than `max_keys`, 1 or more for each run.
  run_splitter(std::span<const std::unique_ptr<sorted_run>> runs, uint64_t max_keys);

  /// The next range, of one key at least; false when there is none left. Throws `corrupt_data` when runs are not in
  /// order.
  bool next(run_range& out);

 private:
  /// Lets the next range end where it has keys, but not too many.
  void find_end(run_range& range);
  /// Lets it end before `to`, or take all that is left.
  void end_at(std::optional<uint64_t> to, run_range& range) const;

  std::span<const std::unique_ptr<sorted_run>> runs_;
  uint64_t max_keys_;
  std::vector<uint64_t> positions_;  ///< where the next range begins
  uint64_t left_ = 0;                ///< keys from there on
  uint64_t from_ = 0;
  uint64_t step_ = 0;  ///< how far apart the ends of the last range were
};

}  // namespace fp
