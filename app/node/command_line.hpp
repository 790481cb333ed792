#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "app/node/node_config.hpp"

namespace fp {

/// How fpnode was called. What it says can be read anew, when the configuration file has changed.
class command_line {
 public:
  /// What it and the file say together, checked.
  struct settings {
    node_config values;
    bool asks_for_caf = false;  ///< somebody has set where other actors are listened for
  };

  /// Exit code when the command line ends the program, which has been told then: 0 for help, 2 for what is wrong.
  static std::variant<command_line, int> parse(int argc, const char* const* argv);

  /// Reads the file, and overrides it by the flags. Throws `invalid_configuration`, also when the file cannot be
  /// read.
  settings read() const;

  /// The configuration is to be checked, and no more.
  bool check_only() const noexcept { return check_only_; }
  /// One line about each word that is ignored.
  const std::vector<std::string>& warnings() const noexcept { return warnings_; }

 private:
  std::string file_;
  std::vector<std::pair<std::string, std::string>> flags_;  ///< of settings, with their values
  std::vector<std::string> warnings_;
  bool check_only_ = false;
};

}  // namespace fp
