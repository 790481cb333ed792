#include "core/fpindex/message_pack.hpp"

#include <gtest/gtest.h>
#include <algorithm>

#include <nlohmann/json.hpp>
#include <random>

#include "core/base/located_error.hpp"

namespace fp::fpindex {
namespace {

using json = nlohmann::json;

std::vector<std::byte> packed_value(const json& value) {
  const auto bytes = json::to_msgpack(value);
  const auto view = std::as_bytes(std::span(bytes));
  return {view.begin(), view.end()};
}

uint64_t random_width(std::mt19937_64& random) { return random() >> (random() % 64); }

json random_value(std::mt19937_64& random, unsigned depth) {
  switch (random() % (depth > 0 ? 9 : 7)) {
    case 0:
      return random_width(random);
    case 1:
      return -static_cast<int64_t>(random_width(random) >> 1);
    case 2:
      return random() % 2 == 0;
    case 3:
      return nullptr;
    case 4:
      return std::string(random_width(random) % 70'000, 'x');
    case 5:
      return static_cast<double>(random()) / 3;
    case 6:
      return json::binary(std::vector<uint8_t>(random() % 300, 7));
    case 7: {
      json array = json::array();
      for (size_t i = random() % 20; i > 0; i--) array.push_back(random_value(random, depth - 1));
      return array;
    }
    default: {
      json map = json::object();
      for (size_t i = random() % 20; i > 0; i--) map[std::to_string(random())] = random_value(random, depth - 1);
      return map;
    }
  }
}

void write_value(const json& value, message_pack_writer& out) {
  if (value.is_array()) {
    out.array_header(static_cast<uint32_t>(value.size()));
    for (const auto& element : value) write_value(element, out);
  } else if (value.is_object()) {
    out.map_header(static_cast<uint32_t>(value.size()));
    for (const auto& [key, element] : value.items()) {
      out.string(key);
      write_value(element, out);
    }
  } else if (value.is_string()) {
    out.string(value.get<std::string>());
  } else if (value.is_boolean()) {
    out.boolean(value.get<bool>());
  } else if (value.is_null()) {
    out.nil();
  } else {
    out.number(value.get<uint64_t>());
  }
}

/// Reads what a value of known shape should be.
void expect_value(const json& value, message_pack_reader& in) {
  if (value.is_array()) {
    ASSERT_EQ(in.array_header(), value.size());
    for (const auto& element : value) expect_value(element, in);
  } else if (value.is_object()) {
    ASSERT_EQ(in.map_header(), value.size());
    for (const auto& [key, element] : value.items()) {
      ASSERT_EQ(in.string(100), key);
      expect_value(element, in);
    }
  } else if (value.is_string()) {
    ASSERT_EQ(in.string(1 << 20), value.get<std::string>());
  } else if (value.is_boolean()) {
    ASSERT_EQ(in.boolean(), value.get<bool>());
  } else if (value.is_null()) {
    ASSERT_EQ(in.number_or_nil(), std::nullopt);
  } else if (value.is_number_unsigned()) {
    ASSERT_EQ(in.number(), value.get<uint64_t>());
  } else {
    in.skip();
  }
}

/// Hands bytes out in pieces of any length.
class slow_source final : public byte_source {
 public:
  slow_source(std::span<const std::byte> bytes, std::mt19937_64& random) : bytes_(bytes), random_(random) {}
  size_t read(std::span<std::byte> out) override {
    const size_t count = std::min({out.size(), bytes_.size(), size_t{1} + random_() % 40});
    std::copy_n(bytes_.begin(), count, out.begin());
    bytes_ = bytes_.subspan(count);
    return count;
  }

 private:
  std::span<const std::byte> bytes_;
  std::mt19937_64& random_;
};

TEST(MessagePack, ReadsWhatAnotherWriterWrote) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 300; round++) {
    const json value = random_value(random, 3);
    const auto bytes = packed_value(value);
    message_pack_reader whole("bytes", bytes);
    expect_value(value, whole);
    EXPECT_TRUE(whole.at_end());
    EXPECT_EQ(whole.offset(), bytes.size());
    message_pack_reader skipping("bytes", bytes);
    skipping.skip();
    EXPECT_TRUE(skipping.at_end());
    slow_source pieces(bytes, random);
    message_pack_reader stream("stream", pieces, 1000, 64);
    expect_value(value, stream);
    EXPECT_TRUE(stream.at_end());
    EXPECT_EQ(stream.offset(), 1000 + bytes.size());
  }
}

TEST(MessagePack, WritesWhatAnotherReaderReads) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 300; round++) {
    json kept = json::array();
    for (int i = 0; i < 50; i++) kept.push_back(random_width(random));
    kept.push_back(std::string(random() % 70'000, 'y'));
    kept.push_back(json{{"k", json::array({nullptr, true, false})}});
    std::vector<std::byte> bytes;
    message_pack_writer out(bytes);
    write_value(kept, out);
    EXPECT_EQ(bytes, packed_value(kept));
  }
}

TEST(MessagePack, SaysWhereValuesEndTooEarly) {
  const json value = {{"k", json::array({1, 300, 70'000, 1ull << 40, "text", true})}, {"l", "more"}};
  const auto bytes = packed_value(value);
  for (size_t cut = 0; cut < bytes.size(); cut++) {
    message_pack_reader in("name", std::span(bytes).first(cut));
    try {
      in.skip();
      FAIL() << cut;
    } catch (const located_error& e) {
      EXPECT_EQ(e.code(), errc::corrupt_data);
      EXPECT_EQ(e.offset(), cut) << e.what();
      EXPECT_TRUE(std::string(e.what()).starts_with("name: offset ")) << e.what();
    }
  }
}

TEST(MessagePack, RefusesOtherTypes) {
  const auto text = packed_value("text"), below = packed_value(-5), large = packed_value(300);
  EXPECT_THROW(message_pack_reader("", text).number(), error);
  EXPECT_THROW(message_pack_reader("", below).number(), error);
  EXPECT_THROW(message_pack_reader("", large).number(299), error);
  EXPECT_EQ(message_pack_reader("", large).number(300), 300u);
  EXPECT_THROW(message_pack_reader("", large).string(10), error);
  EXPECT_THROW(message_pack_reader("", text).string(3), error);
  EXPECT_THROW(message_pack_reader("", text).map_header(), error);
  EXPECT_THROW(message_pack_reader("", text).array_header(), error);
  EXPECT_THROW(message_pack_reader("", text).boolean(), error);
  EXPECT_EQ(message_pack_reader("", text).field(), 't');
  const std::vector<std::byte> never_used{std::byte{0xc1}};
  EXPECT_THROW(message_pack_reader("", never_used).skip(), error);
  const std::vector<std::byte> nested(1000, std::byte{0x91});
  EXPECT_THROW(message_pack_reader("", nested).skip(), error);
  // Positive numbers in signed encodings are numbers.
  const std::vector<std::byte> signed_5{std::byte{0xd0}, std::byte{5}};
  EXPECT_EQ(message_pack_reader("", signed_5).number(), 5u);
}

}  // namespace
}  // namespace fp::fpindex
