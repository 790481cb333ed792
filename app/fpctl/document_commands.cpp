#include <CLI/CLI.hpp>
#include <optional>
#include <set>

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

struct deletion {
  std::vector<document_id> deleted, absent;
  std::optional<commit_id> version;  ///< of the commit; none when there was nothing to delete
};

/// Deletes those of the documents that are there. What was found holds for the commit when the index has not moved
/// in between; when others write without a pause, it holds for the moment before.
deletion delete_those_there(command_context& c, const std::string& index, const std::set<document_id>& ids) {
  constexpr int attempts = 5;
  for (int attempt = 1;; attempt++) {
    deletion d;
    update_request request;
    request.ready_wait_ms = c.ready_wait_ms();
    if (attempt < attempts) request.expected_version = c.node().info(index, {c.ready_wait_ms()}).version;
    changes_encoder changes;
    for (const auto id : ids) {
      const bool there = c.node().find_document(index, {id, c.ready_wait_ms()}).has_value();
      if (there) changes.erase(id);
      (there ? d.deleted : d.absent).push_back(id);
    }
    if (d.deleted.empty()) return d;
    request.changes = changes.take();
    try {
      d.version = c.node().update(index, request).version;
      return d;
    } catch (const error& e) {
      if (e.code() != errc::version_mismatch) throw;
    }
  }
}

exit_code delete_documents(command_context& c, const document_options& o) {
  const auto d = delete_those_there(c, o.name, {o.ids.begin(), o.ids.end()});
  if (c.json_output) {
    json j{{"deleted", d.deleted}, {"absent", d.absent}};
    if (d.version) j["version"] = *d.version;
    c.print_json(j);
  } else {
    if (d.version) {
      c.out << "deleted " << d.deleted.size() << (d.deleted.size() == 1 ? " document" : " documents")
            << " by commit " << *d.version << '\n';
    }
    for (const auto id : d.absent) c.out << "there was no document " << id << '\n';
  }
  return d.absent.empty() ? exit_ok : exit_incomplete;
}

}  // namespace

void add_document_commands(CLI::App& app, command_context& c) {
  auto o = std::make_shared<document_options>();
  auto* showing = app.add_subcommand("document", "Tell whether an index holds a document, and since when");
  showing->add_option("NAME", o->name, "The index")->required();
  showing->add_option("ID", o->id, "The document")->required()->check(CLI::Range(1u, 4294967295u));
  showing->callback([&c, o] { c.chosen = [&c, o] { return show_document(c, *o); }; });
  auto* deleting =
      app.add_subcommand("delete", "Delete documents, all in one commit; exit status 5 when one was not there");
  deleting->add_option("NAME", o->name, "The index")->required();
  deleting->add_option("ID", o->ids, "The documents")->required()->check(CLI::Range(1u, 4294967295u));
  deleting->callback([&c, o] { c.chosen = [&c, o] { return delete_documents(c, *o); }; });
}

}  // namespace fp::ctl
