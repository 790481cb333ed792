#include <gmock/gmock.h>

#include "core/text/fingerprint_text.hpp"
#include "tests/core/support/error_of.hpp"

namespace fp {
namespace {

TEST(fingerprint_reader, rows_without_a_fingerprint_are_skipped) {
  fingerprint_reader reader;
  for (const char* row : {"null", " null\r", R"({"id": 7, "fingerprint": null, "length": 0})",
                          R"({"fingerprint": null, "created": null})", R"({"id": null, "fingerprint": null})"}) {
    EXPECT_FALSE(reader.feed(row)) << row;
  }
  const auto next = reader.feed(R"({"id": 8, "fingerprint": [1], "length": null})");
  ASSERT_TRUE(next);
  EXPECT_EQ(*next->id, 8u);
  EXPECT_EQ(reader.line_number(), 6u);
  // A hash that is null, an id, and a row that does not speak of a fingerprint are mistakes.
  for (const char* row :
       {R"({"id": 8, "fingerprint": [null]})", R"({"id": null, "fingerprint": [1]})", R"({"id": 8})"}) {
    EXPECT_EQ(test::error_of([&] { reader.feed(row); }).code(), errc::bad_request) << row;
  }
}

}  // namespace
}  // namespace fp
