#include "core/base/task_line.hpp"

#include <utility>

namespace fp {

namespace {

// Helpers that have other work come to an offer when its task is long done: not each task needs one of its own.
constexpr size_t offers_per_helper = 8;

}  // namespace

task_line::task_line(helper_threads* helpers)
    : helpers_(helpers), offers_(helpers != nullptr ? std::make_shared<std::atomic<size_t>>(0) : nullptr) {}

task_line::~task_line() {
  for (const auto& t : tasks_) {
    if (!claim(*t)) wait_for(*t);
  }
}

void task_line::add(std::function<void()> work) {
  auto t = std::make_shared<task>();
  t->work = std::move(work);
  tasks_.push_back(t);
  if (helpers_ == nullptr || offers_->load() >= offers_per_helper * helpers_->count()) return;
  offers_->fetch_add(1);
  helpers_->offer([t = std::move(t), offers = offers_] {
    offers->fetch_sub(1);
    if (claim(*t)) do_claimed(*t);
  });
}

void task_line::finish_oldest() {
  const std::shared_ptr<task> oldest = std::move(tasks_.front());
  tasks_.pop_front();
  if (claim(*oldest)) {
    do_claimed(*oldest);
  } else {
    for (const auto& t : tasks_) {
      if (oldest->state.load(std::memory_order_acquire) == done) break;
      if (claim(*t)) do_claimed(*t);
    }
    wait_for(*oldest);
  }
  // Out of the task: a helper may be the last one to let go of that, while the exception is looked at here.
  if (oldest->error) std::rethrow_exception(std::exchange(oldest->error, nullptr));
}

bool task_line::claim(task& t) noexcept {
  int expected = waiting;
  return t.state.compare_exchange_strong(expected, begun, std::memory_order_acq_rel);
}

void task_line::do_claimed(task& t) noexcept {
  try {
    t.work();
  } catch (...) {
    t.error = std::current_exception();
  }
  t.state.store(done, std::memory_order_release);
  t.state.notify_all();
}

void task_line::wait_for(const task& t) noexcept {
  int now;
  while ((now = t.state.load(std::memory_order_acquire)) != done) t.state.wait(now, std::memory_order_acquire);
}

}  // namespace fp
