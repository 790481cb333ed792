#include "app/node/command_line.hpp"

#include <CLI/CLI.hpp>
#include <iostream>

#include "core/base/error.hpp"
#include "core/base/printable.hpp"

namespace fp {

std::variant<command_line, int> command_line::parse(int argc, const char* const* argv) {
  constexpr int exit_usage = 2;
  CLI::App cli{"An audio-fingerprint index that runs as a node of actors."};
  cli.set_version_flag("--version", std::string("fpnode ") + FPNODE_VERSION);
  cli.allow_extras();
  command_line line;
  bool strict = false;
  cli.add_option("--config", line.file_, "Configuration file (JSON, comments allowed)")->take_last();
  cli.add_flag("--check-config", line.check_only_, "Check the configuration and exit");
  cli.add_flag("--strict", strict, "Refuse flags that are unknown, rather than warn of them");
  node_config defaults;
  const auto known = node_options(defaults);
  const auto& options = known.options();
  std::vector<std::string> values(options.size());
  std::vector<CLI::Option*> flags;
  for (size_t i = 0; i < options.size(); i++) {
    const auto& o = options[i];
    flags.push_back(cli.add_option(o.flag, values[i],
                                   std::string(o.help) + " (" + o.allowed + "; default " + shown_default(o) + ")")
                        ->group("Settings, which override the file")
                        ->take_last());
    // As fpindex's: the flag alone turns it on.
    if (o.is_on_off()) flags.back()->expected(0, 1);
  }
  try {
    cli.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return cli.exit(e) == 0 ? 0 : exit_usage;
  }
  for (size_t i = 0; i < options.size(); i++) {
    if (flags[i]->count() > 0)
      line.flags_.emplace_back(options[i].flag, values[i].empty() && options[i].is_on_off() ? "true" : values[i]);
  }
  for (const std::string& word : cli.remaining()) {
    const bool is_flag = word.starts_with('-');
    line.warnings_.push_back(is_flag ? unknown_flag_text(options, word.substr(0, word.find('=')))
                                     : printable(word) + ": no flag");
  }
  if (strict && !line.warnings_.empty()) {
    for (const auto& text : line.warnings_) std::cerr << "fpnode: " << text << "\n";
    return exit_usage;
  }
  return line;
}

command_line::settings command_line::read() const {
  settings result;
  auto options = node_options(result.values);
  if (!file_.empty()) {
    try {
      options.load(posix_file_system(), file_);
    } catch (const error& e) {
      // Neither does a file that cannot be read become another one by being tried again.
      throw error(errc::invalid_configuration, e.what());
    }
  }
  for (const auto& [flag, value] : flags_) options.apply_flag(flag, value);
  options.validate();
  result.asks_for_caf = options.is_given("caf_port") || options.is_given("caf_host") || result.values.caf_tls;
  return result;
}

}  // namespace fp
