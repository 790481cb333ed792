#include "core/changelog/append_queue.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "tests/core/support/error_of.hpp"

namespace fp {
namespace {

using std::chrono::milliseconds;
using time_point = append_queue::time_point;

class told_appends : public append_effects {
 public:
  void append(std::shared_ptr<const std::vector<feed_append>> appends) override { calls.push_back(appends); }
  void accept(uint64_t write, feed_position position) override { accepted[write] = position; }
  void refuse(uint64_t write, const error& why) override { refused.emplace(write, why); }
  void heard_of(feed_position newest) override { heard = std::max(heard, newest); }
  void wake_at(time_point when) override { wake = wake ? std::min(*wake, when) : when; }

  std::vector<std::shared_ptr<const std::vector<feed_append>>> calls;
  std::map<uint64_t, feed_position> accepted;
  std::map<uint64_t, error> refused;
  feed_position heard = 0;
  std::optional<time_point> wake;
};

append_answer answer_of(changelog_status status, feed_position position = 0, std::string why = "") {
  return {{status, std::move(why)}, position};
}

class append_queue_test : public ::testing::Test {
 protected:
  void make(bool resolves_doubt = true) {
    append_queue::options o;
    o.index = "main";
    o.max_writes = 4;
    o.max_bytes = 1'000;
    o.resolves_doubt = resolves_doubt;
    queue.emplace(o, told);
  }
  void SetUp() override { make(); }
  void push(uint64_t number, size_t num_hashes = 1, std::optional<feed_position> expected = std::nullopt) {
    changes_encoder encoder;
    encoder.insert(static_cast<document_id>(number), std::vector<hash_value>(num_hashes, 1));
    feed_write write;
    write.number = number;
    write.append.changes = std::make_shared<const std::vector<uint8_t>>(encoder.take());
    write.append.expected = expected;
    write.append.id[0] = static_cast<uint8_t>(number);
    write.deadline = now + milliseconds(30'000);
    queue->push(std::move(write), now);
  }
  void later(milliseconds time) {
    now += time;
    queue->look(now);
  }
  std::vector<int> ids_of_last_call() const {
    std::vector<int> ids;
    for (const auto& a : *told.calls.back()) ids.push_back(a.id[0]);
    return ids;
  }
  errc code_of_refusal(uint64_t write) const { return told.refused.at(write).code(); }

  told_appends told;
  std::optional<append_queue> queue;
  time_point now{std::chrono::hours(1)};
};

TEST_F(append_queue_test, what_waits_goes_in_one_call_as_the_next_gathers) {
  push(1);
  push(2);
  push(3);
  ASSERT_EQ(told.calls.size(), 1u);
  EXPECT_EQ(ids_of_last_call(), (std::vector{1}));
  queue->appended({answer_of(changelog_status::done, 10)}, now);
  ASSERT_EQ(told.calls.size(), 2u);
  EXPECT_EQ(ids_of_last_call(), (std::vector{2, 3}));
  EXPECT_TRUE(told.accepted.empty()) << "the replica has not applied it";
  EXPECT_EQ(told.heard, 10u);
  queue->applied(10);
  EXPECT_EQ(told.accepted, (std::map<uint64_t, feed_position>{{1, 10}}));
}

TEST_F(append_queue_test, the_replica_may_be_faster_than_the_answer) {
  push(1);
  queue->applied(10);
  queue->appended({answer_of(changelog_status::done, 10)}, now);
  EXPECT_EQ(told.accepted.count(1), 1u);
  EXPECT_EQ(queue->size(), 0u);
}

TEST_F(append_queue_test, each_has_its_own_outcome) {
  push(1);
  queue->appended({answer_of(changelog_status::done, 1)}, now);
  push(2, 1, 7);
  push(3);
  queue->appended({answer_of(changelog_status::mismatch, 9)}, now);
  queue->appended({answer_of(changelog_status::done, 10)}, now);
  queue->applied(10);
  EXPECT_EQ(code_of_refusal(2), errc::version_mismatch);
  EXPECT_STREQ(told.refused.at(2).what(), "index main is at version 9, not 7");
  EXPECT_EQ(told.accepted.at(3), 10u);
}

TEST_F(append_queue_test, asks_for_no_time_that_is_past_when_nothing_waits_any_more) {
  push(1);
  later(milliseconds(30'000));
  queue->appended({answer_of(changelog_status::unavailable, 0, "gone")}, now);
  EXPECT_EQ(queue->size(), 0u);
  later(milliseconds(60'000));
  told.wake.reset();
  queue->look(now);
  EXPECT_FALSE(told.wake);
}

TEST_F(append_queue_test, refusals_have_their_names) {
  const std::pair<changelog_status, errc> expected[] = {
      {changelog_status::read_only, errc::feed_is_read_only},
      {changelog_status::no_lineage, errc::index_not_found},
      {changelog_status::unsupported, errc::changelog_unavailable},
  };
  uint64_t number = 0;
  for (const auto& [status, code] : expected) {
    push(++number);
    queue->appended({answer_of(status, 0, "because")}, now);
    EXPECT_EQ(code_of_refusal(number), code);
    EXPECT_STREQ(told.refused.at(number).what(), "because");
  }
  push(9);
  queue->append_refused(error(errc::bad_request, "no word for it"), now);
  EXPECT_EQ(code_of_refusal(9), errc::bad_request);
  EXPECT_EQ(queue->size(), 0u);
}

TEST_F(append_queue_test, what_is_in_doubt_is_sent_again_with_its_id_before_those_that_came_later) {
  push(1);
  push(2);
  queue->appended({answer_of(changelog_status::in_doubt, 0, "cut off")}, now);
  EXPECT_EQ(told.calls.size(), 1u);
  later(milliseconds(100));
  ASSERT_EQ(told.calls.size(), 2u);
  EXPECT_EQ(ids_of_last_call(), (std::vector{1, 2}));
  EXPECT_TRUE(told.refused.empty());
}

TEST_F(append_queue_test, at_its_deadline_a_write_in_doubt_may_appear_and_another_one_will_not) {
  push(1);
  push(2);
  queue->appended({answer_of(changelog_status::in_doubt, 0, "cut off")}, now);
  later(milliseconds(100));
  queue->appended(
      {answer_of(changelog_status::unavailable, 0, "down"), answer_of(changelog_status::unavailable, 0, "down")},
      now);
  later(milliseconds(30'000));
  EXPECT_EQ(code_of_refusal(1), errc::replication_timeout) << "an earlier try may have been taken";
  EXPECT_EQ(code_of_refusal(2), errc::changelog_unavailable);
  EXPECT_EQ(queue->size(), 0u);
}

TEST_F(append_queue_test, what_is_in_the_log_and_not_in_the_index_in_time_will_appear) {
  push(1);
  queue->appended({answer_of(changelog_status::done, 10)}, now);
  later(milliseconds(29'999));
  EXPECT_TRUE(told.refused.empty());
  later(milliseconds(1));
  EXPECT_EQ(code_of_refusal(1), errc::replication_timeout);
  queue->applied(10);
  EXPECT_TRUE(told.accepted.empty()) << "it has been answered";
}

TEST_F(append_queue_test, doubt_is_final_where_no_id_resolves_it) {
  make(false);
  push(1);
  queue->appended({answer_of(changelog_status::in_doubt, 0, "cut off")}, now);
  EXPECT_EQ(code_of_refusal(1), errc::replication_timeout);
  push(2);
  later(milliseconds(200));
  queue->appended({answer_of(changelog_status::unavailable, 0, "refused")}, now);
  EXPECT_EQ(told.refused.count(2), 0u) << "nothing of it is in the log: it may be sent again";
}

TEST_F(append_queue_test, too_many_and_too_much_are_refused) {
  for (uint64_t i = 1; i <= 4; i++) push(i);
  EXPECT_EQ(test::error_of([&] { push(5); }).code(), errc::overloaded);
  queue->appended({answer_of(changelog_status::mismatch, 1)}, now);
  push(5);
  make();
  push(1, 200);
  EXPECT_EQ(test::error_of([&] { push(2, 100); }).code(), errc::overloaded);
  queue->append_refused(error(errc::bad_request, ""), now);
  push(2, 500);
}

TEST_F(append_queue_test, whoever_waits_hears_of_the_end) {
  for (uint64_t i = 1; i <= 3; i++) push(i);
  queue->appended({answer_of(changelog_status::done, 10)}, now);
  queue->stop(error(errc::shutting_down, "end"));
  for (uint64_t i = 1; i <= 3; i++) EXPECT_EQ(code_of_refusal(i), errc::shutting_down);
  EXPECT_EQ(queue->size(), 0u);
}

/// Against a log that loses answers and knows ids: every write is in it once if it was accepted, at most once else.
TEST_F(append_queue_test, nothing_is_lost_or_doubled_whatever_gets_lost_on_the_way) {
  for (uint32_t seed = 0; seed < 200; seed++) {
    std::mt19937 random(seed);
    const auto chance = [&](uint32_t percent) { return random() % 100 < percent; };
    told = {};
    make();
    std::vector<int> log;
    size_t answered = 0;
    uint64_t next = 1;
    for (int step = 0; step < 600; step++) {
      if (chance(40) && queue->size() < 4 && next < 60) push(next++);
      if (answered < told.calls.size() && chance(50)) {
        std::vector<append_answer> answers;
        for (const auto& a : *told.calls[answered++]) {
          const int id = a.id[0];
          if (chance(20)) {
            answers.push_back(answer_of(changelog_status::unavailable));
            continue;
          }
          auto at = std::find(log.begin(), log.end(), id);
          if (at == log.end()) at = log.insert(log.end(), id);
          answers.push_back(chance(20) ? answer_of(changelog_status::in_doubt)
                                       : answer_of(changelog_status::done, feed_position(at - log.begin() + 1)));
        }
        queue->appended(answers, now);
      }
      if (chance(30)) queue->applied(log.size());
      later(milliseconds(random() % 3'000));
    }
    const std::set<int> once(log.begin(), log.end());
    ASSERT_EQ(once.size(), log.size()) << "seed " << seed;
    for (const auto& [write, position] : told.accepted)
      ASSERT_EQ(log.at(position - 1), int(write)) << "seed " << seed;
    for (const auto& [write, why] : told.refused) {
      if (why.code() == errc::changelog_unavailable) {
        ASSERT_EQ(once.count(int(write)), 0u) << "seed " << seed;
      }
    }
  }
}

}  // namespace
}  // namespace fp
