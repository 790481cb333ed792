#include "core/base/doc_set.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

namespace fp {
namespace {

TEST(DocSet, IsMadeFromAscendingIds) {
  std::mt19937_64 random(1);
  doc_set_maker maker;
  for (int round = 0; round < 300; round++) {
    // Far apart, close together, and both; containers of 4,096 ids and one more.
    const uint64_t range = uint64_t{1} << (2 + random() % 31);
    std::set<document_id> ids;
    for (uint64_t i = random() % 3000; i > 0; i--) ids.insert(static_cast<document_id>(random() % range));
    if (round % 3 == 0) {
      const auto first = static_cast<document_id>(random() % range);
      for (document_id i = 0; i < 4095 + random() % 3 && first + i >= first; i++) ids.insert(first + i);
    }
    if (round % 7 == 0) ids.insert({0, 65535, 65536, 0xffff0000, 0xffffffff});
    const std::vector<document_id> ascending(ids.begin(), ids.end());
    const doc_set made = maker.make(ascending);
    EXPECT_EQ(made, doc_set(ascending.size(), ascending.data()));
    EXPECT_EQ(made.cardinality(), ids.size());
  }
}

TEST(DocSet, ContainersOfAnySizeAreWhatAddingMakesThem) {
  for (const document_id count : {1u, 2u, 4095u, 4096u, 4097u, 65536u}) {
    std::vector<document_id> ids;
    for (document_id i = 0; i < count; i++) ids.push_back(0x30000 + i);
    ids.push_back(0x70001);
    EXPECT_EQ(doc_set_maker().make(ids), doc_set(ids.size(), ids.data())) << count;
  }
  EXPECT_TRUE(doc_set_maker().make({}).isEmpty());
}

}  // namespace
}  // namespace fp
