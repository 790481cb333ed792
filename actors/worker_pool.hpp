#pragma once

#include <caf/all.hpp>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "actors/guarded_actor.hpp"
#include "core/base/task_line.hpp"

namespace fp {

/// Threads on which actors wait for disks, so that the threads of CAF's scheduler never do. Actors that have
/// messages take turns, a message or a few each, in the order in which they came to have one: none is passed over
/// because another is sent more.
///
///     sender --message--> pooled_actor's mailbox, then the actor --> queue --> any thread of the pool
///
/// All threads start with the pool, so nothing can fail for want of one later.
class worker_pool final : public helper_threads {
 public:
  /// Threads called `name`, 1 or more of them, which leave the processor to others by `niceness`, 0 to 19. Throws
  /// `overloaded` when the system does not give so many.
  worker_pool(caf::actor_system& system, const std::string& name, size_t num_threads, int niceness = 0);
  /// Waits until all its actors have ended.
  ~worker_pool() override;
  worker_pool(const worker_pool&) = delete;
  worker_pool& operator=(const worker_pool&) = delete;

  /// What a pooled actor is spawned on and sent to.
  class entry final : public caf::execution_unit {
   public:
    entry(caf::actor_system& system, worker_pool& pool) : caf::execution_unit(&system), pool_(pool) {}
    void exec_later(caf::resumable* job) override { pool_.push(job); }
    void launched() { pool_.count_actors(1); }
    void ended() { pool_.count_actors(-1); }

   private:
    worker_pool& pool_;
  };

  /// Spawns an actor that will run here: `f` takes a `pooled_pointer`.
  template <class F, class... Ts>
  auto spawn(F f, Ts&&... args) {
    using actor_type = caf::infer_impl_from_fun_t<F>;
    caf::actor_config settings{&entry_};
    caf::detail::init_fun_factory<actor_type, F> factory;
    settings.init_fun = factory(std::move(f), std::forward<Ts>(args)...);
    return system_.spawn_class<actor_type, caf::no_spawn_options>(settings);
  }

  /// Those beside the one that asks, which is one of them.
  size_t count() const noexcept override { return threads_.size() - 1; }
  /// Between actors, whose turns are as long as before.
  void offer(std::function<void()> work) override;

 private:
  void count_actors(int change);
  void push(caf::resumable* job);
  void work(int niceness);
  void stop();

  caf::actor_system& system_;
  entry entry_;
  std::mutex mutex_;
  std::condition_variable changed_, ended_;
  std::deque<caf::resumable*> queue_;  ///< each with a reference of its own
  int num_actors_ = 0;                 ///< launched, and not ended
  bool stopping_ = false;
  std::vector<std::jthread> threads_;
};

/// Base of the actors that block. Spawned without a pool, as in tests with a scheduler of their own, they are
/// scheduled as any other.
template <class Base>
class pooled_actor : public Base {
 public:
  explicit pooled_actor(caf::actor_config& config)
      : Base(config), entry_(dynamic_cast<worker_pool::entry*>(config.host)) {}

  using Base::enqueue;
  void enqueue(caf::mailbox_element_ptr element, caf::execution_unit* unit) override {
    Base::enqueue(std::move(element), entry_ != nullptr ? entry_ : unit);
  }
  void launch(caf::execution_unit* unit, bool lazy, bool hide) override {
    if (entry_ != nullptr) entry_->launched();
    Base::launch(unit, lazy, hide);
  }
  bool cleanup(caf::error&& reason, caf::execution_unit* unit) override {
    const bool ends = Base::cleanup(std::move(reason), unit);
    if (ends && entry_ != nullptr) entry_->ended();
    return ends;
  }

 private:
  worker_pool::entry* entry_;  ///< not looked at once the actor has ended: its mailbox is closed then
};

/// As `Handle::stateful_pointer`, for an actor that blocks.
template <class Handle, class State>
using pooled_pointer = caf::stateful_actor<State, pooled_actor<typename Handle::base>>*;
/// The same for one whose handle leaves the node.
template <class Handle, class State>
using guarded_pooled_pointer = caf::stateful_actor<State, pooled_actor<guarded_actor<Handle>>>*;

}  // namespace fp
