#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <ostream>
#include <thread>

#include "app/fpctl/command.hpp"
#include "app/fpctl/library_arguments.hpp"
#include "app/fpctl/library_update.hpp"
#include "app/library/library_lock.hpp"
#include "core/base/printable.hpp"

namespace fp::ctl {

namespace {

struct update_arguments {
  library_arguments library;
  library_update_options update;
  std::string form = "plain";
};

json items_json(const std::vector<library_update_report::item>& items) {
  auto all = json::array();
  for (const auto& one : items) {
    json j{{"path", one.path}};
    if (one.id != 0) j["id"] = one.id;
    if (!one.former_path.empty()) j["from"] = one.former_path;
    all.push_back(std::move(j));
  }
  return all;
}

json problems_json(const std::vector<library_update_report::problem>& problems) {
  auto all = json::array();
  for (const auto& one : problems) all.push_back({{"path", one.path}, {"reason", one.reason}});
  return all;
}

json update_json(const library_update_report& r, const update_arguments& a) {
  return {{"index", a.update.index},
          {"library", a.library.path().string()},
          {"dry_run", a.update.dry_run},
          {"created", r.created},
          {"generation", r.generation},
          {"added", items_json(r.added)},
          {"replaced", items_json(r.replaced)},
          {"touched", items_json(r.touched)},
          {"moved", items_json(r.moved)},
          {"deleted", items_json(r.deleted)},
          {"unchanged", r.num_unchanged},
          {"left_alone", r.num_left_alone},
          {"hashes", r.num_hashes},
          {"sent", r.num_sent},
          {"unreadable", problems_json(r.unreadable)},
          {"in_part", problems_json(r.in_part)},
          {"refused", r.refused}};
}

void print_update(const command_context& c, const library_update_report& r, const update_arguments& a,
                  std::chrono::microseconds elapsed) {
  std::vector<std::pair<std::string, std::string>> fields;
  const auto count = [&](const char* name, uint64_t n, bool always = false) {
    if (n > 0 || always) fields.emplace_back(name, grouped(n));
  };
  count("added", r.added.size(), true);
  count("replaced", r.replaced.size());
  count("new facts", r.touched.size());
  count("moved", r.moved.size());
  count("deleted", r.deleted.size());
  count("unchanged", r.num_unchanged);
  count("sent", a.update.dry_run ? 0 : r.num_sent);
  count("hashes", r.num_hashes);
  count("in part", r.in_part.size());
  count("unreadable", r.unreadable.size());
  if (r.num_left_alone > 0) fields.emplace_back("left alone", grouped(r.num_left_alone) + " by their names");
  if (!a.update.dry_run) fields.emplace_back("time", duration_text(elapsed));
  fields.emplace_back("library", a.library.path().string());
  print_fields(c.out, fields);
}

void print_dry_run(const command_context& c, const library_update_report& r) {
  table t({{"change"}, {"document", align::right}, {"path"}});
  const auto add = [&](const char* what, const std::vector<library_update_report::item>& items) {
    for (const auto& one : items) {
      t.add({what, one.id == 0 ? "-" : std::to_string(one.id),
             one.path + (one.former_path.empty() ? "" : " (from " + one.former_path + ")")});
    }
  };
  add("add", r.added);
  add("replace", r.replaced);
  add("move", r.moved);
  add("delete", r.deleted);
  if (!t.empty()) t.print(c.out);
}

void complain_of_refused(const command_context& c, const library_update_report& r) {
  for (const auto& folder : r.refused) {
    c.complain(quoted(folder, 400) +
               ": has no recordings, though the library has some there: is its disk mounted? They stay; "
               "--allow-empty deletes them");
  }
}

exit_code finish_update(const command_context& c, const library_update_report& r, const update_arguments& a,
                        std::chrono::microseconds elapsed) {
  complain_of_refused(c, r);
  if (c.json_output) {
    c.print_json(update_json(r, a));
  } else {
    if (a.update.dry_run) print_dry_run(c, r);
    print_update(c, r, a, elapsed);
  }
  return r.is_complete() ? exit_ok : exit_incomplete;
}

void require_some_path(const library_update_options& o) {
  std::error_code failed;
  if (o.allow_empty ||
      std::ranges::any_of(o.paths, [&](const auto& path) { return std::filesystem::exists(path, failed); })) {
    return;
  }
  throw error(errc::io_error, quoted(o.paths.front(), 400) + ": no such file or folder");
}

exit_code run_update(command_context& c, update_arguments a) {
  a.update.reading.form = hash_form_of(a.form).value_or(hash_form::plain);
  if (a.update.reading.form == hash_form::phone) a.update.index = phone_index_of(a.update.index);
  require_some_path(a.update);
  if (a.update.dry_run) {
    std::error_code failed;
    std::unique_ptr<recording_library> library;
    if (std::filesystem::exists(a.library.path(), failed)) library = find_library(a.library);
    return finish_update(c, plan_library_update(library.get(), a.update), a, {});
  }
  a.update.ready_wait_ms = c.ready_wait_ms();
  a.update.reading.patience = c.patience();
  a.update.reading.tags = has_program("ffprobe");
  const auto started = progress_meter::clock::now();
  // The node first: without it, no library is made.
  c.node().status();
  recording_library library(a.library.path());
  const library_lock lock(a.library.path());
  if (!a.update.reading.tags) {
    c.complain("ffprobe is not installed (Debian: apt-get install ffmpeg): titles are the files' names");
  }
  library_update work(c.node(), library, a.update);
  {
    auto meter = c.make_meter("files");
    work.on_note = [&](const std::string& what) {
      meter.clear();
      c.complain(what);
    };
    work.on_progress = [&](const library_update::progress& p) {
      meter.update({p.done_bytes, p.total_bytes, p.files});
    };
    try {
      work.run();
    } catch (const error&) {
      meter.clear();
      if (work.report().num_hashes > 0) {
        c.complain("what was fingerprinted is in the library; the same command, run again, goes on from there");
      }
      throw;
    }
  }
  return finish_update(
      c, work.report(), a,
      std::chrono::duration_cast<std::chrono::microseconds>(progress_meter::clock::now() - started));
}

size_t num_processors() {
  return std::clamp<size_t>(std::thread::hardware_concurrency(), 1, recording_reader::max_jobs);
}

CLI::App* add_update_command(CLI::App& app, command_context& c, const char* name, const char* help,
                             const std::shared_ptr<update_arguments>& a) {
  auto* sub = app.add_subcommand(name, help);
  sub->footer(
      "Files are fingerprinted by Chromaprint's fpcalc, and titles read by FFmpeg's ffprobe where it is "
      "installed.\n"
      "Names and fingerprints go to the library, so that fpctl identify can name what it hears. A run that was\n"
      "interrupted is gone on with by the next one. Exit status 5 when a file could not be read, or only a part.");
  sub->add_option("NAME", a->update.index, "The index; it is created when there is none")->required();
  add_library_option(*sub, a->library);
  sub->add_option("--jobs", a->update.reading.jobs, "Files to fingerprint at a time (default: a processor each)")
      ->check(CLI::Range(size_t{1}, recording_reader::max_jobs));
  sub->add_option("--length", a->update.reading.length_s, "Seconds of each file's beginning to fingerprint; 0: all")
      ->capture_default_str();
  sub->add_option("--form", a->form,
                  "plain, or phone: what is left in the telephone's band, for telephone calls, radio and small "
                  "loudspeakers; in an index of its own, NAME-phone, where identify looks by itself")
      ->check(CLI::IsMember({"plain", "phone"}))
      ->capture_default_str();
  sub->add_flag("--again", a->update.again, "Fingerprint known files again, too");
  a->update.reading.jobs = num_processors();
  sub->callback([&c, a] { c.chosen = [&c, a] { return run_update(c, *a); }; });
  return sub;
}

}  // namespace

void add_add_command(CLI::App& app, command_context& c) {
  auto adding = std::make_shared<update_arguments>();
  add_update_command(app, c, "add", "Add the recordings below folders to an index and to the library", adding)
      ->add_option("FOLDER", adding->update.paths, "Folders to look for audio files in, and files")
      ->required();
  auto syncing = std::make_shared<update_arguments>();
  syncing->update.deletes = true;
  auto* sync = add_update_command(
      app, c, "sync", "Bring an index and the library to what lies in folders: add, replace, move, delete",
      syncing);
  sync->add_option("FOLDER", syncing->update.paths, "Folders; what is known of others stays")->required();
  sync->add_flag("--dry-run", syncing->update.dry_run, "Change nothing, and tell what would be changed");
  sync->add_flag("--allow-empty", syncing->update.allow_empty,
                 "Delete all recordings of a folder that is missing or has none, as that of an unmounted disk");
}

}  // namespace fp::ctl
