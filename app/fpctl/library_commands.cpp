#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <map>
#include <memory>
#include <ostream>
#include <set>

#include "app/fpctl/command.hpp"
#include "app/fpctl/duplicate_search.hpp"
#include "app/fpctl/identify_report.hpp"
#include "app/fpctl/library_arguments.hpp"
#include "app/fpctl/library_doctor.hpp"
#include "app/library/audio_walk.hpp"
#include "app/library/library_lock.hpp"
#include "core/base/printable.hpp"

namespace fp::ctl {

namespace {

struct library_command_arguments {
  library_arguments library;
  std::string index, below;
  std::vector<std::string> names;
  bool repair = false;
  double min_alike = 80;
};

std::unique_ptr<recording_library> open_library(const library_command_arguments& a,
                                                recording_library::access wanted) {
  auto library = std::make_unique<recording_library>(a.library.path(), wanted);
  library->known_index(a.index);
  return library;
}

json recording_json(const recording& r) {
  return {{"id", r.id},
          {"path", r.path},
          {"title", r.title},
          {"artist", r.artist},
          {"duration_s", r.duration_s},
          {"hashes", r.num_hashes},
          {"size", r.size},
          {"mtime_ns", r.mtime_ns},
          {"algorithm", r.algorithm},
          {"form", r.form},
          {"state", to_string(r.state)},
          {"commit", r.commit}};
}

exit_code list_recordings(command_context& c, const library_command_arguments& a) {
  const auto library = open_library(a, recording_library::access::read_only);
  const auto all = library->list(a.index, {{}, a.below.empty() ? std::string() : resolved_path(a.below)});
  if (c.json_output) {
    auto j = json::array();
    for (const auto& r : all) j.push_back(recording_json(r));
    c.print_json(j);
    return exit_ok;
  }
  table t({{"document", align::right}, {"length", align::right}, {"title"}, {"artist"}, {"path"}});
  for (const auto& r : all) {
    const auto state = r.state == recording_state::stored ? "" : " (" + std::string(to_string(r.state)) + ")";
    t.add({std::to_string(r.id), place_text(r.duration_s), r.title, r.artist, r.path + state});
  }
  if (t.empty()) {
    c.out << "no recordings\n";
  } else {
    t.print(c.out);
  }
  return exit_ok;
}

/// The recordings that a word of the command line means: an id, a file, or a folder with all below it.
std::vector<recording> named_recordings(recording_library& library, const std::string& index,
                                        const std::string& name) {
  if (auto found = library.list(index, {{}, resolved_path(name)}); !found.empty()) return found;
  document_id id = 0;
  const auto parsed = std::from_chars(name.data(), name.data() + name.size(), id);
  if (parsed.ec != std::errc() || parsed.ptr != name.data() + name.size()) return {};
  if (auto found = library.find(index, id)) return {*std::move(found)};
  return {};
}

exit_code remove_recordings(command_context& c, const library_command_arguments& a) {
  const auto library = open_library(a, recording_library::access::read_write);
  const library_lock lock(a.library.path());
  std::map<document_id, std::string> chosen;
  std::vector<std::string> absent;
  for (const auto& name : a.names) {
    const auto found = named_recordings(*library, a.index, name);
    if (found.empty()) absent.push_back(name);
    for (const auto& r : found) chosen.emplace(r.id, r.path);
  }
  if (!chosen.empty()) {
    library_session session(c.node(), *library, a.index, c.ready_wait_ms());
    session.on_note = [&](const std::string& what) { c.complain(what); };
    session.open(false);
    std::vector<document_id> ids;
    for (const auto& [id, path] : chosen) ids.push_back(id);
    session.remove(ids);
    session.send_pending();
  }
  if (c.json_output) {
    json j{{"removed", json::array()}, {"absent", absent}};
    for (const auto& [id, path] : chosen) j["removed"].push_back({{"id", id}, {"path", path}});
    c.print_json(j);
  } else {
    c.out << "removed " << grouped(chosen.size()) << (chosen.size() == 1 ? " recording" : " recordings")
          << "; their files stay\n";
    for (const auto& name : absent) c.out << "the library has no " << safe(name) << '\n';
  }
  return absent.empty() ? exit_ok : exit_incomplete;
}

exit_code forget_index(command_context& c, const library_command_arguments& a) {
  const auto library = open_library(a, recording_library::access::read_write);
  const library_lock lock(a.library.path());
  const auto count = library->count(a.index);
  library->forget_index(a.index);
  if (c.json_output) {
    c.print_json({{"index", a.index}, {"forgotten", count}});
  } else {
    c.out << "forgot " << grouped(count) << (count == 1 ? " recording" : " recordings") << " of index "
          << safe(a.index) << "; the index stays as it is\n";
  }
  return exit_ok;
}

json examination_json(const library_examination& x, const std::string& index) {
  auto findings = json::array();
  for (const auto& f : x.findings) {
    json j{{"what", to_string(f.what)}, {"cure", cure_of(f.what, index)}};
    if (f.id != 0) j["id"] = f.id;
    if (!f.path.empty()) j["path"] = f.path;
    findings.push_back(std::move(j));
  }
  return {{"index", index},
          {"generation", x.generation},
          {"known_generation", x.known_generation},
          {"recordings", x.num_recordings},
          {"findings", std::move(findings)},
          {"unknown_documents", x.num_unknown_documents},
          {"first_unknown_documents", x.unknown_documents}};
}

void print_examination(const command_context& c, const library_examination& x, const std::string& index) {
  constexpr size_t most_shown = 5;
  std::map<library_ailment, std::vector<const library_finding*>> by_kind;
  for (const auto& f : x.findings) by_kind[f.what].push_back(&f);
  for (const auto& [what, all] : by_kind) {
    c.out << grouped(all.size()) << ' ' << to_string(what) << ": " << meaning_of(what) << '\n';
    for (size_t i = 0; i < std::min(all.size(), most_shown); i++) {
      if (all[i]->id != 0) c.out << "  " << all[i]->id << "  " << safe(all[i]->path) << '\n';
    }
    if (all.size() > most_shown) c.out << "  ...\n";
    c.out << "  mend: " << cure_of(what, index) << '\n';
  }
  if (x.num_unknown_documents > 0) {
    c.out << grouped(x.num_unknown_documents) << " documents of the index are not of this library";
    for (size_t i = 0; i < std::min(x.unknown_documents.size(), most_shown); i++) {
      c.out << (i == 0 ? ": " : ", ") << x.unknown_documents[i];
    }
    c.out << (x.num_unknown_documents > most_shown && !x.unknown_documents.empty() ? ", ...\n" : "\n");
  }
  if (x.findings.empty()) c.out << "all is well with " << grouped(x.num_recordings) << " recordings\n";
}

exit_code examine(command_context& c, const library_command_arguments& a) {
  const auto library =
      open_library(a, a.repair ? recording_library::access::read_write : recording_library::access::read_only);
  std::unique_ptr<library_lock> lock;
  if (a.repair) lock = std::make_unique<library_lock>(a.library.path());
  const auto look = [&] {
    auto meter = c.make_meter("recordings");
    return examine_library(c.node(), *library, a.index, c.ready_wait_ms(), [&](uint64_t done, uint64_t total) {
      meter.update({done, total, done});
    });
  };
  auto found = look();
  uint64_t num_sent = 0;
  if (a.repair) {
    library_session session(c.node(), *library, a.index, c.ready_wait_ms());
    session.on_note = [&](const std::string& what) { c.complain(what); };
    repair_library(session, found);
    num_sent = session.num_sent();
    found = look();
  }
  if (c.json_output) {
    auto j = examination_json(found, a.index);
    if (a.repair) j["sent"] = num_sent;
    c.print_json(j);
  } else {
    if (a.repair) c.out << "sent " << grouped(num_sent) << (num_sent == 1 ? " recording\n" : " recordings\n");
    print_examination(c, found, a.index);
  }
  return found.findings.empty() ? exit_ok : exit_failed;
}

exit_code find_duplicates(command_context& c, const library_command_arguments& a) {
  const auto library = open_library(a, recording_library::access::read_only);
  duplicate_search work(c.node(), *library, {a.index, a.min_alike / 100, c.ready_wait_ms()});
  std::vector<recording_pair> pairs;
  {
    auto meter = c.make_meter("recordings");
    work.on_progress = [&](uint64_t done, uint64_t total) { meter.update({done, total, done}); };
    work.on_note = [&](const std::string& what) {
      meter.clear();
      c.complain(what);
    };
    pairs = work.run();
  }
  // Of each, how alike it is to the one that it is most alike to.
  std::map<document_id, double> alike;
  for (const auto& p : pairs) {
    for (const auto id : {p.first, p.second}) alike[id] = std::max(alike[id], p.equal_bits);
  }
  auto report = json::array();
  table t({{"group", align::right},
           {"document", align::right},
           {"length", align::right},
           {"equal bits", align::right},
           {"path"}});
  size_t number = 0;
  for (const auto& group : group_pairs(pairs)) {
    number++;
    auto members = json::array();
    for (const auto id : group) {
      const auto r = library->find(a.index, id);
      if (!r) continue;
      members.push_back({{"id", id}, {"path", r->path}, {"duration_s", r->duration_s}, {"equal_bits", alike[id]}});
      t.add({std::to_string(number), std::to_string(id), place_text(r->duration_s),
             percent_text(static_cast<uint64_t>(alike[id] * 1'000'000), 1'000'000), r->path});
    }
    report.push_back(std::move(members));
  }
  if (c.json_output) {
    c.print_json(report);
  } else if (t.empty()) {
    c.out << "no duplicates\n";
  } else {
    t.print(c.out);
  }
  return exit_ok;
}

}  // namespace

void add_library_commands(CLI::App& app, command_context& c) {
  auto* group =
      app.add_subcommand("library", "Look at the recordings that fpctl add and sync know, and look after them")
          ->require_subcommand(1);
  // Arguments of its own each: the environment speaks to all commands, not to the one that was chosen alone.
  const auto add = [&](const char* name, const char* help, auto run) {
    auto a = std::make_shared<library_command_arguments>();
    auto* sub = group->add_subcommand(name, help);
    sub->add_option("NAME", a->index, "The index")->required();
    add_library_option(*sub, a->library);
    sub->callback([&c, a, run] { c.chosen = [&c, a, run] { return run(c, *a); }; });
    return std::pair(sub, a);
  };
  const auto [listing, l] = add("list", "List the recordings of an index", list_recordings);
  listing->add_option("--below", l->below, "A folder: only what is below it");
  const auto [removing, r] =
      add("remove", "Delete recordings from the index and the library; their files stay", remove_recordings);
  removing->add_option("RECORDING", r->names, "Files, folders with all below them, and document ids")->required();
  const auto [pairing, p] = add("duplicates", "Point out files of the same recording", find_duplicates);
  pairing->add_option("--alike", p->min_alike, "Percent of equal bits from which on two are one")
      ->check(CLI::Range(60.0, 100.0))
      ->capture_default_str();
  const auto [examining, x] = add("doctor",
                                  "Compare the library with the index and the files, and tell what mends each "
                                  "difference; exit status 1 when there is one",
                                  examine);
  examining->add_flag("--repair", x->repair, "Send the index what it lacks");
  add("forget", "Forget the recordings of an index; the index stays as it is", forget_index);
}

}  // namespace fp::ctl
