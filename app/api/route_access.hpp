#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/api/access_control.hpp"
#include "app/http/http_types.hpp"

namespace fp {

/// The role that a request needs; nothing when it needs none. `segments` as `split_target` makes them.
std::optional<access_role> needed_role(http_method method, const std::vector<std::string>& segments);

}  // namespace fp
