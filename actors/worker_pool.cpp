#include "actors/worker_pool.hpp"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <system_error>
#include <utility>

#include "core/base/no_thread.hpp"

namespace fp {

namespace {

/// Work that no actor stands behind.
class errand final : public caf::ref_counted, public caf::resumable {
 public:
  explicit errand(std::function<void()> work) : work_(std::move(work)) {}

  resume_result resume(caf::execution_unit*, size_t) override {
    work_();
    return done;
  }
  void intrusive_ptr_add_ref_impl() override { ref(); }
  void intrusive_ptr_release_impl() override { deref(); }

 private:
  std::function<void()> work_;
};

}  // namespace

worker_pool::worker_pool(caf::actor_system& system, const std::string& name, size_t num_threads, int niceness)
    : system_(system), entry_(system, *this) {
  try {
    threads_.reserve(num_threads);
    while (threads_.size() < num_threads) {
      threads_.emplace_back([this, niceness] { work(niceness); });
      ::pthread_setname_np(threads_.back().native_handle(), name.c_str());
    }
  } catch (const std::system_error& e) {
    stop();
    throw no_thread(e);
  }
}

worker_pool::~worker_pool() {
  {
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [this] { return num_actors_ == 0; });
  }
  stop();
}

void worker_pool::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  threads_.clear();
}

void worker_pool::count_actors(int change) {
  const std::lock_guard lock(mutex_);
  num_actors_ += change;
  if (num_actors_ == 0) ended_.notify_all();
}

void worker_pool::offer(std::function<void()> work) { push(new errand(std::move(work))); }

void worker_pool::push(caf::resumable* job) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(job);
  }
  changed_.notify_one();
}

void worker_pool::work(int niceness) {
  // Linux has a niceness for each thread. Without it all that is lost is who comes first.
  if (niceness > 0) ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), niceness);
  // Whom an actor sends to runs on the scheduler, unless it is pooled itself.
  caf::scoped_execution_unit senders_unit(&system_);
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    caf::resumable* const job = queue_.front();
    queue_.pop_front();
    lock.unlock();
    const auto result = job->resume(&senders_unit, 1);
    if (result != caf::resumable::resume_later) caf::intrusive_ptr_release(job);
    lock.lock();
    if (result == caf::resumable::resume_later) queue_.push_back(job);
  }
}

}  // namespace fp
