#include "core/slices/slice_router.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include "tests/core/slices/simulated_cluster.hpp"

namespace fp {
namespace {

using namespace std::chrono_literals;
using test::simulated_cluster;
using condition = simulated_cluster::condition;
using duration = slice_router::duration;

/// One to two milliseconds.
duration usual(simulated_cluster::random_engine& random) {
  return std::chrono::microseconds(1'000 + static_cast<int64_t>(random() % 1'000));
}

class slice_router_test : public ::testing::Test {
 protected:
  /// So many replicas of each slice, on a member each; members of a slice have numbers that follow each other.
  void make(uint32_t num_slices, uint32_t num_replicas, slice_router::options o = {}) {
    cluster_.emplace(o);
    for (uint32_t s = 1; s <= num_slices; ++s) {
      for (uint32_t r = 0; r < num_replicas; ++r) c().add({s, num_slices}, usual);
    }
    for (document_id id = 1; id <= 500; ++id) c().store(id, 1 + id % 97);
    c().announce();
  }
  simulated_cluster& c() { return *cluster_; }

  /// Searches one after the other for so long, at equal distances.
  void load(duration time, duration distance) {
    for (duration t{0}; t < time; t += distance) {
      c().search();
      c().run_for(distance);
    }
  }
  /// What was refused of the searches since the last call, the 99th percentile of the others in microseconds.
  std::pair<size_t, double> take_outcomes() {
    c().run_for(1s);
    std::vector<double> took;
    size_t refused = 0;
    for (const auto& [number, o] : c().outcomes) {
      if (o.refusal) {
        refused++;
        last_refusal_ = o.refusal->what();
        continue;
      }
      EXPECT_EQ(o.answer->results, c().find({}, 40));
      took.push_back(static_cast<double>(o.took.count()) / 1000);
    }
    c().outcomes.clear();
    if (took.empty()) return {refused, 0};
    std::ranges::sort(took);
    return {refused, took[(took.size() - 1) * 99 / 100]};
  }
  uint64_t asked_of(member_number who) { return c().at_member(who).asked; }

