#include "core/fs/open_files.hpp"

#include <gtest/gtest.h>
#include <algorithm>

#include <atomic>
#include <deque>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include "core/base/error.hpp"
#include "tests/core/support/error_of.hpp"

namespace fp {
namespace {

using namespace std::chrono_literals;

/// A file of which only the number of open ones counts.
class counted_file final : public writable_file {
 public:
  explicit counted_file(std::atomic<int>& open) : open_(open) { open_++; }
  ~counted_file() override { open_--; }
  uint64_t size() const override { return 0; }
  void write_at(uint64_t, std::span<const std::byte>) override {}
  void sync() override {}
  void truncate(uint64_t) override {}

 private:
  std::atomic<int>& open_;
};

class open_files_test : public ::testing::Test {
 protected:
  /// Uses a file, opening it when it is closed. Whether it was open still.
  bool use(kept_file& kept) {
    const kept_file::use in_use(kept);
    if (kept.file()) return true;
    kept.file() = std::make_unique<counted_file>(open_);
    return false;
  }

  std::atomic<int> open_ = 0;
};

TEST_F(open_files_test, keeps_files_open_and_closes_the_one_used_longest_ago) {
  auto files = std::make_shared<open_files>(2);
  kept_file a(files), b(files), c(files);
  EXPECT_FALSE(use(a));
  EXPECT_FALSE(use(b));
  EXPECT_TRUE(use(a));
  EXPECT_FALSE(use(c));
  EXPECT_EQ(open_, 2);
  EXPECT_TRUE(use(a));
  EXPECT_FALSE(use(b));
  EXPECT_FALSE(use(c));
}

TEST_F(open_files_test, a_place_closes_a_kept_file) {
  auto files = std::make_shared<open_files>(1);
  kept_file a(files);
  use(a);
  {
    const open_files::place place(*files);
    EXPECT_EQ(open_, 0);
    EXPECT_EQ(files->num_open(), 1u);
  }
  EXPECT_EQ(files->num_open(), 0u);
  EXPECT_FALSE(use(a));
}

TEST_F(open_files_test, who_waits_in_vain_is_told_and_nothing_is_lost) {
  auto files = std::make_shared<open_files>(1, 1ms);
  kept_file a(files);
  use(a);
  {
    const open_files::place place(*files);
    EXPECT_EQ(test::error_of([&] { use(a); }).code(), errc::io_error);
    EXPECT_EQ(test::error_of([&] { open_files::place second(*files); }).code(), errc::io_error);
    kept_file never_used(files);
    EXPECT_EQ(test::error_of([&] { use(never_used); }).code(), errc::io_error);
  }
  EXPECT_FALSE(use(a));
  EXPECT_EQ(files->num_open(), 1u);
}

TEST_F(open_files_test, a_kept_file_ends_closed_wherever_it_was) {
  auto files = std::make_shared<open_files>(1);
  for (const bool evicted : {false, true}) {
    std::optional<kept_file> a(files), b(files);
    use(*a);
    if (evicted) use(*b);
    a.reset();
    EXPECT_EQ(open_, evicted ? 1 : 0);
    b.reset();
    EXPECT_EQ(open_, 0);
    EXPECT_EQ(files->num_open(), 0u);
  }
}

/// Uses in a random order against the model of a list.
TEST_F(open_files_test, behaves_as_a_list_of_the_last_used) {
  std::mt19937 random(7);
  for (const size_t capacity : {1, 3, 8}) {
    auto files = std::make_shared<open_files>(capacity);
    std::deque<kept_file> kept;
    for (int i = 0; i < 10; i++) kept.emplace_back(files);
    std::deque<size_t> model;  // open ones, used longest ago first
    for (int step = 0; step < 2'000; step++) {
      const size_t i = random() % kept.size();
      if (random() % 10 == 0) {
        const open_files::place place(*files);
        if (model.size() == capacity) model.pop_front();
        continue;
      }
      const auto found = std::find(model.begin(), model.end(), i);
      ASSERT_EQ(use(kept[i]), found != model.end());
      if (found != model.end()) model.erase(found);
      if (model.size() == capacity) model.pop_front();
      model.push_back(i);
      ASSERT_EQ(open_, static_cast<int>(model.size()));
      ASSERT_EQ(files->num_open(), model.size());
    }
  }
}

TEST_F(open_files_test, many_threads_never_have_more_open_than_allowed) {
  constexpr int capacity = 3;
  auto files = std::make_shared<open_files>(capacity);
  std::atomic<int> most = 0;
  const auto note = [&] {
    for (int seen = open_, before = most; seen > before && !most.compare_exchange_weak(before, seen);) {
    }
  };
  std::deque<kept_file> kept;
  for (int i = 0; i < 8; i++) kept.emplace_back(files);
  {
    std::vector<std::jthread> threads;
    for (auto& mine : kept) {
      threads.emplace_back([&] {
        for (int i = 0; i < 2'000; i++) {
          use(mine);
          note();
        }
      });
    }
  }
  EXPECT_EQ(most, capacity);
  kept.clear();
  EXPECT_EQ(open_, 0);
  EXPECT_EQ(files->num_open(), 0u);
}

}  // namespace
}  // namespace fp
