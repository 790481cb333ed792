#include "app/fpctl/cli.hpp"

#include <CLI/CLI.hpp>
#include <ostream>

namespace fp::ctl {

namespace {

exit_code fail(const command_context& c, errc code, const std::string& message) {
  c.complain(message);
  if (c.json_output) c.print_json({{"error", {{"code", to_string(code)}, {"message", message}}}});
  return exit_code_of(code);
}

}  // namespace

exit_code run(command_context& c, int argc, const char* const* argv) {
  CLI::App app{"Command-line client of fpnode, the audio-fingerprint index.", "fpctl"};
  app.set_version_flag("--version", std::string("fpctl ") + FPNODE_VERSION);
  app.failure_message([](const CLI::App*, const CLI::Error& e) {
    return std::string("fpctl: ") + safe(e.what()) + " (fpctl --help tells more)\n";
  });
  app.require_subcommand(1);
  app.fallthrough();
  app.footer(exit_code_table);
  app.add_option("--host", c.host, "The node's host")->capture_default_str();
  app.add_option("--port", c.port, "The node's port for remote actors (its --caf-port)")
      ->check(CLI::Range(1, 65535))
      ->capture_default_str();
  auto* certificate =
      app.add_option("--tls-certificate", c.tls.certificate,
                     "Certificate to show to a node with caf_tls, PEM; with --tls-key and --tls-ca");
  auto* key = app.add_option("--tls-key", c.tls.key, "Private key of the certificate, PEM");
  auto* ca = app.add_option("--tls-ca", c.tls.ca, "Authority that the node's certificate must be of, PEM");
  certificate->needs(key)->needs(ca);
  key->needs(certificate);
  ca->needs(certificate);
  app.add_option("--timeout", c.timeout_s, "Seconds to wait for a connection, an answer, an index that is loading")
      ->check(CLI::Range(0.001, 86'400.0))
      ->capture_default_str();
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
  add_folder_commands(app, c);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e, c.out, c.err) == 0 ? exit_ok : exit_usage;
  }
  try {
    return c.chosen();
  } catch (const error& e) {
    return fail(c, e.code(), e.what());
  } catch (const std::exception& e) {
    return fail(c, errc::internal_error, e.what());
  }
}

}  // namespace fp::ctl
