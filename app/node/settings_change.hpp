#pragma once

#include <string>
#include <vector>

#include "app/node/node_config.hpp"

namespace fp {

/// What has become of settings that were read again.
struct settings_change {
  std::vector<std::string> applied;        ///< "key: value (was value)"
  std::vector<std::string> after_restart;  ///< the same, of those that a running node cannot change
};

/// Takes what may change at run time from `fresh` into `in_force`.
settings_change take_over(node_config& in_force, const node_config& fresh);

}  // namespace fp
