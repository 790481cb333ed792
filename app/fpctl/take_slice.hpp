#pragma once

#include <string>

#include "app/fpctl/command.hpp"
#include "core/slices/slice_split.hpp"

namespace fp::ctl {

/// Has a member hold a slice, and waits until it is searched there.
void take_slice(command_context& c, const std::string& index, const slice_change& change);

}  // namespace fp::ctl
