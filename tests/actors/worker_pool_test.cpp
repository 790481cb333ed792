#include "actors/worker_pool.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <future>
#include <latch>
#include <thread>
#include <utility>
#include <vector>

#include "tests/actors/support/actor_fixture.hpp"

namespace fp {
namespace {

using job = std::function<void()>;
using job_ptr = std::shared_ptr<job>;
using job_handle = caf::typed_actor<caf::replies_to<job_ptr>::with<done_atom>>;
using number_handle = caf::typed_actor<caf::reacts_to<int>>;

}  // namespace
}  // namespace fp

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::job_ptr)

namespace fp {
namespace {

/// Does what it is sent.
struct job_state {
  static inline const char* name = "job_actor";
  // Of an aggregate, CAF would make the first member of the actor's address.
  job_state() noexcept {}
  bool busy = false;
};

job_handle::behavior_type job_actor(pooled_pointer<job_handle, job_state> self) {
  return {[self](const job_ptr& j) {
    EXPECT_FALSE(std::exchange(self->state.busy, true)) << "an actor runs on one thread at a time";
    (*j)();
    self->state.busy = false;
    return done_atom_v;
  }};
}

class worker_pool_test : public ::testing::Test {
 protected:
  void send(const job_handle& to, job what) { caf::anon_send(to, std::make_shared<job>(std::move(what))); }
  void wait_for(const job_handle& who) {
    self->request(who, caf::infinite, std::make_shared<job>([] {}))
        .receive([](done_atom) {}, [](const caf::error& e) { ADD_FAILURE() << text_of(e); });
  }

  test::test_system_config config{false};
  caf::actor_system system{config};
  caf::scoped_actor self{system};
};

TEST_F(worker_pool_test, actors_take_turns_however_much_one_is_sent) {
  constexpr int num_jobs = 200;
  worker_pool pool(system, "test", 1);
  const auto eager = pool.spawn(job_actor), modest = pool.spawn(job_actor);
  std::promise<void> all_sent;
  std::vector<char> order;
  send(eager, [&] { all_sent.get_future().wait(); });
  for (int i = 0; i < num_jobs; i++) send(eager, [&] { order.push_back('e'); });
  for (int i = 0; i < num_jobs / 10; i++) send(modest, [&] { order.push_back('m'); });
  all_sent.set_value();
  wait_for(eager);
  wait_for(modest);
  ASSERT_EQ(order.size(), num_jobs + num_jobs / 10);
  const auto last_of_modest = std::find(order.rbegin(), order.rend(), 'm');
  EXPECT_LT(order.rend() - last_of_modest, num_jobs / 2) << "it has waited for the other's messages";
  self->send_exit(eager, caf::exit_reason::user_shutdown);
  self->send_exit(modest, caf::exit_reason::user_shutdown);
}

TEST_F(worker_pool_test, threads_leave_the_processor_to_others_as_they_are_told) {
  for (const int niceness : {0, 7}) {
    worker_pool pool(system, "test", 1, niceness);
    const auto actor = pool.spawn(job_actor);
    const int before = ::getpriority(PRIO_PROCESS, 0);
    int inside = -1;
    send(actor, [&] { inside = ::getpriority(PRIO_PROCESS, 0); });
    wait_for(actor);
    EXPECT_EQ(inside, std::max(before, niceness));
    EXPECT_EQ(::getpriority(PRIO_PROCESS, 0), before);
    self->send_exit(actor, caf::exit_reason::user_shutdown);
  }
}

TEST_F(worker_pool_test, as_many_block_as_there_are_threads) {
  worker_pool pool(system, "test", 2);
  const auto stuck = pool.spawn(job_actor), other = pool.spawn(job_actor);
  std::promise<void> release;
  send(stuck, [&] { release.get_future().wait(); });
  wait_for(other);
  release.set_value();
  wait_for(stuck);
  self->send_exit(stuck, caf::exit_reason::user_shutdown);
  self->send_exit(other, caf::exit_reason::user_shutdown);
}

TEST_F(worker_pool_test, only_pooled_actors_run_here) {
  worker_pool pool(system, "test", 1);
  std::atomic<std::thread::id> pooled_thread, other_thread;
  const auto pooled = pool.spawn(job_actor);
  std::promise<void> heard;
  const auto other = system.spawn([&](number_handle::pointer) -> number_handle::behavior_type {
    return {[&](int) {
      other_thread = std::this_thread::get_id();
      heard.set_value();
    }};
  });
  const auto sender = pool.spawn([&](pooled_pointer<job_handle, job_state> s) -> job_handle::behavior_type {
    return {[&, s](const job_ptr& j) {
      pooled_thread = std::this_thread::get_id();
      s->send(other, 1);
      (*j)();
      return done_atom_v;
    }};
  });
  wait_for(sender);
  heard.get_future().wait();
  EXPECT_NE(pooled_thread.load(), other_thread.load());
  std::thread::id thread_of_pooled;
  send(pooled, [&] { thread_of_pooled = std::this_thread::get_id(); });
  wait_for(pooled);
  EXPECT_EQ(thread_of_pooled, pooled_thread.load());
  self->send_exit(pooled, caf::exit_reason::user_shutdown);
  self->send_exit(sender, caf::exit_reason::user_shutdown);
  self->send_exit(other, caf::exit_reason::user_shutdown);
}

TEST_F(worker_pool_test, its_threads_help_one_another) {
  // Until the pool's threads have ended: who wakes up last looks at the latch once more.
  std::latch all(3);
  std::vector<std::thread::id> helpers(2);
  worker_pool pool(system, "test", 3);
  EXPECT_EQ(pool.count(), 2u);
  const auto actor = pool.spawn(job_actor);
  send(actor, [&] {
    // Two offers at once beside this thread, which waits for both.
    for (auto& id : helpers) {
      pool.offer([&] {
        id = std::this_thread::get_id();
        all.arrive_and_wait();
      });
    }
    all.arrive_and_wait();
    EXPECT_NE(helpers[0], helpers[1]);
    for (const auto& id : helpers) EXPECT_NE(id, std::this_thread::get_id());
  });
  wait_for(actor);
  self->send_exit(actor, caf::exit_reason::user_shutdown);
}

TEST_F(worker_pool_test, what_is_offered_waits_for_no_more_than_turns) {
  std::atomic<int> done = 0;
  {
    worker_pool pool(system, "test", 1);
    EXPECT_EQ(pool.count(), 0u);
    const auto actor = pool.spawn(job_actor);
    std::promise<void> all_sent;
    send(actor, [&] { all_sent.get_future().wait(); });
    send(actor, [&] { EXPECT_EQ(done, 1) << "it came before the actor's second turn"; });
    pool.offer([&] { done++; });
    all_sent.set_value();
    wait_for(actor);
    pool.offer([&] { done++; });
    self->send_exit(actor, caf::exit_reason::user_shutdown);
  }
  EXPECT_EQ(done, 2) << "a pool ends when all is done";
}

TEST_F(worker_pool_test, ends_after_its_actors_however_they_end) {
  std::atomic<int> done = 0;
  {
    worker_pool pool(system, "test", 2);
    {
      const auto told = pool.spawn(job_actor);
      const auto forgotten = pool.spawn(job_actor);
      send(told, [&] { done++; });
      send(forgotten, [&] { done++; });
      self->send_exit(told, caf::exit_reason::user_shutdown);
    }
    const auto throwing = pool.spawn([](pooled_pointer<job_handle, job_state>) -> job_handle::behavior_type {
      throw std::runtime_error("not today");
    });
  }
  EXPECT_EQ(done, 2);
}

}  // namespace
}  // namespace fp
