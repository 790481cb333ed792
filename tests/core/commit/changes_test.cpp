#include "core/commit/changes.hpp"

#include <gtest/gtest.h>
#include <algorithm>

#include <random>

#include "tests/core/support/error_of.hpp"

namespace fp {
namespace {

using test::error_of;

/// A change that owns its contents: the model that decoded ones are compared with.
struct owned_change {
  change_kind kind = change_kind::insert;
  document_id id = 0;
  std::vector<hash_value> hashes;
  std::string key, value;

  friend bool operator==(const owned_change&, const owned_change&) = default;
};

std::vector<owned_change> decode(std::span<const uint8_t> bytes) {
  std::vector<owned_change> changes;
  changes_reader reader(bytes);
  for (change_view view; reader.next(view);) {
    owned_change c{view.kind, view.id, {}, std::string(view.key), std::string(view.value)};
    for (size_t i = 0; i < view.num_hashes(); i++) c.hashes.push_back(view.hash(i));
    changes.push_back(std::move(c));
  }
  return changes;
}

void encode(changes_encoder& encoder, const owned_change& c) {
  switch (c.kind) {
    case change_kind::insert:
      encoder.insert(c.id, c.hashes);
      break;
    case change_kind::erase:
      encoder.erase(c.id);
      break;
    case change_kind::set_metadata:
      encoder.set_metadata(c.key, c.value);
      break;
    case change_kind::remove_metadata:
      encoder.remove_metadata(c.key);
      break;
  }
}

std::vector<owned_change> random_changes(std::mt19937& random) {
  const auto text = [&](size_t length) {
    std::string s(length, '\0');
    for (char& c : s) c = static_cast<char>(random());
    return s;
  };
  std::vector<owned_change> changes(random() % 6);
  for (owned_change& c : changes) {
    c.kind = static_cast<change_kind>(1 + random() % 4);
    if (c.kind == change_kind::remove_metadata) {
      c.key = text(1 + random() % 9);
      continue;
    }
    if (c.kind == change_kind::set_metadata) {
      c.key = text(1 + random() % 9);
      c.value = text(random() % 9);
      continue;
    }
    c.id = static_cast<document_id>(random()) | 1;
    if (c.kind == change_kind::insert) c.hashes.resize(1 + random() % 9);
    for (hash_value& h : c.hashes) h = static_cast<hash_value>(random());
  }
  return changes;
}

TEST(changes, have_the_documented_layout) {
  changes_encoder encoder;
  encoder.insert(7, std::vector<hash_value>{0x01020304});
  encoder.erase(8);
  encoder.set_metadata("ab", "xyz");
  encoder.remove_metadata("abc");
  EXPECT_EQ(encoder.count(), 4u);
  EXPECT_EQ(encoder.bytes(),
            (std::vector<uint8_t>{1, 0, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0, 4,   3,   2,   1,         // insert
                                  2, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0,                           // erase
                                  3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 'a', 'b', 'x', 'y', 'z',  // set_metadata
                                  0, 0, 0,                                                      // its padding
                                  4, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 'a', 'b', 'c', 0}));      // remove_metadata
}

TEST(changes, round_trip) {
  std::mt19937 random(11);
  changes_encoder encoder;
  for (int round = 0; round < 2000; round++) {
    const auto changes = random_changes(random);
    changes_summary expected{changes.size(), 0, 0};
    for (const owned_change& c : changes) {
      encode(encoder, c);
      expected.num_inserts += c.kind == change_kind::insert;
      expected.num_hashes += c.hashes.size();
    }
    EXPECT_EQ(encoder.count(), changes.size());
    const auto bytes = encoder.take();
    EXPECT_EQ(encoder.count(), 0u);
    EXPECT_TRUE(encoder.bytes().empty());
    EXPECT_EQ(bytes.size() % 4, 0u);
    EXPECT_EQ(decode(bytes), changes);
    const changes_summary summary = validate_changes(bytes, {});
    EXPECT_EQ(summary.num_changes, expected.num_changes);
    EXPECT_EQ(summary.num_inserts, expected.num_inserts);
    EXPECT_EQ(summary.num_hashes, expected.num_hashes);
  }
}

/// Decodes from a heap block of exactly that size, so that AddressSanitizer sees every byte read outside it.
bool decodes(std::span<const uint8_t> bytes) {
  const std::vector<uint8_t> exact(bytes.begin(), bytes.end());
  try {
    decode(exact);
    return true;
  } catch (const error& e) {
    EXPECT_EQ(e.code(), errc::bad_request);
    EXPECT_TRUE(std::string_view(e.what()).starts_with("changes: "));
    return false;
  }
}

TEST(changes, every_truncation_is_refused_unless_it_ends_between_records) {
  std::mt19937 random(12);
  for (int round = 0; round < 200; round++) {
    changes_encoder encoder;
    std::vector<size_t> ends{0};
    for (const owned_change& c : random_changes(random)) {
      encode(encoder, c);
      ends.push_back(encoder.bytes().size());
    }
    for (size_t length = 0; length <= encoder.bytes().size(); length++) {
      EXPECT_EQ(decodes(std::span(encoder.bytes()).first(length)),
                std::find(ends.begin(), ends.end(), length) != ends.end());
    }
  }
}

TEST(changes, every_mutated_byte_stays_within_bounds) {
  std::mt19937 random(13);
  int refused = 0;
  for (int round = 0; round < 100; round++) {
    changes_encoder encoder;
    for (const owned_change& c : random_changes(random)) encode(encoder, c);
    for (size_t at = 0; at < encoder.bytes().size(); at++) {
      for (const uint8_t value :
           {uint8_t{0}, uint8_t{1}, uint8_t{3}, uint8_t{0x7f}, uint8_t{0xff}, static_cast<uint8_t>(random())}) {
        std::vector<uint8_t> bytes = encoder.bytes();
        bytes[at] = value;
        refused += !decodes(bytes);
        try {
          validate_changes(bytes, {});
        } catch (const error& e) {
          EXPECT_NE(e.code(), errc::internal_error);
        }
      }
    }
  }
  EXPECT_GT(refused, 1000);
}

TEST(changes, malformed_records_name_their_offset) {
  changes_encoder encoder;
  encoder.erase(1);
  const auto complaint = [&](std::vector<uint32_t> words) {
    std::vector<uint8_t> bytes = encoder.bytes();
    const auto* p = reinterpret_cast<const uint8_t*>(words.data());
    bytes.insert(bytes.end(), p, p + words.size() * sizeof(uint32_t));
    return std::string(error_of([&] { decode(bytes); }).what());
  };
  EXPECT_EQ(complaint({1, 7}), "changes: truncated record at offset 12");
  EXPECT_EQ(complaint({0, 7, 0}), "changes: unknown kind of change at offset 12");
  EXPECT_EQ(complaint({5, 7, 0}), "changes: unknown kind of change at offset 12");
  EXPECT_EQ(complaint({1, 7, 2, 5}), "changes: hashes reach past the end at offset 12");
  EXPECT_EQ(complaint({1, 7, 0xffffffff, 5}), "changes: hashes reach past the end at offset 12");
  EXPECT_EQ(complaint({2, 7, 1, 5}), "changes: a delete with a body at offset 12");
  EXPECT_EQ(complaint({3, 4, 1, 5}), "changes: metadata reaches past the end at offset 12");
  EXPECT_EQ(complaint({3, 0xffffffff, 0xffffffff, 5}), "changes: metadata reaches past the end at offset 12");
  EXPECT_EQ(complaint({3, 1, 1, 0x01006261}), "changes: padding is not zero at offset 12");
}

TEST(validate_changes, accepts_an_empty_commit) {
  const changes_summary summary = validate_changes({}, {});
  EXPECT_EQ(summary.num_changes, 0u);
  EXPECT_EQ(summary.num_inserts, 0u);
  EXPECT_EQ(summary.num_hashes, 0u);
}

TEST(validate_changes, holds_to_each_limit) {
  const changes_limits limits{64, 3, 8};
  const auto result = [&](auto&& fill) {
    changes_encoder encoder;
    fill(encoder);
    return error_of([&] { validate_changes(encoder.bytes(), limits); });
  };
  const auto accepts = [&](auto&& fill) {
    changes_encoder encoder;
    fill(encoder);
    EXPECT_NO_THROW(validate_changes(encoder.bytes(), limits));
  };
  const std::vector<hash_value> three(3), four(4);
  accepts([&](changes_encoder& e) { e.insert(1, three); });
  error e = result([&](changes_encoder& c) { c.insert(1, four); });
  EXPECT_EQ(e.code(), errc::payload_too_large);
  EXPECT_STREQ(e.what(), "document 1: 4 hashes; at most 3 are allowed");

  accepts([&](changes_encoder& c) { c.set_metadata("key", "value"); });
  e = result([&](changes_encoder& c) { c.set_metadata("key", "values"); });
  EXPECT_EQ(e.code(), errc::payload_too_large);
  EXPECT_STREQ(e.what(), "a metadata entry of 9 bytes; at most 8 are allowed");

  accepts([&](changes_encoder& c) {
    for (int i = 1; i <= 5; i++) c.erase(static_cast<document_id>(i));
  });
  e = result([&](changes_encoder& c) {
    for (int i = 1; i <= 6; i++) c.erase(static_cast<document_id>(i));
  });
  EXPECT_EQ(e.code(), errc::payload_too_large);
  EXPECT_STREQ(e.what(), "an update of 72 bytes; at most 64 are allowed");
}

TEST(validate_changes, refuses_what_no_index_can_hold) {
  const auto result = [](auto&& fill) {
    changes_encoder encoder;
    encoder.erase(1);
    fill(encoder);
    return error_of([&] { validate_changes(encoder.bytes(), {}); });
  };
  error e = result([](changes_encoder& c) { c.insert(0, std::vector<hash_value>{1}); });
  EXPECT_EQ(e.code(), errc::invalid_document_id);
  EXPECT_STREQ(e.what(), "change 2: document id 0; ids are 1 to 4294967295");
  EXPECT_EQ(result([](changes_encoder& c) { c.erase(0); }).code(), errc::invalid_document_id);
  e = result([](changes_encoder& c) { c.insert(5, {}); });
  EXPECT_EQ(e.code(), errc::empty_fingerprint);
  EXPECT_STREQ(e.what(), "document 5: no hashes");
  e = result([](changes_encoder& c) { c.set_metadata("", "value"); });
  EXPECT_EQ(e.code(), errc::bad_request);
  EXPECT_STREQ(e.what(), "a metadata key is empty");
}

}  // namespace
}  // namespace fp
