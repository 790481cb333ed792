#include "core/commit/checked_changes.hpp"

#include <gtest/gtest.h>

#include "tests/core/support/error_of.hpp"

namespace fp {
namespace {

std::vector<uint8_t> inserting(document_id id) {
  changes_encoder changes;
  changes.insert(id, std::vector<hash_value>{1, 2, 3});
  return changes.take();
}

TEST(checked_changes, keep_what_is_valid) {
  const auto bytes = inserting(7);
  const checked_changes taken(bytes, {});
  EXPECT_NO_THROW(taken.require_valid());
  EXPECT_EQ(*taken.bytes(), bytes);
  EXPECT_EQ(taken.size(), bytes.size());
  const auto shared = std::make_shared<const std::vector<uint8_t>>(bytes);
  EXPECT_EQ(checked_changes(shared, {}).bytes(), shared);
}

TEST(checked_changes, tell_what_is_wrong_as_often_as_they_are_asked) {
  const checked_changes nobody(inserting(0), {}), large(inserting(7), {.max_bytes = 4});
  for (int i = 0; i < 2; i++) {
    const auto e = test::error_of([&] { nobody.require_valid(); });
    EXPECT_EQ(e.code(), errc::invalid_document_id);
    EXPECT_STREQ(e.what(), test::error_of([&] { validate_changes(*nobody.bytes(), {}); }).what());
    EXPECT_EQ(test::error_of([&] { large.require_valid(); }).code(), errc::payload_too_large);
  }
}

}  // namespace
}  // namespace fp
