#include <CLI/CLI.hpp>

#include "app/fpctl/command.hpp"
#include "app/fpctl/index_creation.hpp"
#include "core/slices/slice.hpp"

namespace fp::ctl {

namespace {

struct index_options {
  std::string name;
  bool must_be_new = false;
  bool must_exist = false;
  std::optional<uint64_t> generation;
  std::optional<uint32_t> slices;
};

exit_code create(command_context& c, const index_options& o) {
  create_index_request request{o.name, o.must_be_new, {}};
  if (o.generation) request.generation = *o.generation;
  return o.slices ? create_in_slices(c, request, *o.slices) : create_index(c, request);
}

exit_code erase(command_context& c, const index_options& o) {
  const bool deleted = c.node().delete_index({o.name, o.must_exist}).deleted;
  if (c.json_output) {
    c.print_json({{"name", o.name}, {"deleted", deleted}});
  } else {
    c.out << (deleted ? "index " + safe(o.name) + " deleted" : "there was no index " + safe(o.name)) << '\n';
  }
  return deleted ? exit_ok : exit_incomplete;
}

exit_code list(command_context& c) {
  const auto known = c.node().list();
  if (c.json_output) {
    c.print_json(as_json(known));
    return exit_ok;
  }
  if (known.indexes.empty()) {
    c.out << "no indexes\n";
    return exit_ok;
  }
  table t({{"index"}, {"generation", align::right}, {"state"}, {"note"}});
  for (const auto& e : known.indexes) t.add({e.name, std::to_string(e.generation), to_string(e.state), e.reason});
  t.print(c.out);
  return exit_ok;
}

exit_code info(command_context& c, const index_options& o) {
  const auto i = c.node().info(o.name, {c.ready_wait_ms()});
  if (c.json_output) {
    auto j = as_json(i);
    j["name"] = o.name;
    c.print_json(j);
    return exit_ok;
  }
  const auto ids =
      i.num_documents == 0 ? "" : std::to_string(i.min_document) + " to " + std::to_string(i.max_document);
  print_fields(c.out,
               {{"index", o.name},
                {"version", grouped(i.version) + " (" + grouped(i.file_version) + " in files)"},
                {"documents", grouped(i.num_documents)},
                {"ids", ids},
                {"postings", grouped(i.num_postings)},
                {"size", bytes_text(i.num_bytes)},
                {"segments", grouped(i.num_segments) + " (" + grouped(i.num_memory_segments) + " in memory)"}});
  if (!i.metadata.empty()) {
    c.out << '\n';
    table t({{"metadata"}, {"value"}});
    for (const auto& [key, value] : i.metadata) t.add({key, value});
    t.print(c.out);
  }
  return exit_ok;
}

exit_code segments(command_context& c, const index_options& o) {
  const auto found = c.node().segments(o.name, {c.ready_wait_ms()});
  if (c.json_output) {
    c.print_json(as_json(found));
    return exit_ok;
  }
  table t({{"commits"},
           {"where"},
           {"documents", align::right},
           {"postings", align::right},
           {"size", align::right},
           {"min id", align::right},
           {"max id", align::right}});
  for (const auto& s : found.segments) {
    t.add({std::to_string(s.first_commit) + "-" + std::to_string(s.last_commit), s.in_memory ? "memory" : "file",
           grouped(s.num_documents), grouped(s.num_postings), bytes_text(s.num_bytes),
           std::to_string(s.min_document), std::to_string(s.max_document)});
  }
  if (t.empty()) {
    c.out << "no segments\n";
  } else {
    t.print(c.out);
  }
  return exit_ok;
}

exit_code show(command_context& c, const std::string& name, const char* what, const upkeep_reply& r) {
  if (c.json_output) {
    auto j = as_json(r);
    j["name"] = name;
    c.print_json(j);
  } else {
    c.out << "index " << safe(name) << ' ' << what << ": version " << r.version << ", " << r.file_version
          << " in files; " << r.num_file_segments << " file segments, " << r.num_memory_segments
          << " memory segments\n";
  }
  return exit_ok;
}

}  // namespace

void add_index_commands(CLI::App& app, command_context& c) {
  auto o = std::make_shared<index_options>();
  const auto choose = [&c](CLI::App* sub, auto f) {
    sub->callback([&c, f] { c.chosen = f; });
    return sub;
  };
  const auto named = [o, choose](CLI::App& parent, const char* name, const char* help, auto f) {
    auto* sub = choose(parent.add_subcommand(name, help), f);
    sub->add_option("NAME", o->name, "The index")->required();
    return sub;
  };
  auto* group = app.add_subcommand("index", "Create, delete and look at indexes")->require_subcommand(1);
  auto* making =
      named(*group, "create", "Create an index, if there is none of this name", [&c, o] { return create(c, *o); });
  making->add_flag("--new", o->must_be_new, "Fail when there is one already");
  making->add_option("--generation", o->generation, "The generation to create");
  making->add_option("--slices", o->slices, "Have the members of the node's cluster hold it in so many slices")
      ->check(CLI::Range(1u, slice::max_count));
  making->footer("With --slices: where it breaks off, say it once more.");
  auto* erasing = named(*group, "delete", "Delete an index with all it holds; exit status 5 when there was none",
                        [&c, o] { return erase(c, *o); });
  erasing->add_flag("--must-exist", o->must_exist, "Fail, with exit status 4, when there is none");
  choose(group->add_subcommand("list", "List the indexes"), [&c] { return list(c); });
  named(*group, "info", "Show what an index holds", [&c, o] { return info(c, *o); });
  named(*group, "segments", "List the segments of an index", [&c, o] { return segments(c, *o); });
  named(app, "checkpoint", "Write all of an index to files",
        [&c, o] { return show(c, o->name, "checkpointed", c.node().checkpoint(o->name)); });
  named(app, "merge", "Merge an index's files into as few as the node allows",
        [&c, o] { return show(c, o->name, "merged", c.node().merge(o->name)); });
}

}  // namespace fp::ctl
