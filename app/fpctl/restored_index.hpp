#pragma once

#include <string>

#include "app/fpctl/command.hpp"

namespace fp::ctl {

/// Waits until a restored index has loaded. Throws `index_failed` when it cannot.
index_info wait_until_loaded(command_context& c, const std::string& name);

}  // namespace fp::ctl
