#include <gmock/gmock.h>

#include "tests/core/backup/backup_fixture.hpp"
#include "tests/core/support/crafted_segment.hpp"
#include "tests/core/support/error_of.hpp"

namespace fp {
namespace {

using test::byte_vector;
using test::error_of;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

/// Backups whose checksums all hold, and which hold nonsense.
class restore_checks : public test::backup_test {
 protected:
  static segment_shape shape() {
    segment_shape shape;
    shape.first_commit = 1;
    shape.last_commit = 2;
    shape.hash_mask = 0xff;
    return shape;
  }
  static byte_vector stream_of(byte_vector segment) {
    test::crafted_backup b;
    b.header = {"main", 3, 2, 1, 0};
    b.segments.push_back({{0, segment.size(), {.first = 1, .last = 2}}, std::move(segment)});
    b.header.num_bytes = backup_format::stream_header_bytes + backup_format::trailer_bytes +
                         backup_format::entry_bytes + b.segments[0].second.size();
    b.trailer = {1, b.header.num_bytes, 0};
    return b.seal();
  }
  void expect_refused(byte_vector segment, const std::string& reason) {
    const error e = error_of([&] { restore(stream_of(std::move(segment))); });
    EXPECT_EQ(e.code(), errc::corrupt_data);
    EXPECT_THAT(e.what(), AllOf(StartsWith("backup: offset "), HasSubstr("segment 0"), HasSubstr(reason)));
    EXPECT_FALSE(fs_.exists(target_.data / manifest_file_name));
    empty_target();
  }
};

TEST_F(restore_checks, good_postings) {
  auto good =
      test::craft_segment(shape(), {make_posting(1, 5), make_posting(1, 6)}, {{5, 1}, {6, 2}, {9, 2, true}});
  restore(stream_of(good));
  EXPECT_EQ(open_target()->find(6)->commit, 2u);
}

TEST_F(restore_checks, postings_out_of_order) {
  auto segment = test::craft_segment(shape(), {make_posting(1, 5), make_posting(1, 6)}, {{5, 1}, {6, 2}});
  test::exchange_postings(segment, 0, 1);
  expect_refused(std::move(segment), "posting 1: not in order");
}

TEST_F(restore_checks, postings_of_documents_that_are_not_there) {
  expect_refused(test::craft_segment(shape(), {make_posting(1, 6)}, {{5, 1}, {7, 2}}), "document 6");
  expect_refused(test::craft_segment(shape(), {make_posting(1, 7)}, {{5, 1}, {7, 2, true}}), "document 7");
}

TEST_F(restore_checks, postings_without_any_living_document) {
  expect_refused(test::craft_segment(shape(), {make_posting(1, 5)}, {{5, 1, true}}), "document 5");
}

TEST_F(restore_checks, hashes_outside_the_mask) {
  auto gap = shape();
  gap.hash_mask = 0b101;
  expect_refused(test::craft_segment(gap, {make_posting(0b110, 5)}, {{5, 1}}), "mask");
}

}  // namespace
}  // namespace fp
