#pragma once

#include "app/fpctl/command.hpp"

namespace fp::ctl {

/// All commands and options: what a command line is parsed by, --help shows, and the manual page and the completion
/// of shells are made of.
std::unique_ptr<CLI::App> make_command_line(command_context& c);

/// Runs one command line and returns the exit code.
exit_code run(command_context& c, int argc, const char* const* argv);

}  // namespace fp::ctl
