#include "core/fs/open_files.hpp"

#include <algorithm>
#include <string>

#include "core/base/error.hpp"

namespace fp {

open_files::open_files(size_t capacity, std::chrono::milliseconds patience)
    : capacity_(std::max<size_t>(1, capacity)), patience_(patience) {}

size_t open_files::num_open() const {
  const std::scoped_lock lock(mutex_);
  return taken_ + kept_.size();
}

void open_files::take() {
  std::unique_lock lock(mutex_);
  const auto to_close = take(lock);
  lock.unlock();
}

std::unique_ptr<writable_file> open_files::take(std::unique_lock<std::mutex>& lock) {
  const auto in_time = room_.wait_for(lock, patience_, [this] { return taken_ < capacity_; });
  if (!in_time) {
    throw error(errc::io_error,
                std::to_string(capacity_) + " files are in use, as many as may be open at a time (" +
                    "max_open_logs), and none was closed for " + std::to_string(patience_.count()) + " ms");
  }
  std::unique_ptr<writable_file> to_close;
  if (taken_ + kept_.size() == capacity_) {
    to_close = std::move(kept_.front());
    closed_.splice(closed_.end(), kept_, kept_.begin());
  }
  taken_++;
  return to_close;
}

void open_files::give_back() noexcept {
  {
    const std::scoped_lock lock(mutex_);
    taken_--;
  }
  room_.notify_one();
}

kept_file::~kept_file() {
  if (!own_.empty()) return;
  const std::scoped_lock lock(files_->mutex_);
  own_.splice(own_.begin(), *entry_ ? files_->kept_ : files_->closed_, entry_);
}

void kept_file::begin_use() {
  std::unique_lock lock(files_->mutex_);
  if (own_.empty() && *entry_) {
    own_.splice(own_.begin(), files_->kept_, entry_);
    files_->taken_++;
    return;
  }
  const auto to_close = files_->take(lock);
  if (own_.empty()) own_.splice(own_.begin(), files_->closed_, entry_);
  lock.unlock();
}

void kept_file::end_use() noexcept {
  {
    const std::scoped_lock lock(files_->mutex_);
    files_->taken_--;
    if (own_.front()) files_->kept_.splice(files_->kept_.end(), own_);
  }
  files_->room_.notify_one();
}

}  // namespace fp
