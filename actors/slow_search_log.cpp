#include "actors/slow_search_log.hpp"

#include <utility>

namespace fp {

slow_search_log::slow_search_log(const environment& env, std::string index)
    : log_(env.log), live_(env.live), fixed_threshold_(env.settings.slow_search_ms), index_(std::move(index)) {}

void slow_search_log::note(const search_request& request, duration time, std::string_view outcome) {
  const auto threshold = live_ ? std::chrono::milliseconds(live_->newest()->slow_search_ms) : fixed_threshold_;
  if (threshold.count() == 0 || time < threshold) return;
  std::string more;
  {
    const std::lock_guard lock(mutex_);
    const auto now = steady_clock::now();
    if (now < next_note_) {
      num_unlogged_++;
      return;
    }
    next_note_ = now + std::chrono::seconds(1);
    if (num_unlogged_ > 0)
      more = "; " + std::to_string(std::exchange(num_unlogged_, 0)) + " more since the last one";
  }
  const std::string near = request.probes > 0 ? ", probes " + std::to_string(request.probes) : std::string();
  log_->warn("{}: slow search: {} ms: {} hashes{}, limit {}, time limit {} ms: {}{}", index_,
             std::chrono::duration_cast<std::chrono::milliseconds>(time).count(), request.query.size(), near,
             request.limit, request.timeout_ms, outcome, more);
}

}  // namespace fp