  std::optional<simulated_cluster> cluster_;
  std::string last_refusal_;
};

TEST_F(slice_router_test, answers_as_one_index_would) {
  make(3, 2);
  for (const uint32_t limit : {1u, 7u, 40u, 1000u}) {
    const auto number = c().search(500ms, limit);
    c().run_for(100ms);
    ASSERT_TRUE(c().outcomes.at(number).answer);
    EXPECT_EQ(c().outcomes.at(number).answer->results, c().find({}, limit));
    EXPECT_TRUE(c().outcomes.at(number).answer->missing.empty());
  }
  EXPECT_EQ(c().router().num_calls(), 0u);
}

TEST_F(slice_router_test, tells_the_lowest_version_of_the_slices) {
  make(2, 1);
  c().at_member(0).version = 9;
  c().at_member(1).version = 7;
  const auto number = c().search();
  c().run_for(100ms);
  EXPECT_EQ(c().outcomes.at(number).answer->version, 7u);
}

TEST_F(slice_router_test, shares_the_load_among_replicas) {
  make(2, 3);
  load(1s, 200us);
  for (member_number m = 0; m < 6; ++m) {
    EXPECT_GT(asked_of(m), 1'300u);
    EXPECT_LT(asked_of(m), 2'100u);
  }
  EXPECT_EQ(take_outcomes().first, 0u);
}

TEST_F(slice_router_test, asks_twice_within_a_budget) {
  make(2, 2);
  // One search in a hundred takes very long, wherever it runs.
  for (member_number m = 0; m < 4; ++m) {
    c().at_member(m).service = [](auto& random) { return random() % 100 == 0 ? duration(40ms) : usual(random); };
  }
  load(1s, 10ms);
  take_outcomes();
  uint64_t before = 0, hedged = 0, after = 0;
  for (member_number m = 0; m < 4; ++m) before += asked_of(m);
  load(20s, 5ms);
  for (member_number m = 0; m < 4; ++m) {
    after += asked_of(m);
    hedged += c().router().report(m, c().now()).hedged;
  }
  const auto [refused, p99] = take_outcomes();
  EXPECT_EQ(refused, 0u);
  EXPECT_GT(hedged, 100u);
  EXPECT_LE(static_cast<double>(hedged), 0.05 * static_cast<double>(after - before) + 16);
  EXPECT_LT(p99, 10'000);  // two slices that take 40 ms once in a hundred would have 40
}

TEST_F(slice_router_test, does_without_a_frozen_replica_within_moments) {
  make(4, 2);
  load(1s, 1ms);
  const auto [refused_before, healthy] = take_outcomes();
  c().set(0, condition::frozen);
  load(300ms, 1ms);
  EXPECT_EQ(take_outcomes().first, 0u);
  load(3s, 1ms);
  const auto [refused, p99] = take_outcomes();
  EXPECT_EQ(refused, 0u);
  EXPECT_LE(p99, 2 * healthy);
  ASSERT_FALSE(c().events_of_members.empty());
  EXPECT_EQ(c().events_of_members.front().who, 0u);
  EXPECT_TRUE(c().events_of_members.front().why.starts_with("no word for")) << c().events_of_members.front().why;

  // It is one of all again when it says something.
  c().set(0, condition::well);
  c().run_for(1s);
  EXPECT_EQ(c().events_of_members.back().why, "");
  const auto before = asked_of(0);
  load(1s, 1ms);
  EXPECT_GT(asked_of(0) - before, 300u);
  EXPECT_EQ(take_outcomes().first, 0u);
}

TEST_F(slice_router_test, tries_one_that_is_cut_off_ever_more_rarely) {
  make(2, 2);
  load(100ms, 1ms);
  c().set(1, condition::cut);
  load(1s, 1ms);
  const auto before = asked_of(1);
  load(30s, 2ms);
  // Every ten seconds at last. What it was asked before it is waited for no more.
  EXPECT_LE(asked_of(1) - before, 12u);
  EXPECT_EQ(take_outcomes().first, 0u);
}

TEST_F(slice_router_test, tries_one_that_is_gone_beside_another) {
  make(2, 2);
  c().set(3, condition::gone);
  load(20s, 2ms);
  const auto [refused, p99] = take_outcomes();
  EXPECT_EQ(refused, 0u);
  EXPECT_LT(asked_of(3), 40u);
  EXPECT_GT(asked_of(3), 4u);
  c().set(3, condition::well);
  load(15s, 2ms);
  EXPECT_EQ(c().events_of_members.back().why, "");
  EXPECT_GT(asked_of(3), 500u);
}

TEST_F(slice_router_test, keeps_one_that_works_long_on_a_search) {
  make(2, 2);
  load(200ms, 1ms);
  take_outcomes();
  for (member_number m = 0; m < 4; ++m) c().at_member(m).service = [](auto&) { return duration(400ms); };
  const auto number = c().search(2s);
  c().run_for(1s);
  EXPECT_TRUE(c().outcomes.at(number).answer);
  EXPECT_TRUE(c().events_of_members.empty());
  uint64_t pings = 0;
  for (member_number m = 0; m < 4; ++m) pings += c().at_member(m).pinged;
  EXPECT_GT(pings, 0u);
  EXPECT_LT(pings, 40u);
}

TEST_F(slice_router_test, refuses_at_once_what_no_replica_has_been_there_for_lately) {
  make(4, 1);
  load(100ms, 1ms);
  take_outcomes();
  c().set(2, condition::gone);
  const auto first = c().search(10s);
  c().run_for(1'900ms);
  EXPECT_FALSE(c().outcomes.contains(first));
  const auto late = c().search(50ms);
  c().run_for(200ms);
  EXPECT_EQ(c().outcomes.at(first).refusal->code(), errc::slice_unavailable);
  EXPECT_STREQ(c().outcomes.at(first).refusal->what(), "slice 3/4: it is told to");
  EXPECT_EQ(c().outcomes.at(late).refusal->code(), errc::slice_unavailable);
  const auto second = c().search();
  EXPECT_EQ(c().outcomes.at(second).refusal->code(), errc::slice_unavailable);
  EXPECT_STREQ(c().outcomes.at(second).refusal->what(), "slice 3/4: no replica answers");

  const auto partial = c().search(500ms, 40, true);
  c().run_for(100ms);
  const auto& answer = c().outcomes.at(partial).answer;
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->missing, (std::vector<slice>{{3, 4}}));
  auto all = c().find({}, 1000);
  std::erase_if(all, [](const auto& r) { return slice(3, 4).contains(r.id); });
  all.resize(40);
  EXPECT_EQ(answer->results, all);
}

TEST_F(slice_router_test, waits_for_a_replica_that_is_restarted) {
  make(4, 1);
  load(100ms, 1ms);
  take_outcomes();
  c().set(2, condition::gone);
  std::vector<uint64_t> searches;
  for (int i = 0; i < 20; ++i) {
    searches.push_back(c().search(5s));
    c().run_for(20ms);
  }
  c().set(2, condition::well);
  c().run_for(200ms);
  for (const auto number : searches) {
    ASSERT_TRUE(c().outcomes.contains(number));
    ASSERT_TRUE(c().outcomes.at(number).answer);
    EXPECT_EQ(c().outcomes.at(number).answer->results, c().find({}, 40));
  }
  EXPECT_EQ(c().repeated, 0u);
}

TEST_F(slice_router_test, goes_on_soon_after_a_replica_is_there_again) {
  make(2, 1);
  load(100ms, 1ms);
  take_outcomes();
  for (int round = 0; round < 20; ++round) {
    c().set(1, condition::gone);
    const auto number = c().search(5s);
    const auto gone = std::chrono::milliseconds(1 + round);
    c().run_for(gone);
    c().set(1, condition::well);
    c().run_for(200ms);
    ASSERT_TRUE(c().outcomes.at(number).answer);
    // Twice the time, and a search.
    EXPECT_LT(c().outcomes.at(number).took, 2 * gone + 10ms);
  }
}

TEST_F(slice_router_test, no_search_fails_while_a_slice_is_split) {
  make(2, 2);  // members 0 and 1 hold 1/2, 2 and 3 the other half
  load(100ms, 1ms);
  take_outcomes();
  const auto becomes = [&](member_number who, const slice& part) {
    // It holds nothing for a while, then another slice, and tells it with its next words.
    c().set(who, condition::gone);
    load(100ms, 1ms);
    c().at_member(who).part = part;
    c().set(who, condition::well);
    load(30ms, 1ms);
    c().announce();
    load(100ms, 1ms);
  };
  c().check_parts = true;
  becomes(2, {3, 4});
  becomes(3, {4, 4});
  EXPECT_EQ(take_outcomes().first, 0u) << last_refusal_;
  EXPECT_EQ(c().repeated, 0u);
}

TEST_F(slice_router_test, asks_draining_members_only_what_nobody_else_answers) {
  make(2, 2);
  c().at_member(0).is_draining = true;
  c().announce();
  load(200ms, 1ms);
  EXPECT_EQ(asked_of(0), 0u);
  c().set(1, condition::gone);
  load(200ms, 1ms);
  EXPECT_EQ(take_outcomes().first, 0u) << last_refusal_;
  EXPECT_GT(asked_of(0), 100u);
}

TEST_F(slice_router_test, refuses_where_slices_do_not_hold_all) {
  cluster_.emplace();
  const auto nobody = c().search();
  EXPECT_STREQ(c().outcomes.at(nobody).refusal->what(), "no slices are known");
  c().add({1, 2}, usual);
  c().add({3, 3}, usual);
  c().announce();
  const auto number = c().search(500ms, 40, true);
  EXPECT_EQ(c().outcomes.at(number).refusal->code(), errc::slice_unavailable);
  EXPECT_STREQ(c().outcomes.at(number).refusal->what(), "no slice holds the mixed ids 2147483648 to 2863311529");
}

TEST_F(slice_router_test, hands_on_what_is_wrong_with_a_search) {
  for (const auto code : {errc::payload_too_large, errc::cancelled}) {
    make(3, 2);
    for (member_number m = 0; m < 6; ++m) c().at_member(m).refusal = code;
    const auto number = c().search();
    c().run_for(10ms);
    EXPECT_EQ(c().outcomes.at(number).refusal->code(), code);
    EXPECT_TRUE(c().events_of_members.empty());
    uint64_t asked = 0;
    for (member_number m = 0; m < 6; ++m) asked += asked_of(m);
    EXPECT_EQ(asked, 3u);
  }
}

TEST_F(slice_router_test, asks_another_where_one_has_too_much_to_do) {
  make(1, 2);
  c().at_member(0).refusal = errc::overloaded;
  load(100ms, 1ms);
  EXPECT_EQ(take_outcomes().first, 0u);
  c().at_member(1).refusal = errc::overloaded;
  const auto number = c().search();
  c().run_for(10ms);
  EXPECT_EQ(c().outcomes.at(number).refusal->code(), errc::overloaded);
  EXPECT_TRUE(c().events_of_members.empty());
}

TEST_F(slice_router_test, ends_searches_at_their_deadlines) {
  make(3, 1);
  c().set(1, condition::frozen);
  const auto number = c().search(80ms);
  const auto partial = c().search(70ms, 40, true);
  c().run_for(200ms);
  EXPECT_EQ(c().outcomes.at(number).refusal->code(), errc::search_timeout);
  EXPECT_STREQ(c().outcomes.at(number).refusal->what(), "slice 2/3: no answer in time");
  EXPECT_EQ(c().outcomes.at(number).took, 80ms);
  EXPECT_EQ(c().outcomes.at(partial).answer->missing, (std::vector<slice>{{2, 3}}));
  EXPECT_EQ(c().outcomes.at(partial).took, 70ms);
  EXPECT_EQ(c().router().num_searches(), 0u);
  EXPECT_EQ(c().router().num_calls(), 0u);
  c().set(1, condition::well);
  c().run_for(100ms);
  EXPECT_EQ(c().repeated, 0u);
}

TEST_F(slice_router_test, believes_no_answer_of_another_slice) {
  make(2, 2);
  c().at_member(0).change = [](slice_answer& a) {
    document_id id = 1;
    while (slice(1, 2).contains(id)) id++;
    a.results = {{id, 1'000}};
  };
  load(200ms, 1ms);
  EXPECT_EQ(take_outcomes().first, 0u);  // whose answers are compared
  ASSERT_FALSE(c().events_of_members.empty());
  EXPECT_NE(c().events_of_members.front().why.find("which is of another slice"), std::string::npos);
}

TEST_F(slice_router_test, believes_no_answer_older_than_asked_for) {
  make(1, 2);
  c().at_member(0).version = c().at_member(1).version = 5;
  c().announce();
  c().at_member(0).change = [](slice_answer& a) { a.version = 4; };
  for (int i = 0; i < 20; ++i) {
    const auto number = c().search(500ms, 40, false, 5);
    c().run_for(20ms);
    ASSERT_TRUE(c().outcomes.at(number).answer);
    EXPECT_EQ(c().outcomes.at(number).answer->version, 5u);
  }
  EXPECT_FALSE(c().events_of_members.empty());
}

TEST_F(slice_router_test, asks_those_first_that_are_known_to_be_at_a_version) {
  make(1, 3);
  c().at_member(1).version = 8;
  c().announce();
  for (int i = 0; i < 20; ++i) {
    c().search(500ms, 40, false, 8);
    c().run_for(20ms);
  }
  EXPECT_EQ(asked_of(0) + asked_of(2), 0u);
  EXPECT_EQ(asked_of(1), 20u);
}

TEST_F(slice_router_test, does_not_wait_for_a_replica_that_is_behind) {
  // Members 2 and 3 hold the second half; 3 does not come to the version that is asked for.
  make(2, 2);
  for (member_number m = 0; m < 3; ++m) c().at_member(m).version = 9;
  c().at_member(3).service = [](simulated_cluster::random_engine&) { return duration(10s); };
  std::vector<uint64_t> searches;
  for (int i = 0; i < 20; ++i) {
    searches.push_back(c().search(500ms, 40, false, 9));
    c().run_for(100ms);
  }
  for (const auto number : searches) {
    ASSERT_TRUE(c().outcomes.contains(number));
    EXPECT_TRUE(c().outcomes.at(number).answer);
  }
}

TEST_F(slice_router_test, asks_the_slice_of_a_document_alone) {
  make(3, 2);
  // Another slice is lost, and so is one of the replicas of this one.
  const slice second(2, 3);
  document_id document = 1;
  while (!second.contains(document)) document++;
  c().set(0, condition::gone);
  c().set(1, condition::gone);
  c().set(2, condition::cut);
  for (int i = 0; i < 20; ++i) {
    const auto number = c().look_for(document);
    c().run_for(100ms);
    ASSERT_TRUE(c().outcomes.contains(number));
    EXPECT_EQ(c().outcomes.at(number).answer.value().results, c().find(second, 40));
    EXPECT_LT(c().outcomes.at(number).took, 60ms);
  }
  EXPECT_EQ(asked_of(0) + asked_of(1) + asked_of(4) + asked_of(5), 0u);
  c().set(2, condition::gone);
  c().set(3, condition::gone);
  const auto lost = c().look_for(document, 5s);
  c().run_for(6s);
  EXPECT_EQ(c().outcomes.at(lost).refusal->code(), errc::slice_unavailable);
  EXPECT_NE(std::string(c().outcomes.at(lost).refusal->what()).find("slice 2/3"), std::string::npos);
}

TEST_F(slice_router_test, counts_what_members_were_asked) {
  make(2, 2);
  c().set(3, condition::gone);
  load(100ms, 1ms);
  c().run_for(1s);
  uint64_t asked = 0, failures = 0;
  for (member_number m = 0; m < 4; ++m) {
    asked += c().router().report(m, c().now()).asked;
    failures += c().router().report(m, c().now()).failures;
  }
  EXPECT_EQ(c().router().totals().asked, asked);
  EXPECT_EQ(c().router().totals().failures, failures);
  EXPECT_GT(failures, 0u);
  // One that leaves takes nothing away.
  c().router().set_replicas({}, c().now());
  EXPECT_EQ(c().router().totals().asked, asked);
}

TEST_F(slice_router_test, bounds_searches_at_one_time) {
  slice_router::options o;
  o.max_searches = 3;
  make(2, 1, o);
  for (int i = 0; i < 3; ++i) c().search();
  const auto fourth = c().search();
  EXPECT_EQ(c().outcomes.at(fourth).refusal->code(), errc::overloaded);
  c().run_for(100ms);
  const auto fifth = c().search();
  c().run_for(100ms);
  EXPECT_TRUE(c().outcomes.at(fifth).answer);
}

TEST_F(slice_router_test, forgets_what_nobody_waits_for) {
  make(2, 1);
  const auto number = c().search();
  c().router().cancel(number);
  EXPECT_EQ(c().router().num_searches(), 0u);
  c().run_for(1s);
  EXPECT_TRUE(c().outcomes.empty());
  EXPECT_EQ(c().router().num_calls(), 0u);
}

/// Slices of three replicas' members fail in all ways, one member of a slice at a time: no search fails, every one
/// ends once, and right.
TEST_F(slice_router_test, answers_whatever_happens_to_one_replica_of_each_slice) {
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    slice_router::options o;
    o.seed = seed;
    make(3, 2, o);
    load(200ms, 1ms);
    for (int round = 0; round < 12; ++round) {
      for (member_number s = 0; s < 3; ++s) {
        const auto bad = 2 * s + c().random()() % 2;
        const auto how = c().random()() % 5;
        if (how == 4) {
          c().at_member(static_cast<member_number>(bad)).service = [](auto& random) { return usual(random) * 20; };
        } else {
          c().set(static_cast<member_number>(bad), static_cast<condition>(how));
        }
      }
      load(std::chrono::milliseconds(50 + c().random()() % 500), 2ms);
      for (member_number m = 0; m < 6; ++m) {
        c().set(m, condition::well);
        c().at_member(m).service = usual;
      }
      // Who was left out is tried again.
      load(std::chrono::milliseconds(c().random()() % 200), 2ms);
      const auto [refused, p99] = take_outcomes();
      EXPECT_EQ(refused, 0u) << "seed " << seed << ", round " << round << ": " << last_refusal_;
      c().run_for(11s);
      load(100ms, 1ms);
    }
    take_outcomes();
    EXPECT_EQ(c().repeated, 0u);
    EXPECT_EQ(c().router().num_searches(), 0u);
  }
}

}  // namespace
}  // namespace fp
