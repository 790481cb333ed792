#include "core/changelog/feed_following.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <vector>

namespace fp {
namespace {

using std::chrono::milliseconds;
using time_point = feed_following::time_point;

feed_changes changes_at(std::vector<feed_position> positions, feed_position newest) {
  feed_changes answer;
  changes_encoder encoder;
  for (const auto p : positions) encoder.erase(static_cast<document_id>(p));
  answer.positions = std::move(positions);
  answer.changes = encoder.take();
  answer.newest = newest;
  return answer;
}

feed_changes failing(changelog_status status, std::string why) {
  return refused<feed_changes>(status, std::move(why));
}

/// What a replica wants done, as it is told.
class told_effects : public following_effects {
 public:
  struct asked_read {
    feed_position after;
    std::optional<uint64_t> tag;
  };
  struct asked_apply {
    uint64_t batch;
    feed_position after, position;
    changes_ptr changes;
  };

  void read(feed_position after, std::optional<uint64_t> tag) override { reads.push_back({after, tag}); }
  void compare(changes_ptr change) override { comparisons.push_back(std::move(change)); }
  void apply(uint64_t batch, feed_position after, feed_position position, changes_ptr changes) override {
    applies.push_back({batch, after, position, std::move(changes)});
  }
  void base_needed(base_wish wish, const std::string& why) override {
    wishes.push_back(wish);
    bases.push_back(why);
  }
  void wake_at(time_point when) override { wake = wake ? std::min(*wake, when) : when; }
  void state_changed(const replica_report& report) override {
    const bool was_filling = states.empty() || states.back().state == replica_state::filling;
    if (was_filling && report.state == replica_state::following) num_filled++;
    states.push_back(report);
  }

  std::vector<asked_read> reads;
  std::vector<asked_apply> applies;
  std::vector<changes_ptr> comparisons;
  std::vector<base_wish> wishes;
  std::vector<std::string> bases;
  std::vector<replica_report> states;
  std::optional<time_point> wake;
  int num_filled = 0;
};

class feed_following_test : public ::testing::Test {
 protected:
  void start(feed_position applied, bool filled, milliseconds poll = milliseconds(200)) {
    start_with({.poll = poll, .seed = 7}, applied, filled);
  }
  void start_with(const feed_following::options& o, feed_position applied, bool filled) {
    following.emplace(o, told);
    following->start(applied, filled, now);
  }
  void later(milliseconds time) {
    now += time;
    told.wake.reset();
    following->look(now);
  }
  replica_report report() const { return following->report(now); }

