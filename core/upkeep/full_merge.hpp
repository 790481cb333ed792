#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <utility>

#include "core/base/error.hpp"
#include "core/base/types.hpp"
#include "core/commit/commit_range.hpp"

namespace fp {

/// Merges on request, as rounds: a round is about what the index held when it was asked for, so that it ends
/// although writes go on. A request joins the running round if nothing was written since, else the one after it.
class full_merge {
 public:
  struct outcome {
    uint64_t round = 0;
    std::optional<error> hindrance;  ///< why some of it could not be merged; none: all is done
  };

  /// Answers with the number of the round that does it.
  uint64_t request(commit_id version) {
    if (!running_) {
      running_ = round{++last_round_, version, {}, {}};
    } else if (running_->goal != version) {
      if (!queued_) queued_ = round{++last_round_, version, {}, {}};
      queued_->goal = version;
      return queued_->number;
    }
    return running_->number;
  }

  bool is_running() const noexcept { return running_.has_value(); }
  /// The newest commit that the running round is about.
  commit_id goal() const noexcept { return running_->goal; }
  /// Whether the running round has made the segment that begins there, which it never merges again.
  bool has_made(segment_start start) const { return running_->made.contains(start); }
  void made(segment_start start) { running_->made.insert(start); }
  /// A part of it cannot be merged; the rest of the round goes on.
  void hinder(const error& why) {
    if (running_ && !running_->hindrance) running_->hindrance = why;
  }
  /// Ends the running round; the next one begins.
  outcome finish() {
    outcome done{running_->number, std::move(running_->hindrance)};
    running_ = std::move(queued_);
    queued_.reset();
    return done;
  }

 private:
  struct round {
    uint64_t number = 0;
    commit_id goal = 0;
    std::set<segment_start> made;
    std::optional<error> hindrance;
  };
  std::optional<round> running_, queued_;
  uint64_t last_round_ = 0;
};

}  // namespace fp
