#pragma once

#include <memory>
#include <mutex>
#include <utility>

#include "core/config/config.hpp"

namespace fp {

/// Settings that may change while they are in use: whoever decides by one takes the newest. Safe for use from many
/// threads at once.
class live_settings {
 public:
  explicit live_settings(config settings) : newest_(std::make_shared<const config>(std::move(settings))) {}

  std::shared_ptr<const config> newest() const {
    const std::scoped_lock lock(mutex_);
    return newest_;
  }
  void replace(config settings) {
    auto fresh = std::make_shared<const config>(std::move(settings));
    const std::scoped_lock lock(mutex_);
    newest_.swap(fresh);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const config> newest_;
};

}  // namespace fp
