#include <CLI/CLI.hpp>
#include <optional>
#include <set>

#include "app/fpctl/command.hpp"
#include "app/fpctl/index_form.hpp"
#include "core/commit/changes.hpp"

namespace fp::ctl {

namespace {

struct metadata_options {
  std::string name;
  std::vector<std::string> set, remove;
};

/// The form of an index's hashes is what documents are made by and asked by; setting it changes none.
void note_form(const command_context& c, const index_info& info, const std::string& index, hash_form wanted) {
  if (info.num_documents == 0 || form_name_of(info) == to_string(wanted)) return;
  c.complain("the " + grouped(info.num_documents) + " documents of index " + safe(index) +
             " stay as they are: they are found if their hashes have the form " + std::string(to_string(wanted)) +
             " already");
}

exit_code change(command_context& c, const metadata_options& o) {
  changes_encoder changes;
  std::set<std::string> set, removed, absent;
  std::optional<hash_form> form;
  for (const auto& entry : o.set) {
    const auto split = entry.find('=');
    if (split == std::string::npos || split == 0) {
      throw error(errc::bad_request, "--set " + safe(entry) + ": expected KEY=VALUE");
    }
    set.insert(entry.substr(0, split));
    if (entry.substr(0, split) == hash_form_key) {
      form = hash_form_of(std::string_view(entry).substr(split + 1));
      if (!form) {
        throw error(errc::bad_request,
                    "--set " + safe(entry) + ": a form of hashes is plain, phone or acoustid-28");
      }
    }
    changes.set_metadata(std::string_view(entry).substr(0, split), std::string_view(entry).substr(split + 1));
  }
  std::optional<index_info> info;
  if (form || !o.remove.empty()) info = c.node().info(o.name, {c.ready_wait_ms()});
  if (!o.remove.empty()) {
    std::set<std::string> there = set;
    for (const auto& [key, value] : info->metadata) there.insert(key);
    for (const auto& key : o.remove) (there.contains(key) ? removed : absent).insert(key);
  }
  for (const auto& key : removed) changes.remove_metadata(key);
  if (removed.contains(std::string(hash_form_key))) form = hash_form::plain;
  if (form) note_form(c, *info, o.name, *form);
  std::optional<commit_id> version;
  if (changes.count() > 0) {
    update_request request;
    request.changes = changes.take();
    request.ready_wait_ms = c.ready_wait_ms();
    version = c.node().update(o.name, request).version;
  }
  if (c.json_output) {
    json j{{"set", set.size()}, {"removed", removed.size()}, {"absent", absent}};
    if (version) j["version"] = *version;
    c.print_json(j);
  } else {
    if (version) {
      c.out << "set " << set.size() << " and removed " << removed.size() << " keys by commit " << *version << '\n';
    }
    for (const auto& key : absent) c.out << "there was no key " << safe(key) << '\n';
  }
  return absent.empty() ? exit_ok : exit_incomplete;
}

exit_code show(command_context& c, const metadata_options& o) {
  const auto info = c.node().info(o.name, {c.ready_wait_ms()});
  if (c.json_output) {
    auto all = json::object();
    for (const auto& [key, value] : info.metadata) all[key] = value;
    c.print_json(all);
    return exit_ok;
  }
  if (info.metadata.empty()) {
    c.out << "no metadata\n";
    return exit_ok;
  }
  table t({{"metadata"}, {"value"}});
  for (const auto& [key, value] : info.metadata) t.add({key, value});
  t.print(c.out);
  return exit_ok;
}

}  // namespace

void add_metadata_command(CLI::App& app, command_context& c) {
  auto o = std::make_shared<metadata_options>();
  auto* sub = app.add_subcommand("metadata", "Show an index's metadata, or change it in one commit");
  sub->add_option("NAME", o->name, "The index")->required();
  sub->add_option("--set", o->set, "KEY=VALUE to set; may be given several times")->allow_extra_args(false);
  sub->add_option("--remove", o->remove,
                  "KEY to remove; exit status 5 when one was not there; may be given several times")
      ->allow_extra_args(false);
  sub->callback([&c, o] {
    c.chosen = [&c, o] { return o->set.empty() && o->remove.empty() ? show(c, *o) : change(c, *o); };
  });
}

}  // namespace fp::ctl
