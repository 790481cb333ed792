#pragma once

#include "app/fpctl/command.hpp"

namespace fp::ctl {

/// Runs one command line and returns the exit code.
exit_code run(command_context& c, int argc, const char* const* argv);

}  // namespace fp::ctl
