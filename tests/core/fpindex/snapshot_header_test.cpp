#include "core/fpindex/snapshot_header.hpp"

#include <gmock/gmock.h>

#include "tests/core/support/error_of.hpp"

namespace fp::fpindex {
namespace {

snapshot_header read_text(std::string_view text) {
  message_pack_reader in("snapshot", std::as_bytes(std::span(text)));
  return read_snapshot_header(in);
}

TEST(snapshot_header, is_read_as_it_was_written) {
  for (const auto& header :
       {snapshot_header{1, {}}, snapshot_header{max_generation, {{{1, 25, {}}, 24'267}}},
        snapshot_header{300, {{{1, 0, 5}, 900}, {{2, 0, 5}, UINT64_MAX}, {{3, 70'000, 9}, 0}}}}) {
    std::vector<std::byte> bytes;
    message_pack_writer out(bytes);
    write(header, out);
    bytes.push_back(std::byte{0x42});
    message_pack_reader in("snapshot", bytes);
    EXPECT_EQ(read_snapshot_header(in), header);
    EXPECT_EQ(in.offset(), bytes.size() - 1);
  }
  const snapshot_header header{300, {{{1, 0, 5}, 900}, {{2, 0, 5}, UINT64_MAX}}};
  EXPECT_EQ(header.num_file_bytes(), UINT64_MAX);
  EXPECT_EQ(header.index_version(), 5u);
  EXPECT_EQ(snapshot_header().index_version(), 0u);
}

TEST(snapshot_header, fields_may_come_in_any_order_and_more_of_them) {
  EXPECT_EQ(read_text("\x84\xa1s\x90\xa3gen\x07\xa1x\x92\x01\x02\xa6"
                      "format\x01"),
            (snapshot_header{7, {}}));
}

TEST(snapshot_header, what_cannot_be_is_refused_with_its_offset) {
  const auto what = [](std::string_view text) {
    const auto e = test::error_of([&] { read_text(text); });
    EXPECT_EQ(e.code(), errc::corrupt_data);
    return std::string(e.what());
  };
  using testing::HasSubstr;
  EXPECT_THAT(what(std::string_view("\x83\xa1"
                                    "f\x02\xa1g\x01\xa1s\x90")),
              HasSubstr("format 2"));
  EXPECT_THAT(what(std::string_view("\x83\xa1"
                                    "f\x01\xa1g\x00\xa1s\x90",
                                    11)),
              HasSubstr("needs"));
  EXPECT_THAT(what("\x82\xa1"
                   "f\x01\xa1g\x01"),
              HasSubstr("needs"));
  EXPECT_THAT(what("\x89"
                   "FPBAK"),
              HasSubstr("offset"));
  // Commits 1 and 3.
  EXPECT_THAT(what(std::string_view("\x83\xa1"
                                    "f\x01\xa1g\x01\xa1s\x92\x82\xa1i\x93\x01\x00\xc0\xa1s\x05"
                                    "\x82\xa1i\x93\x03\x00\xc0\xa1s\x05",
                                    30)),
              HasSubstr("from 3 on follows one up to 1"));
}

}  // namespace
}  // namespace fp::fpindex
