#include "core/base/checksum.hpp"

#include <gtest/gtest.h>

#include <random>

namespace fp {
namespace {

TEST(checksum, is_xxh3_64) {
  // The published value for no bytes with seed 0.
  EXPECT_EQ(checksum(std::string_view()), 0x2d06800538d394c2u);
  EXPECT_EQ(checksum(std::span<const std::byte>()), 0x2d06800538d394c2u);
}

TEST(checksum, streaming_equals_one_shot) {
  std::mt19937 random(1);
  std::vector<std::byte> bytes(100'000);
  for (auto& b : bytes) b = static_cast<std::byte>(random());
  checksum_stream stream;
  EXPECT_EQ(stream.digest(), checksum(std::string_view()));
  for (size_t at = 0; at < bytes.size();) {
    const size_t n = std::min<size_t>(random() % 3000, bytes.size() - at);
    stream.update(std::span(bytes).subspan(at, n));
    at += n;
    EXPECT_EQ(stream.digest(), checksum(std::span(bytes).first(at)));
  }
  stream.reset();
  stream.update(std::span(bytes).first(10));
  EXPECT_EQ(stream.digest(), checksum(std::span(bytes).first(10)));
}

TEST(checksum, hex_round_trip) {
  for (const uint64_t value : {uint64_t{0}, uint64_t{1}, uint64_t{0x0123456789abcdef}, ~uint64_t{0}}) {
    EXPECT_EQ(parse_hex16(to_hex16(value)), value);
  }
  EXPECT_EQ(to_hex16(0x0123456789abcdef), "0123456789abcdef");
  for (const char* text : {"", "0", "0123456789abcde", "0123456789abcdef0", "0123456789ABCDEF", "0x23456789abcdef",
                           "0123456789abcdeg", " 123456789abcdef", "-123456789abcdef"}) {
    EXPECT_FALSE(parse_hex16(text)) << text;
  }
}

}  // namespace
}  // namespace fp
