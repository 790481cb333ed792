#pragma once

#include <utility>

#include "core/changelog/changelog.hpp"

namespace fp {

/// All of an index, read by positions, from an engine that keeps what dropped changes have made.
class local_bootstrap final : public bootstrap_stream {
 public:
  local_bootstrap(changelog& from, lineage l, feed_position position)
      : from_(from), lineage_(std::move(l)), position_(position) {}

  feed_position position() const noexcept override { return position_; }
  part next(std::chrono::steady_clock::time_point deadline) override;

 private:
  changelog& from_;
  lineage lineage_;
  feed_position position_, after_ = 0;
};

}  // namespace fp
