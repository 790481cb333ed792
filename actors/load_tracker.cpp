#include "actors/load_tracker.hpp"

namespace fp {

void load_tracker::begin(std::string index, uint64_t attempt, time_point now) {
  *this = {};
  progress_.index = std::move(index);
  progress_.attempt = attempt;
  started_ = now;
}

void load_tracker::plan(const load_plan& plan) {
  planned_ = true;
  progress_.strategy = plan.strategy;
  progress_.segments_total = static_cast<uint32_t>(plan.segments->segments.size());
  progress_.bytes_total = plan.segments->num_bytes();
  segments_.resize(plan.segments->segments.size());
}

void load_tracker::place(size_t position, segment_ptr segment) {
  if (position >= segments_.size() || segments_[position] != nullptr) {
    throw error(errc::internal_error, "a loader reported segment " + std::to_string(position) + " of " +
                                          std::to_string(segments_.size()) + " a second time or out of range");
  }
  segments_[position] = std::move(segment);
  progress_.segments_done++;
}

void load_tracker::end(index_state state, std::string reason, time_point now) {
  progress_.elapsed_us = elapsed_us(now);
  progress_.state = state;
  progress_.reason = std::move(reason);
  ended_ = true;
  segments_.clear();
  segments_.shrink_to_fit();
}

load_progress load_tracker::progress(time_point now) const {
  auto p = progress_;
  if (!ended_) p.elapsed_us = elapsed_us(now);
  return p;
}

bool load_tracker::worth_telling() {
  const uint64_t step = progress_.bytes_total / 100 + 1;
  if (progress_.segments_done == told_segments_ && progress_.bytes_done < told_bytes_ + step) return false;
  told_segments_ = progress_.segments_done;
  told_bytes_ = progress_.bytes_done;
  return true;
}

uint64_t load_tracker::elapsed_us(time_point now) const {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(now - started_).count());
}

}  // namespace fp
