#include "app/manual/fpctl_manual.hpp"

#include <CLI/CLI.hpp>
#include <vector>

#include "app/manual/roff.hpp"

namespace fp::manual {

namespace {

using options = std::vector<const CLI::Option*>;

bool takes_value(const CLI::Option& option) { return !option.get_positional() && option.get_expected_max() > 0; }

bool is_group(const CLI::App* app) { return app->get_name().empty(); }

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* sub) { return !is_group(sub); });
}

/// With those of its groups, which are applications without a name.
options options_of(const CLI::App& app) {
  options all;
  for (const auto* option : app.get_options()) all.push_back(option);
  for (const auto* group : app.get_subcommands(is_group)) {
    for (const auto* option : options_of(*group)) all.push_back(option);
  }
  return all;
}

/// "index create", of the command.
std::string path_of(const CLI::App& app) {
  if (app.get_parent() == nullptr) return {};
  const auto before = path_of(*app.get_parent());
  return before + (before.empty() ? "" : " ") + app.get_name();
}

/// Calls `use` for each command that does something, in the order of --help.
template <class Use>
void for_each_command(const CLI::App& app, Use&& use) {
  for (const auto* sub : commands_of(app)) {
    if (commands_of(*sub).empty()) {
      use(*sub);
    } else {
      for_each_command(*sub, use);
    }
  }
}

// -- man

/// "--batch INT", with what it may be; a positional by its name alone.
std::string head_of(const CLI::Option& option) {
  const auto name = ".TP\n\\fB" + roff(option.get_name(false, true)) + "\\fR";
  return !takes_value(option) ? name : name + " \\fI" + roff(option.get_type_name()) + "\\fR";
}

std::string entry_of(const CLI::Option& option) {
  auto text = head_of(option) + "\n" + roff(option.get_description());
  if (const auto value = option.get_default_str(); !value.empty() && value != "false") {
    text += " (default " + roff(value) + ")";
  }
  if (const auto name = option.get_envname(); !name.empty()) text += "; else of the environment, $" + name;
  return text + "\n";
}

std::string synopsis_of(const CLI::App& command) {
  std::string text = "fpctl " + path_of(command);
  for (const auto* option : options_of(command)) {
    if (!option->get_positional()) continue;
    const auto name = option->get_name(true) + (option->get_expected_max() > 1 ? "..." : "");
    text += option->get_required() ? " " + name : " [" + name + "]";
  }
  return text;
}

}  // namespace

std::string fpctl_page(const CLI::App& app, const std::string& version) {
  std::string text =
      ".TH FPCTL 1 \"\" \"fpnode " + roff(version) + "\" \"fpnode\"\n.SH NAME\nfpctl \\- " +
      "command-line client of fpnode, the audio-fingerprint index\n.SH SYNOPSIS\n" +
      ".B fpctl\n[\\fIoptions\\fR] \\fIcommand\\fR ...\n.SH OPTIONS\nThey may stand before and behind the "
      "command; what stands behind \\-\\- is none.\n";
  for (const auto* option : options_of(app)) text += entry_of(*option);
  text += ".SH COMMANDS\n";
  for_each_command(app, [&](const CLI::App& command) {
    text += ".SS " + roff(synopsis_of(command)) + "\n" + roff(command.get_description()) + ".\n";
    for (const auto* option : options_of(command)) {
      if (option != command.get_help_ptr()) text += entry_of(*option);
    }
    if (!command.get_footer().empty()) text += ".PP\n" + roff(command.get_footer()) + "\n";
  });
  text +=
      ".SH FILES\n.TP\n$XDG_STATE_HOME/fpctl, else ~/.local/state/fpctl\nHow far ingests have got that did not "
      "finish.\n.TP\n$XDG_DATA_HOME/fpnode/library.sqlite, else ~/.local/share/fpnode/library.sqlite\n"
      "The library of recordings.\n.SH EXIT STATUS\n.nf\n" +
      roff(app.get_footer()) + ".fi\n.SH SEE ALSO\n/usr/share/doc/fpnode/app/fpctl/README.md\n";
  return text;
}

// -- bash

std::string bash_completion(const CLI::App& app) {
  const auto long_names = [](const CLI::App& of, bool with_value_only) {
    std::string words;
    for (const auto* option : options_of(of)) {
      if (option->get_positional() || (with_value_only && !takes_value(*option))) continue;
      for (const auto& name : option->get_lnames()) words += (words.empty() ? "--" : " --") + name;
    }
    return words;
  };
  std::string with_values = long_names(app, true), groups, leaves, known;
  const auto names = [](const CLI::App& of) {
    std::string words;
    for (const auto* sub : commands_of(of)) words += (words.empty() ? "" : " ") + sub->get_name();
    return words;
  };
  groups = "    '') words='" + names(app) + "' ;;\n";
  for (const auto* sub : commands_of(app)) {
    known += (known.empty() ? "" : "|") + ("' " + sub->get_name() + "'");
    if (commands_of(*sub).empty()) continue;
    groups += "    '" + sub->get_name() + "') words='" + names(*sub) + "' ;;\n";
    for (const auto* inner : commands_of(*sub)) known += "|'" + path_of(*inner) + "'";
  }
  for_each_command(app, [&](const CLI::App& command) {
    leaves += "    '" + path_of(command) + "') options='" + long_names(command, false) + "' ;;\n";
    if (const auto more = long_names(command, true); !more.empty()) with_values += " " + more;
  });
  std::string values;
  for (const char c : with_values) values += c == ' ' ? '|' : c;
  return "# Completion of fpctl for bash, made of its table of commands.\n"
         "_fpctl() {\n"
         "  local cur=${COMP_WORDS[COMP_CWORD]} command= words= options= i\n"
         "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "    case ${COMP_WORDS[i]} in\n"
         "      --) return ;;\n"
         "      " +
         values +
         ")\n"
         "        ((++i == COMP_CWORD)) && return\n"
         "        continue ;;\n"
         "    esac\n"
         "    case \"$command ${COMP_WORDS[i]}\" in\n"
         "      " +
         known +
         ") command=${command:+$command }${COMP_WORDS[i]} ;;\n"
         "    esac\n"
         "  done\n"
         "  case $command in\n" +
         groups +
         "  esac\n"
         "  case $command in\n" +
         leaves +
         "  esac\n"
         "  if [[ $cur == -* ]]; then\n"
         "    COMPREPLY=($(compgen -W \"$options " +
         long_names(app, false) +
         "\" -- \"$cur\"))\n"
         "  elif [[ $words ]]; then\n"
         "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
         "  fi\n"
         "}\n"
         "complete -o bashdefault -o default -F _fpctl fpctl\n";
}

}  // namespace fp::manual
