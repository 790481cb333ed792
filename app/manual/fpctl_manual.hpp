#pragma once

#include <string>

namespace CLI {
class App;
}

namespace fp::manual {

/// The manual page fpctl(1), in the macros of man(7), of the commands and options that --help shows.
std::string fpctl_page(const CLI::App& app, const std::string& version);

/// What makes bash complete commands, options and files, of the same.
std::string bash_completion(const CLI::App& app);

}  // namespace fp::manual
