#include "core/merge/run_merger.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "core/base/error.hpp"
#include "tests/core/support/error_of.hpp"
#include "tests/core/support/helper_pool.hpp"
#include "tests/core/support/key_list.hpp"

namespace fp {
namespace {

const run_merger::step nothing = [](size_t, std::span<const uint64_t>) {};

std::vector<uint64_t> merged(const std::vector<std::vector<uint64_t>>& lists, helper_threads* helpers) {
  std::vector<uint64_t> all;
  std::vector<std::span<const uint64_t>> prepared(run_merger::num_places(helpers));
  run_merger(test::runs_of(lists))
      .merge(
          helpers, nullptr, [&](size_t place, std::span<const uint64_t> keys) { prepared.at(place) = keys; },
          [&](size_t place, std::span<const uint64_t> keys) {
            EXPECT_EQ(prepared.at(place).data(), keys.data());
            EXPECT_EQ(prepared.at(place).size(), keys.size());
            all.insert(all.end(), keys.begin(), keys.end());
          });
  return all;
}

TEST(RunMerger, AnyNumberOfRunsWithAndWithoutHelpers) {
  test::helper_pool helpers(3);
  std::mt19937_64 random(4);
  for (size_t num_runs = 0; num_runs < 24; num_runs++) {
    std::vector<std::vector<uint64_t>> lists(num_runs);
    std::vector<uint64_t> expected;
    for (auto& keys : lists) {
      keys.resize(random() % 3 == 0 ? 0 : random() % (size_t{1} << random() % 18));
      for (auto& k : keys) k = random() | 1;
      std::sort(keys.begin(), keys.end());
      expected.insert(expected.end(), keys.begin(), keys.end());
    }
    std::sort(expected.begin(), expected.end());
    EXPECT_TRUE(merged(lists, nullptr) == expected) << num_runs;
    EXPECT_TRUE(merged(lists, &helpers) == expected) << num_runs;
  }
}

TEST(RunMerger, RunsThatLeaveKeysOut) {
  /// Reads every third key alone, and none at all of some ranges.
  class sieve final : public sorted_run {
   public:
    explicit sieve(uint64_t first) : first_(first) {}
    uint64_t size() const noexcept override { return 300'000; }
    uint64_t position_of(uint64_t key, const run_place&, uint64_t) const noexcept override {
      return key < first_ ? 0 : std::min((key - first_ + 1) / 2, size());
    }
    size_t read(const run_place& from, uint64_t last, uint64_t* out) const override {
      size_t count = 0;
      for (uint64_t i = from.position; i < last; i++) {
        if (i % 3 == 0 && i / 100'000 != 1) out[count++] = first_ + 2 * i;
      }
      return count;
    }
    void prepare(const run_place&) noexcept override {}

   private:
    uint64_t first_;
  };
  test::helper_pool helpers(1);
  for (helper_threads* h : test::nobody_and(helpers)) {
    std::vector<std::unique_ptr<sorted_run>> runs;
    std::vector<uint64_t> expected, all;
    for (const uint64_t first : {1, 2}) {
      runs.push_back(std::make_unique<sieve>(first));
      expected.resize(expected.size() + 300'000);
      const auto count = runs.back()->read({}, 300'000, expected.data() + expected.size() - 300'000);
      expected.resize(expected.size() - 300'000 + count);
    }
    std::sort(expected.begin(), expected.end());
    run_merger(std::move(runs)).merge(h, nullptr, nothing, [&](size_t, std::span<const uint64_t> keys) {
      all.insert(all.end(), keys.begin(), keys.end());
    });
    EXPECT_TRUE(all == expected);
  }
}

TEST(RunMerger, HasFewRangesOnTheirWayHoweverManyHelpersThereAre) {
  class many final : public helper_threads {
   public:
    size_t count() const noexcept override { return 1000; }
    void offer(std::function<void()>) override {}
  };
  many helpers;
  EXPECT_EQ(run_merger::num_places(nullptr), 1u);
  EXPECT_LE(run_merger::num_places(&helpers), 16u);
}

TEST(RunMerger, StopsWhenItIsToldToAndWhenItsConsumerFails) {
  std::vector<std::vector<uint64_t>> lists(2);
  for (uint64_t i = 1; i <= 1'000'000; i++) lists[i % 2].push_back(i);
  test::helper_pool helpers(2);
  for (helper_threads* h : test::nobody_and(helpers)) {
    run_merger merger(test::runs_of(lists));
    cancel_flag cancel = false;
    uint64_t consumed = 0;
    EXPECT_EQ(test::error_of([&] {
                merger.merge(h, &cancel, nothing, [&](size_t, std::span<const uint64_t> keys) {
                  consumed += keys.size();
                  cancel = true;
                });
              }).code(),
              errc::cancelled);
    EXPECT_LE(consumed, 40'000u);
    const run_merger::step fail = [](size_t, auto) { throw error(errc::no_space, "full"); };
    EXPECT_EQ(test::error_of([&] { merger.merge(h, nullptr, nothing, fail); }).code(), errc::no_space);
    EXPECT_EQ(test::error_of([&] { merger.merge(h, nullptr, fail, nothing); }).code(), errc::no_space);
  }
}

TEST(RunMerger, ARunThatCannotBeReadEndsTheMerge) {
  class unreadable final : public sorted_run {
   public:
    uint64_t size() const noexcept override { return 500'000; }
    uint64_t position_of(uint64_t key, const run_place&, uint64_t) const noexcept override {
      return std::min(key, size());
    }
    size_t read(const run_place& from, uint64_t last, uint64_t* out) const override {
      if (last > 400'000) throw error(errc::io_error, "gone");
      for (uint64_t i = from.position; i < last; i++) out[i - from.position] = i + 1;
      return last - from.position;
    }
    void prepare(const run_place&) noexcept override {}
  };
  test::helper_pool helpers(2);
  for (helper_threads* h : test::nobody_and(helpers)) {
    std::vector<std::unique_ptr<sorted_run>> runs;
    runs.push_back(std::make_unique<unreadable>());
    EXPECT_EQ(test::error_of([&] { run_merger(std::move(runs)).merge(h, nullptr, nothing, nothing); }).code(),
              errc::io_error);
  }
}

}  // namespace
}  // namespace fp
