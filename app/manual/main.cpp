#include <CLI/CLI.hpp>
#include <cstdlib>
#include <fstream>
#include <iostream>

#include "app/fpctl/cli.hpp"
#include "app/manual/fpctl_manual.hpp"
#include "app/manual/node_manual.hpp"

/// A step of the build: writes the manual pages and fpctl's completion for bash into a folder.
int main(int argc, char** argv) {
  if (argc != 2) return EXIT_FAILURE;
  const std::string folder = argv[1];
  fp::ctl::command_context context(std::cout, std::cerr, false);
  const auto commands = fp::ctl::make_command_line(context);
  bool written = true;
  const auto write = [&](const char* name, const std::string& text) {
    std::ofstream out(folder + "/" + name, std::ios::trunc);
    out << text;
    out.close();
    written = written && out.good();
  };
  write("fpctl.1", fp::manual::fpctl_page(*commands, FPNODE_VERSION));
  write("fpnode.8", fp::manual::node_page(FPNODE_VERSION));
  write("fpctl.bash", fp::manual::bash_completion(*commands));
  return written ? EXIT_SUCCESS : EXIT_FAILURE;
}