  told_effects told;
  std::optional<feed_following> following;
  time_point now{std::chrono::hours(1)};
};

TEST_F(feed_following_test, reads_the_next_batch_while_one_is_applied) {
  start(5, true);
  ASSERT_EQ(told.reads.size(), 1u);
  EXPECT_EQ(told.reads[0].after, 5u);
  following->read_done(changes_at({6, 9}, 20), now);
  ASSERT_EQ(told.applies.size(), 1u);
  EXPECT_EQ(told.applies[0].after, 5u);
  EXPECT_EQ(told.applies[0].position, 9u);
  ASSERT_EQ(told.reads.size(), 2u);
  EXPECT_EQ(told.reads[1].after, 9u);
  following->read_done(changes_at({12}, 20), now);
  ASSERT_EQ(told.applies.size(), 2u);
  EXPECT_EQ(told.applies[1].after, 9u);
  EXPECT_EQ(told.reads.size(), 2u) << "two batches are in memory";
  EXPECT_EQ(report().applied, 5u);
  following->applied(told.applies[0].batch, now);
  EXPECT_EQ(report().applied, 9u);
  EXPECT_EQ(report().newest, 20u);
  ASSERT_EQ(told.reads.size(), 3u);
  EXPECT_EQ(told.reads[2].after, 12u);
}

TEST_F(feed_following_test, asks_again_after_a_while_when_nothing_is_new) {
  start(5, true);
  following->read_done(changes_at({}, 5), now);
  EXPECT_EQ(told.reads.size(), 1u);
  later(milliseconds(199));
  EXPECT_EQ(told.reads.size(), 1u);
  later(milliseconds(1));
  EXPECT_EQ(told.reads.size(), 2u);
  auto patient = changes_at({}, 5);
  patient.retry_after = milliseconds(1'000);
  following->read_done(patient, now);
  later(milliseconds(999));
  EXPECT_EQ(told.reads.size(), 2u);
  following->heard_of(6, now);
  EXPECT_EQ(told.reads.size(), 3u) << "somebody knows of more";
}

TEST_F(feed_following_test, asks_soon_for_what_somebody_waits_for) {
  start(5, true);
  auto nothing = changes_at({}, 5);
  nothing.retry_after = milliseconds(1'000);
  following->read_done(nothing, now);
  const auto num_reads = [&] { return told.reads.size(); };
  later(milliseconds(10));
  // What is here already needs no question.
  following->wanted(5, now);
  EXPECT_EQ(num_reads(), 1u);
  following->wanted(7, now);
  EXPECT_EQ(num_reads(), 1u) << "nobody is asked twice within 50 ms";
  EXPECT_EQ(told.wake, now + milliseconds(40));
  later(milliseconds(40));
  EXPECT_EQ(num_reads(), 2u);
  // Ever more rarely, until it is there.
  for (const int pause : {50, 100, 200}) {
    following->read_done(nothing, now);
    later(milliseconds(pause - 1));
    const auto before = num_reads();
    later(milliseconds(1));
    EXPECT_EQ(num_reads(), before + 1) << pause;
  }
  auto found = changes_at({6, 7}, 7);
  found.retry_after = milliseconds(1'000);
  following->read_done(found, now);
  following->applied(told.applies[0].batch, now);
  later(milliseconds(999));
  EXPECT_EQ(num_reads(), 5u);
  // Where nothing is new for long, at once.
  following->wanted(8, now);
  EXPECT_EQ(num_reads(), 6u);
}

TEST_F(feed_following_test, asks_a_while_for_what_will_never_be_there) {
  start(5, true, milliseconds(0));
  following->read_done(changes_at({}, 5), now);
  following->wanted(1'000'000, now + milliseconds(60));
  later(milliseconds(60));
  size_t asked = 0;
  for (int i = 0; i < 100'000; ++i) {
    if (told.reads.size() > asked) {
      asked = told.reads.size();
      following->read_done(changes_at({}, 5), now);
    }
    later(milliseconds(1));
  }
  EXPECT_GT(asked, 5u);
  EXPECT_LT(asked, 12u);
}

TEST_F(feed_following_test, asks_nothing_by_itself_where_others_tell_of_what_is_new) {
  start(5, true, milliseconds(0));
  following->read_done(changes_at({}, 5), now);
  EXPECT_FALSE(told.wake);
  later(std::chrono::hours(1));
  EXPECT_EQ(told.reads.size(), 1u);
  following->heard_of(5, now);
  EXPECT_EQ(told.reads.size(), 1u);
  following->heard_of(6, now);
  EXPECT_EQ(told.reads.size(), 2u);
}

TEST_F(feed_following_test, is_filled_when_it_has_what_the_changelog_held_at_the_beginning) {
  start(0, false);
  EXPECT_EQ(report().state, replica_state::filling);
  following->read_done(changes_at({3, 4}, 8), now);
  following->read_done(changes_at({8, 9}, 9), now);
  following->applied(1, now);
  EXPECT_EQ(told.num_filled, 0);
  following->applied(2, now);
  EXPECT_EQ(told.num_filled, 1);
  EXPECT_EQ(report().state, replica_state::following);
}

TEST_F(feed_following_test, an_empty_changelog_fills_at_once_and_one_whose_end_is_unknown_at_its_end) {
  start(0, false);
  following->read_done(changes_at({}, 0), now);
  EXPECT_EQ(told.num_filled, 1);
  told = {};
  start(0, false);
  following->read_done(changes_at({1}, 0), now);
  following->applied(1, now);
  EXPECT_EQ(told.num_filled, 0);
  following->read_done(changes_at({}, 0), now);
  EXPECT_EQ(told.num_filled, 1);
}

TEST_F(feed_following_test, begins_behind_what_is_applied_after_a_failure_and_drops_what_it_was_reading) {
  start(5, true);
  following->read_done(changes_at({6}, 9), now);
  following->read_done(changes_at({7}, 9), now);
  following->apply_failed(1, error(errc::no_space, "the disk is full"), now);
  EXPECT_EQ(report().state, replica_state::waiting);
  EXPECT_EQ(report().why, "the disk is full");
  // The one behind it cannot follow: whatever is said of it counts for nothing.
  following->apply_failed(2, error(errc::version_mismatch, "no"), now);
  following->applied(2, now);
  EXPECT_EQ(report().applied, 5u);
  EXPECT_EQ(told.reads.size(), 2u);
  later(milliseconds(100));
  ASSERT_EQ(told.reads.size(), 3u);
  EXPECT_EQ(told.reads[2].after, 5u);
  following->read_done(changes_at({6}, 9), now);
  EXPECT_EQ(report().state, replica_state::waiting) << "it is not applied yet";
  EXPECT_EQ(told.applies.back().after, 5u);
  following->applied(told.applies.back().batch, now);
  EXPECT_EQ(report().state, replica_state::following);
}

TEST_F(feed_following_test, waits_longer_and_longer_for_an_index_that_cannot_write) {
  start(5, true);
  told.states.clear();
  milliseconds last{0};
  for (int i = 0; i < 12; i++) {
    // What is read behind a batch that fails counts for nothing.
    for (auto asked = told.applies.size(); told.applies.size() == asked;) {
      following->read_done(changes_at({6}, 6), now);
    }
    following->apply_failed(told.applies.back().batch, error(errc::no_space, "the disk is full"), now);
    const auto wait = std::chrono::duration_cast<milliseconds>(*told.wake - now);
    if (i < 6) {
      EXPECT_GE(wait, last / 2 + milliseconds(25)) << i;
    }
    last = wait;
    later(wait);
  }
  EXPECT_EQ(told.states.size(), 1u) << "it is told once";
  following->read_done(changes_at({}, 6), now);
  following->read_done(changes_at({6}, 6), now);
  following->applied(told.applies.back().batch, now);
  EXPECT_EQ(report().state, replica_state::following);
}

TEST_F(feed_following_test, an_answer_to_a_read_from_before_a_failure_is_not_taken) {
  start(5, true);
  following->read_done(changes_at({6}, 9), now);
  ASSERT_EQ(told.reads.size(), 2u);
  following->apply_failed(1, error(errc::io_error, "no"), now);
  later(milliseconds(100));
  following->read_done(changes_at({7}, 9), now);
  EXPECT_EQ(told.applies.size(), 1u) << "7 does not follow 5";
  ASSERT_EQ(told.reads.size(), 3u);
  EXPECT_EQ(told.reads[2].after, 5u);
}

TEST_F(feed_following_test, waits_longer_after_each_failure_and_not_after_a_success) {
  start(5, true);
  milliseconds last{0};
  for (int i = 0; i < 12; i++) {
    following->read_done(failing(changelog_status::unavailable, "refused"), now);
    EXPECT_EQ(report().state, replica_state::waiting);
    const auto wait = std::chrono::duration_cast<milliseconds>(*told.wake - now);
    EXPECT_LE(wait, backoff::longest_delay);
    if (i < 6) {
      EXPECT_GE(wait, last / 2 + milliseconds(25)) << i;
    }
    last = wait;
    later(wait);
  }
  following->read_done(changes_at({}, 5), now);
  EXPECT_EQ(report().state, replica_state::following);
  later(milliseconds(200));
  following->read_done(failing(changelog_status::unavailable, "refused"), now);
  EXPECT_LE(*told.wake - now, backoff::first_delay);
}

TEST_F(feed_following_test, what_contradicts_the_replica_parks_it_for_good) {
  for (const auto status : {changelog_status::ahead_of_log, changelog_status::diverged}) {
    told = {};
    start(5, true);
    following->read_done(failing(status, "the log ends at 3"), now);
    EXPECT_EQ(report().state, replica_state::parked);
    EXPECT_EQ(report().why, "the log ends at 3");
    following->heard_of(100, now);
    later(std::chrono::hours(1));
    EXPECT_EQ(told.reads.size(), 1u);
  }
}

TEST_F(feed_following_test, positions_that_do_not_ascend_are_not_applied) {
  for (const auto& positions : std::vector<std::vector<feed_position>>{{5}, {4, 6}, {7, 6}}) {
    told = {};
    start(5, true);
    following->read_done(changes_at(positions, 9), now);
    EXPECT_TRUE(told.applies.empty());
    EXPECT_EQ(report().state, replica_state::waiting);
  }
  told = {};
  start(5, true);
  following->read_done(changes_at({6, 6, 7}, 9), now);
  EXPECT_EQ(told.applies.size(), 1u) << "one change may be several here";
}

class compares_first : public feed_following_test {
 protected:
  void start_at(feed_position applied, bool filled = true) {
    start_with({.poll = milliseconds(200), .seed = 7, .compares_first = true}, applied, filled);
  }
  static feed_changes tagged(feed_changes answer, uint64_t tag) {
    answer.tag = tag;
    return answer;
  }
};

TEST_F(compares_first, what_it_took_last_with_the_index) {
  start_at(5);
  ASSERT_EQ(told.reads.size(), 1u);
  EXPECT_EQ(told.reads[0].after, 4u);
  following->read_done(tagged(changes_at({5, 6, 7}, 7), 70), now);
  ASSERT_EQ(told.comparisons.size(), 1u);
  EXPECT_EQ(*told.comparisons[0], changes_at({5}, 7).changes);
  EXPECT_TRUE(told.applies.empty());
  following->heard_of(9, now);
  EXPECT_EQ(told.reads.size(), 1u) << "nothing is applied meanwhile";
  following->compared(true, now);
  ASSERT_EQ(told.applies.size(), 1u);
  EXPECT_EQ(told.applies[0].after, 5u);
  EXPECT_EQ(told.applies[0].position, 7u);
  EXPECT_EQ(*told.applies[0].changes, changes_at({6, 7}, 7).changes);
  ASSERT_EQ(told.reads.size(), 2u);
  EXPECT_EQ(told.reads[1].after, 7u);
  EXPECT_EQ(told.reads[1].tag, 70u);
}

TEST_F(compares_first, and_takes_over_its_tag_where_nothing_is_behind_it) {
  start_at(5);
  following->read_done(tagged(changes_at({5}, 5), 50), now);
  following->compared(true, now);
  later(milliseconds(200));
  ASSERT_EQ(told.reads.size(), 2u);
  EXPECT_EQ(told.reads[1].after, 5u);
  EXPECT_EQ(told.reads[1].tag, 50u);
}

TEST_F(compares_first, and_is_parked_where_the_log_has_something_else) {
  start_at(5);
  following->read_done(changes_at({5, 6}, 6), now);
  following->compared(false, now);
  EXPECT_EQ(report().state, replica_state::parked);
  EXPECT_TRUE(told.applies.empty());
}

TEST_F(compares_first, and_is_parked_where_the_log_ends_before) {
  start_at(5);
  following->read_done(changes_at({}, 4), now);
  EXPECT_EQ(report().state, replica_state::parked);
}

TEST_F(compares_first, and_does_so_again_when_the_index_could_not_tell) {
  start_at(5);
  following->read_done(changes_at({5}, 5), now);
  following->compared(std::nullopt, now);
  EXPECT_EQ(report().state, replica_state::waiting);
  later(std::chrono::minutes(1));
  ASSERT_EQ(told.reads.size(), 2u);
  EXPECT_EQ(told.reads[1].after, 4u);
}

TEST_F(compares_first, nothing_where_the_change_has_been_dropped) {
  start_at(5);
  following->read_done(failing(changelog_status::below_retention, "gone up to 5"), now);
  ASSERT_EQ(told.reads.size(), 2u);
  EXPECT_EQ(told.reads[1].after, 5u);
  EXPECT_TRUE(told.bases.empty());
  start_at(5, false);
  EXPECT_EQ(told.reads.back().after, 5u);
}

class whole_at_start : public feed_following_test {
 protected:
  void start_at(feed_position applied, bool filled) {
    start_with({.poll = milliseconds(200), .seed = 7, .whole_at_start = true}, applied, filled);
  }
};

TEST_F(whole_at_start, is_asked_for_where_no_change_tells_of_anything) {
  start_at(0, false);
  following->read_done(changes_at({}, 0), now);
  EXPECT_EQ(told.wishes, std::vector{base_wish::at_start});
  EXPECT_EQ(told.num_filled, 0);
  EXPECT_EQ(told.reads.size(), 1u) << "what comes takes this replica's place";
}

TEST_F(whole_at_start, is_asked_for_once_where_there_is_nothing) {
  start_at(0, false);
  following->read_done(changes_at({}, 0), now);
  following->base_failed("", now);
  ASSERT_EQ(told.reads.size(), 2u);
  following->read_done(changes_at({}, 0), now);
  EXPECT_EQ(told.num_filled, 1);
  later(milliseconds(200));
  following->read_done(changes_at({}, 0), now);
  EXPECT_EQ(told.wishes.size(), 1u);
}

TEST_F(whole_at_start, is_asked_for_until_it_is_known) {
  start_at(0, false);
  following->read_done(changes_at({}, 0), now);
  following->base_failed("the stream broke", now);
  EXPECT_EQ(report().state, replica_state::filling);
  EXPECT_EQ(report().why, "the stream broke");
  later(std::chrono::minutes(1));
  ASSERT_EQ(told.reads.size(), 2u);
  following->read_done(changes_at({}, 0), now);
  EXPECT_EQ(told.wishes, (std::vector{base_wish::at_start, base_wish::at_start}));
  EXPECT_EQ(told.num_filled, 0);
}

TEST_F(whole_at_start, is_nothing_to_who_has_something_or_reads_something) {
  start_at(0, true);
  following->read_done(changes_at({}, 0), now);
  start_at(5, false);
  following->read_done(changes_at({}, 5), now);
  start_at(0, false);
  following->read_done(changes_at({3}, 3), now);
  EXPECT_TRUE(told.wishes.empty());
}

TEST_F(feed_following_test, asks_for_a_base_where_the_changelog_begins_later) {
  start(5, true);
  following->read_done(failing(changelog_status::below_retention, "gone up to 8"), now);
  ASSERT_EQ(told.bases.size(), 1u);
  later(std::chrono::hours(1));
  following->heard_of(100, now);
  EXPECT_EQ(told.reads.size(), 1u) << "until somebody tells what became of it";
  following->base_failed("no replica has it", now);
  EXPECT_EQ(report().state, replica_state::waiting);
  later(milliseconds(100));
  EXPECT_EQ(told.reads.size(), 2u);
}

TEST_F(feed_following_test, an_empty_replica_of_a_long_changelog_asks_others_first) {
  start_with({.poll = milliseconds(200), .seed = 7, .base_first = true}, 0, false);
  following->read_done(changes_at({1, 2}, 100), now);
  EXPECT_EQ(told.bases, (std::vector<std::string>{""}));
  EXPECT_TRUE(told.applies.empty());
  following->base_failed("nobody is ahead", now);
  EXPECT_EQ(report().state, replica_state::filling);
  EXPECT_EQ(report().why, "nobody is ahead");
  later(milliseconds(100));
  ASSERT_EQ(told.reads.size(), 2u);
  EXPECT_EQ(told.reads[1].after, 0u);
  following->read_done(changes_at({1, 2}, 100), now);
  EXPECT_EQ(told.applies.size(), 1u) << "then it reads all of it";
  EXPECT_EQ(told.bases.size(), 1u);
}

TEST_F(feed_following_test, an_empty_replica_of_a_short_changelog_asks_nobody) {
  start_with({.poll = milliseconds(200), .seed = 7, .base_first = true}, 0, false);
  following->read_done(changes_at({1, 2}, 2), now);
  EXPECT_TRUE(told.bases.empty());
  EXPECT_EQ(told.applies.size(), 1u);
}

TEST_F(feed_following_test, knows_how_long_it_has_been_behind) {
  start(5, true);
  following->heard_of(8, now);
  now += milliseconds(70);
  EXPECT_EQ(report().behind, milliseconds(70));
  following->read_done(changes_at({8}, 8), now);
  following->applied(1, now);
  EXPECT_EQ(report().behind, milliseconds(0));
}

TEST_F(feed_following_test, remembers_the_tag_of_what_it_has_applied) {
  start(5, true);
  auto answer = changes_at({6}, 6);
  answer.tag = 77;
  following->read_done(answer, now);
  ASSERT_EQ(told.reads.size(), 2u);
  EXPECT_EQ(told.reads[1].tag, 77u);
  following->read_done(failing(changelog_status::unavailable, "refused"), now);
  following->apply_failed(1, error(errc::io_error, "no"), now);
  later(milliseconds(200));
  EXPECT_EQ(told.reads.back().after, 5u);
  EXPECT_FALSE(told.reads.back().tag);
}

/// Whatever fails in whichever order: the index gets every change once, in its order.
TEST_F(feed_following_test, applies_everything_once_whatever_fails) {
  for (uint32_t seed = 0; seed < 200; seed++) {
    std::mt19937 random(seed);
    const auto chance = [&](uint32_t percent) { return random() % 100 < percent; };
    std::vector<feed_position> log;
    feed_position end = 0;
    for (int i = 0; i < 60; i++) log.push_back(end += 1 + random() % 3);
    size_t visible = random() % log.size();
    std::vector<feed_position> index;
    feed_position at = 0;
    told = {};
    start(0, false, chance(50) ? milliseconds(0) : milliseconds(50));
    size_t read = 0, applied = 0;
    for (int step = 0; step < 4'000 && at < end; step++) {
      if (chance(20)) visible = std::min(log.size(), visible + random() % 9);
      if (chance(20)) following->heard_of(visible > 0 ? log[visible - 1] : 0, now);
      if (read < told.reads.size() && chance(60)) {
        const auto asked = told.reads[read++];
        if (chance(15)) {
          following->read_done(failing(changelog_status::unavailable, "no"), now);
        } else {
          std::vector<feed_position> found;
          const size_t most = 1 + random() % 5;
          for (size_t i = 0; i < visible && found.size() < most; i++) {
            if (log[i] > asked.after) found.push_back(log[i]);
          }
          following->read_done(changes_at(found, visible > 0 ? log[visible - 1] : 0), now);
        }
      }
      if (applied < told.applies.size() && chance(60)) {
        const auto asked = told.applies[applied++];
        if (asked.after == at && !chance(15)) {
          changes_reader changes(*asked.changes);
          change_view change;
          while (changes.next(change)) index.push_back(change.id);
          at = asked.position;
          following->applied(asked.batch, now);
        } else {
          following->apply_failed(asked.batch, error(errc::io_error, "no"), now);
        }
      }
      now += milliseconds(random() % 400);
      following->look(now);
    }
    ASSERT_EQ(index, log) << "seed " << seed;
    ASSERT_EQ(told.num_filled, 1) << "seed " << seed;
  }
}

TEST_F(feed_following_test, tells_how_many_tries_failed_and_when_the_next_one_is) {
  start(5, true);
  EXPECT_EQ(report().attempts, 0u);
  for (uint32_t failures = 1; failures <= 3; failures++) {
    following->read_done(refused<feed_changes>(changelog_status::unavailable, "away"), now);
    EXPECT_EQ(report().attempts, failures);
    ASSERT_TRUE(report().next_try);
    EXPECT_GT(*report().next_try, now);
    later(std::chrono::duration_cast<milliseconds>(*report().next_try - now));
    EXPECT_FALSE(report().next_try) << "it goes on";
  }
  following->read_done(changes_at({}, 5), now);
  EXPECT_EQ(report().attempts, 0u);
  EXPECT_FALSE(report().next_try);
}

}  // namespace
}  // namespace fp
