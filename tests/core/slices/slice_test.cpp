#include "core/slices/slice.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <vector>

#include "tests/core/support/error_of.hpp"

namespace fp {
namespace {

std::vector<slice> all_of(uint32_t count) {
  std::vector<slice> slices;
  for (uint32_t i = 1; i <= count; ++i) slices.emplace_back(i, count);
  return slices;
}

TEST(slice_test, mixes_ids_one_to_one) {
  std::vector<uint32_t> mixed;
  for (uint32_t id = 0; id < 200'000; ++id) mixed.push_back(mixed_id(id));
  for (uint32_t i = 0; i < 200'000; ++i) mixed.push_back(mixed_id(UINT32_MAX - i));
  std::ranges::sort(mixed);
  EXPECT_EQ(std::ranges::adjacent_find(mixed), mixed.end());
}

TEST(slice_test, spreads_ids_that_were_given_one_after_the_other) {
  for (const uint32_t step : {1u, 2u, 10u, 4096u, 65536u}) {
    std::vector<size_t> counts(16);
    for (uint32_t i = 1; i <= 16'000; ++i) {
      for (uint32_t n = 1; n <= 16; ++n) counts[n - 1] += slice(n, 16).contains(i * step);
    }
    for (const auto count : counts) {
      EXPECT_GT(count, 850u) << step;
      EXPECT_LT(count, 1150u) << step;
    }
  }
}

TEST(slice_test, of_any_count_hold_every_document_once) {
  std::mt19937 random(1);
  for (const uint32_t count : {1u, 2u, 3u, 4u, 7u, 16u, 255u, 1000u, slice::max_count}) {
    const auto slices = all_of(count);
    EXPECT_EQ(tiling_fault(slices), "");
    EXPECT_EQ(slices.front().first(), 0u);
    EXPECT_EQ(slices.back().last(), UINT32_MAX);
    for (int i = 0; i < 100; ++i) {
      const auto id = static_cast<document_id>(random());
      EXPECT_EQ(std::ranges::count_if(slices, [&](const slice& s) { return s.contains(id); }), 1) << id;
    }
  }
}

TEST(slice_test, has_halves_that_hold_what_it_holds) {
  for (const uint32_t count : {1u, 2u, 3u, 5u, 100u, slice::max_count / 2}) {
    for (const auto& whole : all_of(count)) {
      const auto [left, right] = whole.halves();
      EXPECT_EQ(left.first(), whole.first());
      EXPECT_EQ(right.first(), left.last() + 1);
      EXPECT_EQ(right.last(), whole.last());
      EXPECT_TRUE(whole.contains(left) && whole.contains(right));
      EXPECT_TRUE(whole.overlaps(left) && !left.overlaps(right));
      EXPECT_FALSE(left.contains(whole));
    }
  }
  EXPECT_EQ(test::error_of([] { slice(1, slice::max_count).halves(); }).code(), errc::bad_request);
}

TEST(slice_test, is_written_as_it_is_read) {
  for (const auto& one : all_of(12)) EXPECT_EQ(slice::parse(one.text()), one);
  EXPECT_EQ(slice(2, 4).text(), "2/4");
  EXPECT_EQ(slice(), slice(1, 1));
  for (const char* text : {"", "/", "1", "1/", "/1", "0/1", "2/1", "-1/2", "1/-2", "1/2 ", " 1/2", "1/2/3", "a/b",
                           "1/0", "1/4097", "4294967297/2", "0x1/2"}) {
    EXPECT_EQ(test::error_of([&] { slice::parse(text); }).code(), errc::bad_request) << text;
  }
}

TEST(slice_test, tells_what_keeps_slices_from_holding_all_once) {
  using list = std::vector<slice>;
  EXPECT_EQ(tiling_fault(list{{1, 2}, {3, 4}, {4, 4}}), "");
  EXPECT_EQ(tiling_fault(list{{4, 4}, {1, 2}, {3, 4}, {1, 2}}), "");
  EXPECT_EQ(tiling_fault(list{{1, 2}, {2, 4}, {2, 2}}), "1/2 and 2/4 overlap");
  EXPECT_EQ(tiling_fault(list{{1, 1}, {1, 2}}), "1/2 and 1/1 overlap");
  EXPECT_EQ(tiling_fault(list{{1, 3}, {3, 3}}), "no slice holds the mixed ids 1431655765 to 2863311529");
  EXPECT_EQ(tiling_fault(list{{1, 2}}), "no slice holds the mixed ids 2147483648 to 4294967295");
  EXPECT_EQ(tiling_fault(list{}), "no slice holds the mixed ids 0 to 4294967295");
}

}  // namespace
}  // namespace fp
