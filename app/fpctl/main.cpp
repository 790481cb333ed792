#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "app/fpctl/cli.hpp"
#include "app/fpctl/ingest_record.hpp"

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  fp::ctl::command_context context(std::cout, std::cerr, ::isatty(STDERR_FILENO) == 1);
  context.state_folder = fp::ctl::state_folder();
  auto code = fp::ctl::run(context, argc, argv);
  if (!std::cout.flush()) {
    context.complain("writing to standard output failed");
    code = fp::ctl::exit_failed;
  }
  // The actor system may still be inside a connection attempt, which only the operating system ends.
  if (code == fp::ctl::exit_unreachable) std::_Exit(code);
  return code;
}
