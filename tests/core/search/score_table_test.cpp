#include "core/search/score_table.hpp"

#include <gtest/gtest.h>
#include <algorithm>

#include <map>
#include <random>

#include "tests/core/support/counting_clock.hpp"

namespace fp {
namespace {

using test::counting_clock;

constexpr uint64_t plenty = uint64_t{1} << 30;

class ScoreTable : public testing::Test {
 protected:
  ScoreTable() {
    counting_clock::reset();
    options.now = &counting_clock::now;
    options.deadline = counting_clock::never;
  }

  void add(std::span<const document_id> ids) {
    ASSERT_TRUE(table.make_room(ids.size(), stop));
    table.add(ids);
  }
  void add_all(const std::vector<document_id>& ids) {
    for (size_t at = 0; at < ids.size(); at += score_table::max_block) {
      add(std::span(ids).subspan(at, std::min(score_table::max_block, ids.size() - at)));
    }
  }
  std::map<document_id, uint32_t> counts() const {
    std::map<document_id, uint32_t> counted;
    for (const auto& slot : table.slots()) {
      if (slot.count > 0) counted[slot.id] = slot.count;
    }
    return counted;
  }

  search_options options;
  search_pace pace;
  stop_condition stop{options, pace};
  score_table table{seeded_mix(7)};
};

TEST_F(ScoreTable, CountsLikeAMap) {
  std::mt19937_64 random(13);
  for (const uint64_t range : {1u, 100u, 3000u, 1u << 20, 0xffffffffu}) {
    table.clear(random() % 2 == 0 ? 0 : range, plenty, stop);
    std::map<document_id, uint32_t> expected;
    uint32_t best = 0;
    for (int block = 0; block < 300; block++) {
      std::vector<document_id> ids(random() % 257);
      for (auto& id : ids) {
        id = static_cast<document_id>(random() % range);
        best = std::max(best, ++expected[id]);
      }
      add(ids);
    }
    EXPECT_EQ(counts(), expected);
    EXPECT_EQ(table.best(), best);
    for (const auto& [id, count] : expected) ASSERT_EQ(table.find(id)->count, count);
  }
}

TEST_F(ScoreTable, NobodyCanMakeIdsMeet) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 20; round++) {
    table = score_table(seeded_mix(random()));
    // The first: those that multiplication by the golden ratio puts into one place. The others: usual ids.
    for (const uint32_t distance : {0x144cbc89u, 1u, 4096u}) {
      std::vector<document_id> ids;
      for (uint32_t i = 1; i <= 60'000; i++) ids.push_back(i * distance);
      table.clear(ids.size(), plenty, stop);
      add_all(ids);
      EXPECT_LT(table.displacement(), 3 * ids.size()) << "round " << round << ", distance " << distance;
    }
  }
}

TEST_F(ScoreTable, WithinItsBoundItDropsLargerIdsOnly) {
  std::mt19937_64 random(3);
  for (const uint64_t max_bytes : {score_table::min_bytes, uint64_t{100'000}, uint64_t{1} << 20}) {
    for (const uint64_t range : {5'000u, 200'000u, 0xffffffffu}) {
      uint64_t most = 0;
      counting_clock::on_look = [&] { most = std::max(most, table.bytes()); };
      table.clear(range, max_bytes, stop);
      std::map<document_id, uint32_t> expected;
      document_id bound = UINT32_MAX;
      for (int block = 0; block < 600; block++) {
        std::vector<document_id> ids(score_table::max_block);
        for (auto& id : ids) id = static_cast<document_id>(random() % range);
        while (!table.make_room(ids.size(), stop)) {
          const document_id dropped = table.drop_larger_half(stop);
          EXPECT_LT(dropped, bound);
          bound = dropped;
          expected.erase(expected.lower_bound(bound), expected.end());
        }
        std::erase_if(ids, [&](document_id id) { return id >= bound; });
        for (const document_id id : ids) expected[id]++;
        table.add(ids);
      }
      EXPECT_EQ(counts(), expected);
      EXPECT_FALSE(expected.empty());
      EXPECT_LE(std::max(most, table.bytes()), max_bytes);
      counting_clock::on_look = nullptr;
    }
  }
}

TEST_F(ScoreTable, LooksAtTheClockWhateverItDoes) {
  const auto looks_of = [&](const auto& f) {
    const uint64_t before = counting_clock::looks;
    f();
    return counting_clock::looks - before;
  };
  for (int i = 0; i < 1000; i++) stop.check();  // memory counts as warm
  std::vector<document_id> ids(100'000);
  for (uint32_t i = 0; i < ids.size(); i++) ids[i] = i + 1;
  constexpr uint64_t cached_slots = 32 * 1024, slots_a_look = 2 * stop_condition::most_units;
  constexpr int clears = 16;
  EXPECT_GE(looks_of([&] {
              for (int i = 0; i < clears; i++) table.clear(ids.size(), plenty, stop);
            }),
            clears * cached_slots / 4 / slots_a_look);
  // Twice: free slots are laid out, and taken ones moved.
  EXPECT_GE(looks_of([&] { add_all(ids); }), 5 * cached_slots / slots_a_look);
  EXPECT_GE(looks_of([&] { table.drop_larger_half(stop); }), 2 * 4 * cached_slots / slots_a_look);
}

TEST_F(ScoreTable, IsWholeAgainAfterAnyStop) {
  std::vector<document_id> ids(20'000);
  for (uint32_t i = 0; i < ids.size(); i++) ids[i] = i * 3 + 1;
  const auto work = [&](stop_condition& s) {
    table.clear(0, plenty, s);
    for (size_t at = 0; at + 200 <= ids.size(); at += 200) {
      if (!table.make_room(200, s)) break;
      table.add(std::span(ids).subspan(at, 200));
    }
    table.drop_larger_half(s);
  };
  for (uint64_t look = 2;; look += 3) {
    counting_clock::reset(std::chrono::milliseconds(1));
    options.deadline = counting_clock::at(look);
    search_pace cold;
    stop_condition s(options, cold);
    try {
      work(s);
      break;
    } catch (const error& e) {
      EXPECT_EQ(e.code(), errc::search_timeout);
      EXPECT_EQ(counting_clock::looks, look);
    }
    options.deadline = counting_clock::never;
    table.clear(10, plenty, stop);
    add(std::vector<document_id>{1, 2, 2});
    EXPECT_EQ(counts(), (std::map<document_id, uint32_t>{{1, 1}, {2, 2}}));
  }
}

}  // namespace
}  // namespace fp
