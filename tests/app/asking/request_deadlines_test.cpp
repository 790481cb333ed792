#include "app/asking/request_deadlines.hpp"
#include "tests/actors/support/test_system_config.hpp"

#include <gtest/gtest.h>

#include <caf/scheduler/test_coordinator.hpp>

namespace fp {
namespace {

using namespace std::chrono_literals;

/// Keeps requests until it is told to answer them all.
caf::behavior keep_requests(caf::stateful_actor<std::vector<caf::response_promise>>* self) {
  return {[=](int) -> caf::result<int> {
            self->state.push_back(self->make_response_promise());
            return self->state.back();
          },
          [=](bool) {
            for (auto& p : std::exchange(self->state, {})) p.deliver(7);
          }};
}

struct timed_asker_state {
  request_deadlines deadlines;
  std::vector<std::string> heard;  ///< "name answer" or "name error"
};

using timed_asker = caf::stateful_actor<timed_asker_state>;

caf::behavior ask_in_time(timed_asker* self, const caf::actor& whom) {
  return {[=](const std::string& name, int milliseconds) {
            self->state.deadlines.request<int>(
                self, whom, std::chrono::milliseconds(milliseconds),
                [=](int& answer) { self->state.heard.push_back(name + " " + std::to_string(answer)); },
                [=](const caf::error& e) {
                  self->state.heard.push_back(name + (e == caf::sec::request_timeout ? " late" : " gone"));
                },
                1);
          },
          [=](expire_atom) { self->state.deadlines.expire(*self); },
          [=](const caf::actor& gone) { self->state.deadlines.receiver_lost(*self, gone.address()); },
          [=](bool) { self->state.deadlines.all_lost(*self); }};
}

class request_deadlines_test : public testing::Test {
 protected:
  request_deadlines_test() {
    scheduler().clock().current_time += 1h;
    run();
  }
  ~request_deadlines_test() override {
    for (const auto& a : {server, client}) caf::anon_send_exit(a, caf::exit_reason::kill);
    run();
  }

  caf::scheduler::test_coordinator& scheduler() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler());
  }
  void run() {
    while (scheduler().try_run_once()) {
    }
  }
  void advance(caf::timespan by) {
    scheduler().advance_time(by);
    run();
  }
  void ask(const std::string& name, int milliseconds) {
    caf::anon_send(client, name, milliseconds);
    run();
  }
  std::vector<std::string> take_heard() {
    return std::exchange(dynamic_cast<timed_asker&>(*caf::actor_cast<caf::abstract_actor*>(client)).state.heard,
                         {});
  }
  size_t timers() { return scheduler().clock().schedule().size(); }

  test::test_system_config settings{true};
  caf::actor_system system{settings};
  caf::actor server = system.spawn(keep_requests), client = system.spawn(ask_in_time, server);
};

using strings = std::vector<std::string>;

TEST_F(request_deadlines_test, each_request_fails_at_its_own_time) {
  ask("long", 300);
  ask("short", 100);
  ask("middle", 200);
  advance(99ms);
  EXPECT_EQ(take_heard(), strings());
  advance(1ms);
  EXPECT_EQ(take_heard(), strings{"short late"});
  advance(150ms);
  EXPECT_EQ(take_heard(), strings{"middle late"});
  ask("next", 100);
  advance(50ms);
  EXPECT_EQ(take_heard(), strings{"long late"});
  advance(50ms);
  EXPECT_EQ(take_heard(), strings{"next late"});
  // Answers that come now are nobody's.
  caf::anon_send(server, true);
  run();
  EXPECT_EQ(take_heard(), strings());
}

TEST_F(request_deadlines_test, answered_requests_do_not_fail) {
  ask("a", 100);
  ask("b", 100);
  caf::anon_send(server, true);
  run();
  EXPECT_EQ(take_heard(), (strings{"a 7", "b 7"}));
  ask("c", 150);
  advance(100ms);
  EXPECT_EQ(take_heard(), strings());
  advance(50ms);
  EXPECT_EQ(take_heard(), strings{"c late"});
}

TEST_F(request_deadlines_test, an_actor_that_is_gone_is_told_at_once) {
  caf::anon_send_exit(server, caf::exit_reason::kill);
  run();
  ask("a", 100);
  EXPECT_EQ(take_heard(), strings{"a gone"});
  advance(100ms);
  EXPECT_EQ(take_heard(), strings());
}

TEST_F(request_deadlines_test, one_timer_serves_many_requests) {
  for (int i = 0; i < 100; i++) ask("r", 100 + i);
  EXPECT_EQ(timers(), 1u);
  advance(1s);
  EXPECT_EQ(take_heard().size(), 100u);
  EXPECT_EQ(timers(), 0u);
}

TEST_F(request_deadlines_test, what_was_asked_of_a_lost_actor_fails) {
  ask("a", 100);
  ask("b", 200);
  caf::anon_send(client, client);  // nothing was asked of that one
  run();
  EXPECT_EQ(take_heard(), strings());
  caf::anon_send(client, server);
  run();
  EXPECT_EQ(take_heard(), (strings{"a gone", "b gone"}));
  ask("c", 300);
  caf::anon_send(server, true);  // whose answers to the others come too late
  run();
  EXPECT_EQ(take_heard(), strings{"c 7"});
  advance(1s);
  EXPECT_EQ(take_heard(), strings());
}

TEST_F(request_deadlines_test, an_answer_that_is_there_already_comes_before_a_loss) {
  ask("a", 100);
  ask("b", 100);
  caf::anon_send(server, true);
  EXPECT_TRUE(scheduler().try_run_once());  // the answers are on their way
  caf::anon_send(client, true);
  run();
  EXPECT_EQ(take_heard(), (strings{"a 7", "b 7"}));
  ask("c", 100);
  caf::anon_send(client, true);
  run();
  EXPECT_EQ(take_heard(), strings{"c gone"});
}

/// A late request that was not handled yet when another one is made: it fails once.
TEST_F(request_deadlines_test, nothing_fails_twice) {
  ask("a", 100);
  caf::anon_send(client, std::string("b"), 50);
  scheduler().advance_time(100ms);
  caf::anon_send(client, std::string("c"), 50);
  run();
  EXPECT_EQ(take_heard(), strings{"a late"});
  advance(50ms);
  EXPECT_EQ(take_heard(), (strings{"b late", "c late"}));
}

}  // namespace
}  // namespace fp
