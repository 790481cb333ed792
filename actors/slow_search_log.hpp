#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "actors/environment.hpp"
#include "core/base/cancel.hpp"
#include "messages/requests.hpp"

namespace fp {

/// Logs searches of an index that take as long as the settings say: at most one a second, and how many there were
/// besides. Safe for use from many threads at once.
class slow_search_log {
 public:
  using duration = steady_clock::duration;

  slow_search_log(const environment& env, std::string index);

  /// A search that took so long and came to that end.
  void note(const search_request& request, duration time, std::string_view outcome);

  /// Whoever is faster does not even look at the settings.
  static constexpr duration least = std::chrono::milliseconds(1);

 private:
  const std::shared_ptr<spdlog::logger> log_;
  const std::shared_ptr<const live_settings> live_;
  const std::chrono::milliseconds fixed_threshold_;
  const std::string index_;
  std::mutex mutex_;
  steady_clock::time_point next_note_;  ///< not before it is the next one logged
  uint64_t num_unlogged_ = 0;           ///< since the last one that was
};

}  // namespace fp
