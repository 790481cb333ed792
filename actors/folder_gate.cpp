#include "actors/folder_gate.hpp"

#include <utility>

namespace fp {

folder_lease_ptr folder_gate::try_take() {
  const std::scoped_lock lock(mutex_);
  if (taken_) return nullptr;
  auto lease = std::make_shared<folder_lease>(shared_from_this());
  taken_ = true;
  return lease;
}

void folder_gate::take_when_free(folder_user who) {
  {
    const std::scoped_lock lock(mutex_);
    if (taken_) {
      waiting_.push_back(std::move(who));
      return;
    }
    taken_ = true;
  }
  hand_to(who);
}

void folder_gate::hand_to(const folder_user& who) {
  // One who has died drops it unread, which gives it back.
  caf::anon_send(who, folder_lease_ptr(std::make_shared<folder_lease>(shared_from_this())));
}

void folder_gate::release() noexcept {
  folder_user next;
  {
    const std::scoped_lock lock(mutex_);
    if (waiting_.empty()) {
      taken_ = false;
      return;
    }
    next = std::move(waiting_.front());
    waiting_.pop_front();
  }
  try {
    hand_to(next);
  } catch (const std::exception&) {
    // Out of memory: the next one who asks gets it.
    const std::scoped_lock lock(mutex_);
    taken_ = false;
  }
}

}  // namespace fp
