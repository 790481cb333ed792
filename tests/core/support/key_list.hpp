#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "core/merge/sorted_run.hpp"

namespace fp::test {

/// A run of keys in memory.
class key_list final : public sorted_run {
 public:
  explicit key_list(std::vector<uint64_t> keys) : keys_(std::move(keys)) {}

  uint64_t size() const noexcept override { return keys_.size(); }
  uint64_t position_of(uint64_t key, const run_place&, uint64_t) const noexcept override {
    return static_cast<uint64_t>(std::lower_bound(keys_.begin(), keys_.end(), key) - keys_.begin());
  }
  size_t read(const run_place& from, uint64_t last, uint64_t* out) const override {
    std::copy(keys_.begin() + static_cast<std::ptrdiff_t>(from.position),
              keys_.begin() + static_cast<std::ptrdiff_t>(last), out);
    return last - from.position;
  }
  void prepare(const run_place&) noexcept override {}

 private:
  std::vector<uint64_t> keys_;
};

inline std::vector<std::unique_ptr<sorted_run>> runs_of(const std::vector<std::vector<uint64_t>>& lists) {
  std::vector<std::unique_ptr<sorted_run>> runs;
  for (const auto& list : lists) runs.push_back(std::make_unique<key_list>(list));
  return runs;
}

}  // namespace fp::test
