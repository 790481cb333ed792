#include "app/parallel/work_off.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <string>

namespace fp {
namespace {

TEST(work_off_test, each_number_comes_once_and_each_thread_has_a_worker) {
  for (const size_t threads : {1u, 2u, 5u}) {
    for (const size_t count : {0u, 1u, 3u, 1'000u}) {
      std::vector<std::atomic<int>> times(count);
      std::atomic<size_t> workers{0};
      work_off(count, threads, [&] {
        workers++;
        return [&](size_t i) { times[i]++; };
      });
      for (size_t i = 0; i < count; i++) EXPECT_EQ(times[i], 1) << i;
      EXPECT_LE(workers, std::max<size_t>(1, std::min(threads, count)));
    }
  }
}

TEST(work_off_test, the_first_failure_ends_it) {
  for (const size_t threads : {1u, 4u}) {
    std::atomic<size_t> begun{0};
    std::atomic<bool> called_off{false};
    const auto fail_at_100 = [&] {
      return [&](size_t i) {
        begun++;
        if (called_off) throw std::runtime_error("called off");
        if (i == 100) throw std::runtime_error("number 100");
      };
    };
    std::string what;
    try {
      work_off(100'000, threads, fail_at_100, [&] { called_off = true; });
    } catch (const std::runtime_error& e) {
      what = e.what();
    }
    EXPECT_EQ(what, "number 100");
    EXPECT_TRUE(called_off);
    EXPECT_LT(begun, 100'000u);
  }
}

TEST(work_off_test, a_worker_that_cannot_be_made_is_a_failure) {
  EXPECT_THROW(work_off(3, 2, []() -> void (*)(size_t) { throw std::runtime_error("none"); }), std::runtime_error);
}

}  // namespace
}  // namespace fp
