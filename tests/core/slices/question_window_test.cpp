#include "core/slices/question_window.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "core/slices/reply_batches.hpp"

namespace fp {
namespace {

using namespace std::chrono_literals;
using numbers = std::vector<uint64_t>;

class question_window_test : public ::testing::Test {
 protected:
  numbers push(uint64_t question) {
    window_.push(question);
    return window_.take(now_);
  }

  question_window window_;
  question_window::time_point now_ = question_window::time_point() + 1h;
};

TEST_F(question_window_test, sends_single_questions_at_once) {
  for (uint64_t question = 1; question < 10; ++question) {
    EXPECT_EQ(push(question), numbers{question});
    EXPECT_FALSE(window_.due());
    window_.end(question);
  }
}

TEST_F(question_window_test, gathers_while_messages_are_under_way) {
  EXPECT_EQ(push(1), numbers{1});
  EXPECT_EQ(push(2), numbers{2});
  for (uint64_t question = 3; question <= 6; ++question) EXPECT_EQ(push(question), numbers{});
  window_.end(5);  // nobody waits for it any more
  EXPECT_TRUE(window_.due());
  window_.end(2);
  EXPECT_EQ(window_.take(now_), (numbers{3, 4, 6}));
  EXPECT_EQ(push(7), numbers{});
  // One answer of a message is enough.
  window_.end(4);
  EXPECT_EQ(window_.take(now_), numbers{7});
  EXPECT_EQ(push(8), numbers{});
  // And makes room once.
  window_.end(3);
  window_.end(6);
  EXPECT_EQ(window_.take(now_), numbers{});
}

TEST_F(question_window_test, does_not_wait_for_a_peer_that_takes_its_time) {
  push(1);
  push(2);
  EXPECT_EQ(push(3), numbers{});
  now_ = *window_.due();
  EXPECT_EQ(window_.take(now_), numbers{3});
  EXPECT_EQ(push(4), numbers{});
  EXPECT_GT(window_.due(), now_);
  window_.clear();
  EXPECT_FALSE(window_.due());
  EXPECT_EQ(push(5), numbers{5});
}

TEST_F(question_window_test, bounds_messages) {
  for (uint64_t question = 1; question <= 200; ++question) push(question);
  size_t taken = 2;
  uint64_t next = 3;
  while (taken < 200) {
    now_ += 1ms;
    const auto some = window_.take(now_);
    ASSERT_FALSE(some.empty());
    EXPECT_LE(some.size(), 64u);
    for (const auto question : some) EXPECT_EQ(question, next++);
    taken += some.size();
  }
}

/// Questions come, end and are abandoned in any order: each is sent once, oldest first, unless it ends before.
TEST_F(question_window_test, sends_each_question_once) {
  std::mt19937_64 random(5);
  uint64_t next = 1, last_sent = 0;
  std::set<uint64_t> open, sent;
  for (int step = 0; step < 5'000; ++step) {
    now_ += std::chrono::microseconds(random() % 300);
    switch (random() % 3) {
      case 0:
        window_.push(next);
        open.insert(next++);
        break;
      case 1:
        if (!open.empty()) {
          const auto it = std::next(open.begin(), static_cast<std::ptrdiff_t>(random() % open.size()));
          window_.end(*it);
          open.erase(it);
        }
        break;
      default:
        for (const auto question : window_.take(now_)) {
          EXPECT_TRUE(open.contains(question));
          EXPECT_GT(question, last_sent);
          last_sent = question;
          sent.insert(question);
        }
    }
    const bool waits = std::ranges::any_of(open, [&](uint64_t question) { return !sent.contains(question); });
    EXPECT_EQ(window_.due().has_value(), waits);
  }
  EXPECT_GT(sent.size(), 500u);
}

TEST(reply_batches_test, sends_a_message_when_all_of_it_is_answered) {
  reply_batches<int> replies;
  const auto now = reply_batches<int>::time_point() + 1h;
  EXPECT_TRUE(replies.is_idle());
  const auto first = replies.begin(2), second = replies.begin(1);
  EXPECT_NE(first, second);
  EXPECT_FALSE(replies.add(first, 1, now));
  EXPECT_TRUE(replies.add(second, 2, now));
  EXPECT_EQ(replies.take(), (std::vector{1, 2}));
  EXPECT_FALSE(replies.is_idle());
  EXPECT_FALSE(replies.due());
  EXPECT_TRUE(replies.add(first, 3, now));
  EXPECT_EQ(replies.take(), std::vector{3});
  EXPECT_TRUE(replies.is_idle());
}

TEST(reply_batches_test, has_no_reply_wait_for_a_longer_search) {
  reply_batches<int> replies;
  const auto now = reply_batches<int>::time_point() + 1h;
  const auto message = replies.begin(200);
  EXPECT_FALSE(replies.add(message, 1, now));
  EXPECT_EQ(replies.due(), now + 1ms);
  EXPECT_FALSE(replies.add(message, 2, now + 999us));
  EXPECT_TRUE(replies.add(message, 3, now + 1ms));
  EXPECT_EQ(replies.take().size(), 3u);
  size_t held = 0;
  while (!replies.add(message, 4, now + 2ms)) held++;
  EXPECT_EQ(held, 63u);
}

}  // namespace
}  // namespace fp
