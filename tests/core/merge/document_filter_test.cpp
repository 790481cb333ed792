#include <gtest/gtest.h>

#include "core/merge/posting_source.hpp"

namespace fp {
namespace {

TEST(DocumentFilter, HoldsWhatTheSetHolds) {
  for (const document_id spread : {1u, 1000u, 200'000'000u}) {
    doc_set set;
    for (const document_id id : {1u, 7u, 7u + spread, 4'294'967'295u - spread}) set.add(id);
    const document_filter filter(set);
    EXPECT_FALSE(filter.is_empty());
    for (const document_id near : {1u, 7u, 7u + spread, 4'294'967'295u - spread}) {
      for (const document_id id : {near - 1, near, near + 1})
        EXPECT_EQ(filter.contains(id), set.contains(id)) << id;
    }
  }
}

TEST(DocumentFilter, OfNothingHoldsNothing) {
  const doc_set none;
  const document_filter from_set(none), by_default;
  for (const document_id id : {0u, 1u, 4'294'967'295u}) {
    EXPECT_FALSE(from_set.contains(id));
    EXPECT_FALSE(by_default.contains(id));
  }
  EXPECT_TRUE(from_set.is_empty());
}

}  // namespace
}  // namespace fp
