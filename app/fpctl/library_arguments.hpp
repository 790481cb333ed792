#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "app/library/recording_library.hpp"

namespace CLI {
class App;
}

namespace fp::ctl {

/// The library that a command uses.
struct library_arguments {
  std::string file;  ///< empty: where the user's is by default

  /// Throws `bad_request` when no place is known.
  std::filesystem::path path() const;
};

/// Adds `--library` (FPCTL_LIBRARY) to a command.
void add_library_option(CLI::App& command, library_arguments& a);
/// Opens a library for reading; null when none is there and none was named.
std::unique_ptr<recording_library> find_library(const library_arguments& a);

}  // namespace fp::ctl
