#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "app/client/client.hpp"
#include "app/fpctl/exit_codes.hpp"
#include "app/fpctl/format.hpp"
#include "app/fpctl/json_output.hpp"
#include "app/fpctl/progress_meter.hpp"
#include "app/support/system_config.hpp"
#include "app/tls/tls_files.hpp"

namespace CLI {
class App;
}

namespace fp::ctl {

/// What every command is given: the global options, where to print, and the node.
class command_context {
 public:
  command_context(std::ostream& output, std::ostream& errors, bool errors_on_terminal);
  ~command_context();

  std::string host = "127.0.0.1";
  uint16_t port = 8090;
  tls_files tls;                    ///< all empty: no TLS
  std::optional<double> timeout_s;  ///< as given on the command line
  bool json_output = false;
  std::filesystem::path state_folder;  ///< for what is remembered between commands; empty: nothing is

  std::ostream& out;
  std::ostream& err;
  const bool err_is_terminal;

  /// What the command line asks for.
  std::function<exit_code()> chosen;

  /// The node. Made at the first call, so that wrong command lines cost nothing.
  client& node();
  /// Of the node, "host:port".
  std::string address() const { return options().address(); }
  /// Another node, which is asked by the same certificates and with the same patience.
  client& node_at(const std::string& address);
  /// How long a request may wait for an index to load.
  uint32_t ready_wait_ms() const;
  /// How long to wait for what may take its time: input and output, fpcalc, a checkpoint, a merge, progress.
  std::chrono::milliseconds patience() const;

  /// Prints the one JSON document of a command.
  void print_json(const json& document) const;
  /// Writes a part of what a command puts out that is no text. Throws as `write_to_standard_output`.
  void write_bytes(std::span<const std::byte> bytes) const;
  /// One line on standard error: "fpctl: ...".
  void complain(const std::string& message) const;
  progress_meter make_meter(std::string unit) const;

 private:
  struct connections;
  client_options options() const;
  connections& connect();
  std::unique_ptr<connections> connections_;
};

// Each adds its commands to the command line.
void add_node_commands(CLI::App& app, command_context& c);
void add_index_commands(CLI::App& app, command_context& c);
void add_load_commands(CLI::App& app, command_context& c);
void add_document_commands(CLI::App& app, command_context& c);
void add_metadata_command(CLI::App& app, command_context& c);
void add_ingest_command(CLI::App& app, command_context& c);
void add_search_command(CLI::App& app, command_context& c);
void add_backup_commands(CLI::App& app, command_context& c);
void add_export_command(CLI::App& app, command_context& c);
void add_identify_command(CLI::App& app, command_context& c);
void add_import_command(CLI::App& app, command_context& c);
void add_add_command(CLI::App& app, command_context& c);
void add_library_commands(CLI::App& app, command_context& c);
void add_folder_commands(CLI::App& app, command_context& c);
void add_changelog_commands(CLI::App& app, command_context& c);
void add_cluster_commands(CLI::App& app, command_context& c);
void add_cluster_changes(CLI::App& cluster, command_context& c);

}  // namespace fp::ctl
