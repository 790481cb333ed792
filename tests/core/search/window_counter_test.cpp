#include "core/search/window_counter.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "core/search/document_lookup.hpp"
#include "tests/core/support/commits.hpp"

namespace fp {
namespace {

using test::make_commit;
using test::make_segment;

class LongRanges : public testing::Test {
 protected:
  search_options options;
  search_pace pace;
  stop_condition stop{options, pace};
  std::mt19937_64 random{11};
};

std::vector<document_id> drawn_ids(std::mt19937_64& random, size_t count, int shape) {
  std::set<document_id> ids;
  while (ids.size() < count) {
    const auto id = static_cast<document_id>(random());
    if (shape == 0) ids.insert(1 + id % static_cast<document_id>(count * 2));
    if (shape == 1) ids.insert(std::max<document_id>(id, 1));
    if (shape == 2) ids.insert(1 + (id >> random() % 28));                      // most of them small
    if (shape == 3) ids.insert(1 + id % 3 * 1'000'000'000 + id % (count * 2));  // in three heaps
  }
  return {ids.begin(), ids.end()};
}

TEST_F(LongRanges, HoldWhatIsLookedUp) {
  for (int shape = 0; shape < 4; shape++) {
    for (const size_t count : {1u, 2u, 3u, 9u, 100u, 2'000u, 30'000u}) {
      const auto ids = drawn_ids(random, count, shape);
      test::documents documents;
      for (const document_id id : ids) documents.push_back({id, {7, 9}});
      const auto segment = make_segment(make_commit(1, documents));
      const auto at = static_cast<uint32_t>(count);  // of the hash 9: behind those of 7
      const document_lookup lookup({segment->postings(), {0, at, static_cast<uint32_t>(count)}});
      for (int round = 0; round < 100; round++) {
        std::vector<document_id> wanted(1 + random() % document_lookup::max_ids);
        for (auto& id : wanted) {
          const document_id one = ids[random() % ids.size()];
          id = random() % 2 == 0 ? one : one + static_cast<document_id>(random() % 3) - 1;
          if (random() % 10 == 0) id = random() % 2 == 0 ? 0 : UINT32_MAX;
        }
        uint32_t expected = 0;
        for (size_t i = 0; i < wanted.size(); i++) {
          expected |= uint32_t{std::binary_search(ids.begin(), ids.end(), wanted[i])} << i;
        }
        ASSERT_EQ(lookup.find(wanted, stop), expected) << "shape " << shape << ", " << count << " ids";
      }
    }
  }
}

TEST_F(LongRanges, AreCountedInAnyWindows) {
  for (int shape = 0; shape < 4; shape++) {
    for (const uint64_t max_bytes : {basic_window_counter<posting_range>::min_bytes, uint64_t{64} << 10}) {
      const size_t num_units = 1 + random() % 6;
      std::map<document_id, std::vector<hash_value>> documents;
      for (size_t u = 0; u < num_units; u++) {
        for (const document_id id : drawn_ids(random, 1 + random() % 9'000, shape))
          documents[id].push_back(u << 20);
      }
      const auto segment = make_segment(make_commit(1, test::documents(documents.begin(), documents.end())));
      std::vector<uint32_t> lengths(num_units);
      for (const auto& [id, hashes] : documents) {
        for (const hash_value h : hashes) lengths[h >> 20]++;
      }
      for (int round = 0; round < 4; round++) {
        std::vector<apart_unit<posting_range>> units;
        for (uint32_t u = 0, at = 0; u < num_units; at += lengths[u++]) units.push_back({{0, at, lengths[u]}});
        const uint64_t least = 1 + random() % num_units;
        document_id first = 0, last = UINT32_MAX;
        if (round > 0) first = drawn_ids(random, 1, shape).front();
        if (round > 1) last = first + static_cast<document_id>(random() % (UINT32_MAX - first));
        std::map<document_id, uint32_t> expected, found;
        for (const auto& [id, hashes] : documents) {
          if (id >= first && id <= last && hashes.size() >= least) {
            expected[id] = static_cast<uint32_t>(hashes.size());
          }
        }
        basic_window_counter<posting_range> windows(seeded_mix(3));
        counting_work work;
        windows.begin(segment->postings(), units, first, last, max_bytes, stop);
        while (windows.next(least, work, stop)) {
          EXPECT_LE(windows.bytes(), max_bytes);
          windows.for_each(least, stop, [&](document_id id, uint32_t count) {
            EXPECT_TRUE(found.emplace(id, count).second) << id;
            return least;
          });
        }
        ASSERT_EQ(found, expected) << "shape " << shape << ", round " << round << ", " << max_bytes << " bytes";
      }
    }
  }
}

/// Bytes of a mapped file may turn into others. A range over several hashes has documents in no order.
TEST_F(LongRanges, EndWhateverTheirBytesSay) {
  for (int shape = 0; shape < 4; shape++) {
    test::documents documents;
    for (const document_id id : drawn_ids(random, 3'000, shape)) {
      documents.push_back({id, {}});
      for (int n = 0; n < 8; n++) documents.back().second.push_back(static_cast<hash_value>(random() % 50) << 8);
    }
    const auto segment = make_segment(make_commit(1, documents));
    const auto size = static_cast<uint32_t>(segment->info().num_postings);
    for (int round = 0; round < 20; round++) {
      std::vector<apart_unit<posting_range>> units;
      for (uint64_t n = 1 + random() % 5; n > 0; n--) {
        const auto first = static_cast<uint32_t>(random() % size);
        units.push_back({{0, first, 1 + static_cast<uint32_t>(random() % (size - first))}});
      }
      const document_lookup lookup({segment->postings(), units[0].range});
      for (int n = 0; n < 100; n++) {
        std::vector<document_id> wanted(document_lookup::max_ids);
        for (auto& id : wanted) id = documents[random() % documents.size()].first;
        lookup.find(wanted, stop);
      }
      basic_window_counter<posting_range> windows(seeded_mix(3));
      counting_work work;
      windows.begin(segment->postings(), units, 0, UINT32_MAX, uint64_t{4096} << round % 4, stop);
      const uint64_t least = 1 + random() % units.size();
      uint64_t last = 0, num_windows = 0;
      while (windows.next(least, work, stop)) {
        ASSERT_LT(num_windows++, 5u * size);
        windows.for_each(least, stop, [&](document_id id, uint32_t) {
          last = std::max<uint64_t>(last, id);
          return least;
        });
        ASSERT_GE(uint64_t{windows.next_id()} + 1, last) << "it goes on";
      }
    }
  }
}

}  // namespace
}  // namespace fp
