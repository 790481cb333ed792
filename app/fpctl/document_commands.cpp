#include <CLI/CLI.hpp>

#include "app/fpctl/command.hpp"
#include "core/commit/changes.hpp"

namespace fp::ctl {

namespace {

struct document_options {
  std::string name;
  document_id id = 0;
  std::vector<document_id> ids;
};

exit_code show_document(command_context& c, const document_options& o) {
  const auto found = c.node().document(o.name, {o.id, c.ready_wait_ms()});
  if (c.json_output) {
    c.print_json({{"id", o.id}, {"version", found.version}});
  } else {
    c.out << "document " << o.id << " was last written by commit " << found.version << '\n';
  }
  return exit_ok;
}

exit_code delete_documents(command_context& c, const document_options& o) {
  changes_encoder changes;
  for (const auto id : o.ids) changes.erase(id);
  update_request request;
  request.changes = changes.take();
  request.ready_wait_ms = c.ready_wait_ms();
  const auto done = c.node().update(o.name, request);
  if (c.json_output) {
    c.print_json({{"deleted", o.ids}, {"version", done.version}});
  } else {
    c.out << "deleted " << o.ids.size() << (o.ids.size() == 1 ? " document" : " documents") << " by commit "
          << done.version << '\n';
  }
  return exit_ok;
}

}  // namespace

void add_document_commands(CLI::App& app, command_context& c) {
  auto o = std::make_shared<document_options>();
  auto* showing = app.add_subcommand("document", "Tell whether an index holds a document, and since when");
  showing->add_option("NAME", o->name, "The index")->required();
  showing->add_option("ID", o->id, "The document")->required()->check(CLI::Range(1u, 4294967295u));
  showing->callback([&c, o] { c.chosen = [&c, o] { return show_document(c, *o); }; });
  auto* deleting =
      app.add_subcommand("delete", "Delete documents, all in one commit, whether they are there or not");
  deleting->add_option("NAME", o->name, "The index")->required();
  deleting->add_option("ID", o->ids, "The documents")->required()->check(CLI::Range(1u, 4294967295u));
  deleting->callback([&c, o] { c.chosen = [&c, o] { return delete_documents(c, *o); }; });
}

}  // namespace fp::ctl
