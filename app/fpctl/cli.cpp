#include "app/fpctl/cli.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <ostream>

#include "app/fpctl/port_probe.hpp"
#include "app/fpctl/suggestion.hpp"

namespace fp::ctl {

namespace {

exit_code fail(const command_context& c, errc code, const std::string& message) {
  c.complain(message);
  if (c.json_output) c.print_json({{"error", {{"code", to_string(code)}, {"message", message}}}});
  return exit_code_of(code);
}

/// With what is there in place of the node, where that can be found out.
std::string with_advice(const command_context& c, const error& e) {
  if (exit_code_of(e.code()) != exit_unreachable) return e.what();
  constexpr std::chrono::milliseconds longest_probe(1'000);
  const auto found =
      probe_port(c.host, c.port, std::min(longest_probe, std::chrono::milliseconds(c.ready_wait_ms())));
  const auto advice = advice_for(found, !c.tls.certificate.empty());
  return advice.empty() ? e.what()
                        : c.host + ":" + std::to_string(c.port) + " is no port of a node for fpctl: " + advice;
}

// -- Words behind "--"

/// Marks a word that is neither an option nor a command, whatever it looks like: CLI11 has such a mark for one of
/// its applications, not for the commands below it. No path or number begins so.
constexpr char plain_word = '\x01';

std::string without_mark(std::string text) {
  text.erase(std::remove(text.begin(), text.end(), plain_word), text.end());
  return text;
}

void take_marks_off(CLI::App& app) {
  for (auto* option : app.get_options()) {
    if (option->get_positional()) {
      option->transform([](std::string word) { return word.starts_with(plain_word) ? word.substr(1) : word; }, "");
    }
  }
  for (auto* sub : app.get_subcommands({})) take_marks_off(*sub);
}

/// The command line, last word first, as CLI11 wants it.
std::vector<std::string> reversed_words(int argc, const char* const* argv) {
  std::vector<std::string> words;
  bool plain = false;
  for (int i = 1; i < argc; i++) {
    const std::string word = argv[i];
    if (!plain && word == "--") {
      plain = true;
    } else {
      words.push_back(plain ? plain_word + word : word);
    }
  }
  std::reverse(words.begin(), words.end());
  return words;
}

/// Takes the values from the environment that parsing has left: newer versions of CLI11 pass over one that is wrong
/// as if it were not set. Throws as parsing does.
void take_environment_left(CLI::App& app) {
  for (auto* option : app.get_options()) {
    const auto& name = option->get_envname();
    const char* value = name.empty() || option->count() > 0 ? nullptr : std::getenv(name.c_str());
    if (value == nullptr || *value == '\0') continue;
    option->add_result(value);
    option->run_callback();
  }
}

// -- Wrong command lines

/// The command that was understood last, and its names of commands and options.
const CLI::App& innermost(const CLI::App& app) {
  const auto parsed = app.get_subcommands();
  return parsed.empty() ? app : innermost(*parsed.front());
}

std::vector<std::string> names_in(const CLI::App& app, bool of_options) {
  std::vector<std::string> names;
  if (of_options) {
    for (const auto* at = &app; at != nullptr; at = at->get_parent()) {
      for (const auto* option : at->get_options()) {
        for (const auto& name : option->get_lnames()) names.push_back("--" + name);
      }
    }
  } else {
    for (const auto* sub : app.get_subcommands([](const CLI::App* s) { return !s->get_name().empty(); })) {
      names.push_back(sub->get_name());
    }
  }
  return names;
}

/// What is wrong with a command line, with the word that is.
std::string reason_of(const CLI::App& app, const CLI::Error& e) {
  const auto left = app.remaining(true);
  if (left.empty()) return e.what();
  const auto& at = innermost(app);
  const auto shown = [](const std::string& word) { return "\"" + without_mark(word) + "\""; };
  const bool wants_command = at.get_require_subcommand_min() > 0;
  for (const auto& word : left) {
    const bool is_option = word.starts_with('-');
    if (!is_option && !wants_command) continue;
    const auto nearest = nearest_word(word.substr(0, word.find('=')), names_in(at, is_option));
    const auto where = at.get_parent() == nullptr ? "" : " of \"" + at.get_name() + "\"";
    return std::string("there is no ") + (is_option ? "option " : "command ") + shown(word) + where +
           (nearest.empty() ? "" : "; did you mean \"" + nearest + "\"?");
  }
  return std::string("\"") + at.get_name() + "\" takes no " + shown(left.front());
}

}  // namespace

std::unique_ptr<CLI::App> make_command_line(command_context& c) {
  auto owned = std::make_unique<CLI::App>("Command-line client of fpnode, the audio-fingerprint index.", "fpctl");
  auto& app = *owned;
  app.set_version_flag("--version", std::string("fpctl ") + FPNODE_VERSION);
  app.failure_message([](const CLI::App* a, const CLI::Error& e) {
    return "fpctl: " + safe(without_mark(reason_of(*a, e))) + " (fpctl --help tells more)\n";
  });
  app.require_subcommand(1);
  app.fallthrough();
  app.footer(exit_code_table);
  app.add_option("--host", c.host, "The node's host")->envname("FPCTL_HOST")->capture_default_str();
  app.add_option("--port", c.port, "The node's port for remote actors (its --caf-port)")
      ->envname("FPCTL_PORT")
      ->check(CLI::Range(1, 65535))
      ->capture_default_str();
  auto* certificate = app.add_option("--tls-certificate", c.tls.certificate,
                                     "Certificate to show to a node with caf_tls, PEM; with --tls-key and --tls-ca")
                          ->envname("FPCTL_TLS_CERTIFICATE");
  auto* key =
      app.add_option("--tls-key", c.tls.key, "Private key of the certificate, PEM")->envname("FPCTL_TLS_KEY");
  auto* ca = app.add_option("--tls-ca", c.tls.ca, "Authority that the node's certificate must be of, PEM")
                 ->envname("FPCTL_TLS_CA");
  certificate->needs(key)->needs(ca);
  key->needs(certificate);
  ca->needs(certificate);
  app.add_option("--timeout", c.timeout_s,
                 "Seconds of each wait: for a connection, an answer, an index that is loading (default 10); for "
                 "input and output, "
                 "fpcalc, a checkpoint, a merge, progress of a load (default 600)")
      ->envname("FPCTL_TIMEOUT")
      ->check(CLI::Range(0.001, 86'400.0));
  app.add_flag("--json", c.json_output, "Print one JSON document instead of text");
  add_node_commands(app, c);
  add_index_commands(app, c);
  add_load_commands(app, c);
  add_ingest_command(app, c);
  add_search_command(app, c);
  add_identify_command(app, c);
  add_document_commands(app, c);
  add_metadata_command(app, c);
  add_backup_commands(app, c);
  add_export_command(app, c);
  add_import_command(app, c);
  add_add_command(app, c);
  add_library_commands(app, c);
  add_folder_commands(app, c);
  add_changelog_commands(app, c);
  add_cluster_commands(app, c);
  return owned;
}

exit_code run(command_context& c, int argc, const char* const* argv) {
  const auto app = make_command_line(c);
  take_marks_off(*app);
  try {
    app->parse(reversed_words(argc, argv));
    take_environment_left(*app);
  } catch (const CLI::ParseError& e) {
    return app->exit(e, c.out, c.err) == 0 ? exit_ok : exit_usage;
  }
  try {
    return c.chosen();
  } catch (const error& e) {
    return fail(c, e.code(), with_advice(c, e));
  } catch (const std::exception& e) {
    return fail(c, errc::internal_error, e.what());
  }
}

}  // namespace fp::ctl
