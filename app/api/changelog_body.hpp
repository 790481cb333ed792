#pragma once

#include <chrono>
#include <memory>

#include "app/gateway/gateway_bridge.hpp"
#include "app/http/http_types.hpp"

namespace fp {

/// All of an index as fpindex's bootstrap stream: its position, arrays of changes, and an empty array. Reads from
/// the changelog what dropped changes have made, and the changes since; a piece is read when the one before it has
/// been sent. A changelog that cannot answer cuts the body short, which a reader notices.
class changelog_body final : public body_source {
 public:
  /// Changes of one array.
  static constexpr uint32_t max_changes = 256;

  /// `first`: what the changelog gives from its beginning, by `limits`.
  changelog_body(bridge_handle bridge, changelog_handle log, std::chrono::milliseconds timeout, lineage of,
                 feed_position position, feed_changes first);

  void next(piece_callback deliver) override;
  static read_limits limits(feed_position position, feed_position after);

 private:
  /// What the stream is at; shared with questions that are on their way.
  struct progress;
  std::shared_ptr<progress> progress_;
};

}  // namespace fp
