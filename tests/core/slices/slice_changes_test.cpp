#include "core/slices/slice_changes.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "tests/core/support/error_of.hpp"

namespace fp {
namespace {

TEST(slice_changes_test, keep_their_order_and_all_metadata) {
  std::mt19937 random(5);
  for (int round = 0; round < 200; ++round) {
    const uint32_t count = 1 + random() % 5;
    std::vector<changes_encoder> expected(count);
    changes_encoder all;
    for (auto n = random() % 40; n > 0; --n) {
      const auto id = static_cast<document_id>(1 + random() % 30);
      const std::vector<hash_value> hashes(random() % 4, random());
      const auto kind = random() % 4;
      const auto add = [&](changes_encoder& to) {
        switch (kind) {
          case 0:
            to.insert(id, hashes);
            break;
          case 1:
            to.erase(id);
            break;
          case 2:
            to.set_metadata("key" + std::to_string(id), "value");
            break;
          default:
            to.remove_metadata("key" + std::to_string(id));
        }
      };
      add(all);
      for (uint32_t i = 0; i < count; ++i) {
        if (kind >= 2 || slice(i + 1, count).contains(id)) add(expected[i]);
      }
    }
    for (uint32_t i = 0; i < count; ++i) {
      EXPECT_EQ(changes_of_slice(all.bytes(), slice(i + 1, count)), expected[i].bytes());
    }
  }
}

TEST(slice_changes_test, are_refused_when_malformed) {
  const std::vector<uint8_t> bad{1, 2, 3};
  EXPECT_EQ(test::error_of([&] { changes_of_slice(bad, slice(1, 2)); }).code(), errc::bad_request);
}

}  // namespace
}  // namespace fp
