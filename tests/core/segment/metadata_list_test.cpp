#include "core/segment/metadata_list.hpp"

#include <gtest/gtest.h>
#include <algorithm>

#include <map>
#include <random>
#include <string>

#include "core/base/error.hpp"
#include "tests/core/support/error_of.hpp"

namespace fp {
namespace {

using model = std::map<std::string, std::optional<std::string>>;

std::vector<metadata_entry> entries_of(const model& m) {
  std::vector<metadata_entry> entries;
  for (const auto& [key, value] : m) {
    entries.push_back({key, value ? std::optional<std::string_view>(*value) : std::nullopt});
  }
  return entries;
}

std::vector<std::byte> encode(const model& m) {
  const auto entries = entries_of(m);
  std::vector<std::byte> bytes;
  encode_metadata(entries,
                  [&](std::span<const std::byte> piece) { bytes.insert(bytes.end(), piece.begin(), piece.end()); });
  EXPECT_EQ(bytes.size(), metadata_bytes(entries));
  return bytes;
}

model read(const auto& list) {
  model m;
  for (const auto& [key, value] : list) m.emplace(key, value);
  return m;
}

model random_model(std::mt19937& random) {
  model m;
  for (auto n = random() % 20; n > 0; n--) {
    auto& value = m[std::string(random() % 3, static_cast<char>('a' + random() % 4))];
    value.reset();
    if (random() % 3 > 0) value = std::string(random() % 5, 'v');
  }
  return m;
}

TEST(metadata_list, round_trips_and_refuses_anything_else) {
  std::mt19937 random(3);
  for (int round = 0; round < 200; round++) {
    const auto m = random_model(random);
    auto bytes = encode(m);
    const auto list = metadata_list::decode(bytes);
    ASSERT_TRUE(list);
    EXPECT_EQ(list->size(), m.size());
    EXPECT_EQ(read(*list), m);
    for (size_t length = 0; length < bytes.size(); length++) {
      // A block of that size, for AddressSanitizer.
      const std::vector<std::byte> part(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length));
      EXPECT_FALSE(metadata_list::decode(part));
    }
    bytes.push_back(std::byte{0});
    EXPECT_FALSE(metadata_list::decode(bytes));
  }
}

TEST(metadata_list, keys_come_once_and_in_order) {
  auto bytes = encode({{"a", "1"}, {"b", "2"}});
  bytes[4 + 8] = std::byte{'b'};
  EXPECT_FALSE(metadata_list::decode(bytes));
  bytes[4 + 8] = std::byte{'c'};
  EXPECT_FALSE(metadata_list::decode(bytes));
}

TEST(metadata_list, a_removal_is_nothing_to_formats_without_them) {
  EXPECT_FALSE(metadata_list::decode(encode({{"a", std::nullopt}}), false));
  EXPECT_TRUE(metadata_list::decode(encode({{"a", ""}}), false));
}

TEST(metadata_list, pages_that_turn_to_zeros_lead_nowhere_else) {
  std::mt19937 random(5);
  for (int round = 0; round < 500; round++) {
    auto bytes = encode(random_model(random));
    const auto list = metadata_list::decode(bytes);
    ASSERT_TRUE(list);
    std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(random() % bytes.size()), bytes.end(), std::byte{0});
    const auto* end = reinterpret_cast<const char*>(bytes.data() + bytes.size());
    for (const auto& [key, value] : *list) {
      ASSERT_LE(key.data() + key.size(), end);
      if (value) {
        ASSERT_LE(value->data() + value->size(), end);
      }
    }
  }
}

TEST(metadata_list, merges_as_one_map_after_the_other) {
  std::mt19937 random(9);
  for (int round = 0; round < 500; round++) {
    std::vector<std::vector<std::byte>> bytes;
    std::vector<metadata_list> lists;
    model all;
    for (auto n = random() % 6; n > 0; n--) {
      const auto m = random_model(random);
      bytes.push_back(encode(m));
      for (const auto& [key, value] : m) all[key] = value;
    }
    for (const auto& b : bytes) lists.push_back(*metadata_list::decode(b));
    for (const bool keep : {true, false}) {
      model expected = all;
      if (!keep) std::erase_if(expected, [](const auto& e) { return !e.second; });
      model merged;
      for (const auto* at : merge_metadata(lists, keep)) {
        const auto entry = metadata_list::read_entry(at);
        EXPECT_TRUE(merged.emplace(entry.key, entry.value).second) << "twice";
      }
      EXPECT_EQ(merged, expected);
    }
  }
}

}  // namespace
}  // namespace fp
