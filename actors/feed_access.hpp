#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/changelog/replica_base.hpp"
#include "messages/internal.hpp"

namespace fp {

/// The changelog that a node follows, for the actors that follow it.
struct feed_access {
  changelog_handle log;     ///< null: the node follows none
  feed_watch_handle watch;  ///< null: who follows looks for itself
  std::string name;         ///< see `changelog::name`
  bool resolves_doubt = true;
  /// Makes what asks the other nodes that follow it; empty: there are none.
  std::function<std::shared_ptr<base_source>()> make_peers;
  /// Makes another engine, to read a bootstrap stream by; empty: it has none.
  std::function<std::shared_ptr<changelog>()> make_changelog;

  explicit operator bool() const noexcept { return static_cast<bool>(log); }
};

}  // namespace fp
