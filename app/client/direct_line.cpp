#include "app/client/direct_line.hpp"

#include <utility>

namespace fp {

void direct_line::open(const std::string& index, const index_handle& handle) {
  const std::lock_guard lock(mutex_);
  open_[index] = handle;
}

void direct_line::close(const std::string& index) {
  expectation lost;
  {
    const std::lock_guard lock(mutex_);
    open_.erase(index);
    lost = take_expectation();
  }
  tell(lost);
}

void direct_line::close_all() {
  expectation lost;
  {
    const std::lock_guard lock(mutex_);
    open_.clear();
    lost = take_expectation();
  }
  tell(lost);
}

void direct_line::close(const std::string& index, const index_handle& gone) {
  const std::lock_guard lock(mutex_);
  if (const auto it = open_.find(index); it != open_.end() && it->second == gone) open_.erase(it);
}

index_handle direct_line::find(const std::string& index) const {
  const std::lock_guard lock(mutex_);
  const auto it = open_.find(index);
  return it == open_.end() ? index_handle{} : it->second;
}

bool direct_line::expect(const std::string& index, const index_handle& handle, caf::strong_actor_ptr reader,
                         caf::message_id id) {
  const std::lock_guard lock(mutex_);
  const auto it = open_.find(index);
  if (it == open_.end() || it->second != handle) return false;
  expected_ = {index, std::move(reader), id};
  return true;
}

bool direct_line::done() {
  const std::lock_guard lock(mutex_);
  return std::exchange(expected_, {}).reader != nullptr;
}

direct_line::expectation direct_line::take_expectation() {
  if (!expected_.reader || open_.count(expected_.index) > 0) return {};
  return std::exchange(expected_, {});
}

void direct_line::tell(const expectation& lost) {
  if (!lost.reader) return;
  lost.reader->enqueue(nullptr, lost.id, caf::make_message(caf::make_error(caf::sec::request_receiver_down)),
                       nullptr);
}

}  // namespace fp
