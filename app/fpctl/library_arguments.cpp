#include "app/fpctl/library_arguments.hpp"

#include <CLI/CLI.hpp>

#include "core/base/error.hpp"

namespace fp::ctl {

namespace {

/// Empty: no place is known.
std::filesystem::path chosen_path(const library_arguments& a) {
  return a.file.empty() ? recording_library::default_path() : std::filesystem::path(a.file);
}

}  // namespace

std::filesystem::path library_arguments::path() const {
  auto chosen = chosen_path(*this);
  if (chosen.empty()) {
    throw error(errc::bad_request,
                "no place for the library is known: the environment names no HOME; give --library");
  }
  return chosen;
}

void add_library_option(CLI::App& command, library_arguments& a) {
  command
      .add_option("--library", a.file,
                  "File of the library (default $XDG_DATA_HOME/fpnode/library.sqlite, else "
                  "~/.local/share/fpnode/library.sqlite)")
      ->envname("FPCTL_LIBRARY");
}

std::unique_ptr<recording_library> find_library(const library_arguments& a) {
  const auto file = chosen_path(a);
  std::error_code failed;
  if (a.file.empty() && (file.empty() || !std::filesystem::exists(file, failed))) return nullptr;
  return std::make_unique<recording_library>(file, recording_library::access::read_only);
}

}  // namespace fp::ctl
