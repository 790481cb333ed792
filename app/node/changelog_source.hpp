#pragma once

#include <functional>
#include <memory>
#include <string>

#include "actors/changelog_actor.hpp"
#include "actors/feed_access.hpp"
#include "app/changelog/http_access.hpp"
#include "app/node/node_config.hpp"

namespace fp {

/// The changelog that a node's settings name.
struct changelog_source {
  std::function<std::shared_ptr<changelog>()> make;  ///< empty: they name none
  std::string name;                                  ///< see `changelog::name`
  bool resolves_doubt = true;
  bool tells_newest = true;  ///< of all lineages in one question
  http_access_ptr access;    ///< to it and to peers
};

/// Reads the files by which servers are known and that they are shown. Throws `invalid_configuration` or
/// `io_error`.
http_access_ptr make_http_access(const cluster_settings& settings);

/// Opens the node's own changelog, in its data folder, which must be locked; of another one nothing is asked yet.
/// Throws `invalid_configuration` for a URL that is none, and what `local_changelog` and `make_http_access` throw.
changelog_source find_changelog(file_system& fs, const config& settings);

/// Spawns the actors by which the node follows it. They end with the node.
feed_access follow_changelog(caf::actor_system& system, const environment_ptr& env, const changelog_source& source);

}  // namespace fp
