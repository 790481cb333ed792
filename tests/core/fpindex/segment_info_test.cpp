#include "core/fpindex/segment_info.hpp"

#include <gtest/gtest.h>

#include "core/base/error.hpp"

namespace fp::fpindex {
namespace {

std::vector<std::byte> bytes_of_info(const segment_info& info) {
  std::vector<std::byte> bytes;
  message_pack_writer out(bytes);
  write(info, out);
  return bytes;
}

TEST(FpindexSegmentInfo, SurvivesWritingAndReading) {
  for (const segment_info info :
       {segment_info{1, 25, {}}, segment_info{156, 20, 0}, segment_info{1, 0, 1ull << 40}}) {
    const auto bytes = bytes_of_info(info);
    message_pack_reader in("info", bytes);
    EXPECT_EQ(read_segment_info(in), info);
    EXPECT_TRUE(in.at_end());
  }
  // As in a manifest that fpindex wrote.
  EXPECT_EQ(bytes_of_info({156, 20, {}}),
            (std::vector{std::byte{0x93}, std::byte{0xcc}, std::byte{0x9c}, std::byte{0x14}, std::byte{0xc0}}));
}

TEST(FpindexSegmentInfo, RefusesWhatCannotBe) {
  for (const segment_info info : {segment_info{0, 0, {}}, segment_info{2, max_commit_id - 1, {}},
                                  segment_info{1, 0, UINT64_MAX}, segment_info{UINT64_MAX, 0, {}}}) {
    const auto bytes = bytes_of_info(info);
    message_pack_reader in("info", bytes);
    EXPECT_THROW(read_segment_info(in), error) << info.commit;
  }
}

TEST(FpindexSegmentInfo, NamesFiles) {
  EXPECT_EQ(segment_file_name({156, 20, {}}), "000000000000009c-00000014.data");
}

}  // namespace
}  // namespace fp::fpindex
