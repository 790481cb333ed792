#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/seeded_mix.hpp"
#include "core/base/types.hpp"
#include "core/search/search.hpp"
#include "core/search/stop_condition.hpp"

namespace fp {

/// The hashes of a query, each once. Usual queries go through a hash table of positions: sorting them takes about
/// as long as looking them up in a segment. Longer ones are sorted, digit by digit.
class distinct_hashes {
 public:
  explicit distinct_hashes(seeded_mix mix) : mix_(mix) {}

  /// Takes a query, in any order. Throws as `stop` does.
  std::span<const hash_value> take(query_view query, stop_condition& stop);

  uint64_t bytes() const noexcept;
  /// What a query of so many hashes takes at most.
  static uint64_t bytes_for(size_t num_hashes) noexcept;

 private:
  static constexpr size_t max_hashed = 1024;

  void drop_hashed();
  void drop_sorted(stop_condition& stop);
  void sort(stop_condition& stop);

  seeded_mix mix_;
  std::vector<hash_value> hashes_, other_;
  std::vector<uint16_t> slots_;
};

}  // namespace fp
