#include "app/fpctl/library_update.hpp"

#include <algorithm>
#include <filesystem>
#include <unordered_set>
#include <utility>

#include "app/fpctl/format.hpp"
#include "core/base/printable.hpp"

namespace fp::ctl {

namespace {

using file_change = sync_plan::change;

// So many recordings are sent in a commit as long as others are being fingerprinted.
constexpr size_t sent_together = 16;

struct walked_library {
  audio_walk walk;
  sync_plan plan;
};

walked_library walk_for(const std::vector<recording>& known, const library_update_options& options) {
  std::unordered_set<std::string> paths;
  for (const auto& r : known) paths.insert(r.path);
  auto walk = walk_audio(options.paths, [&](const std::string& path) { return paths.contains(path); });
  sync_plan plan(walk, known, std::string(to_string(options.reading.form)), options.again);
  return {std::move(walk), std::move(plan)};
}

void add_item(library_update_report& report, file_change what, library_update_report::item item) {
  switch (what) {
    case file_change::added:
      report.added.push_back(std::move(item));
      break;
    case file_change::replaced:
      report.replaced.push_back(std::move(item));
      break;
    case file_change::touched:
      report.touched.push_back(std::move(item));
      break;
    case file_change::moved:
      report.moved.push_back(std::move(item));
      break;
  }
}

void take_walk(library_update_report& report, const audio_walk& walk, const sync_plan& plan) {
  for (const auto& one : walk.unreadable) report.unreadable.push_back({one.path, one.reason});
  report.num_left_alone = walk.left_alone;
  report.num_unchanged = plan.num_unchanged();
}

/// What has vanished and is to be deleted.
std::vector<recording> to_delete(library_update_report& report, const sync_plan& plan,
                                 const library_update_options& options) {
  if (!options.deletes) return {};
  auto vanished = plan.vanished();
  // The walk was a while ago: what has come back since then stays.
  std::erase_if(vanished, [](const recording& r) {
    std::error_code failed;
    return std::filesystem::exists(r.path, failed) || failed;
  });
  if (!options.allow_empty) {
    for (const auto& folder : plan.emptied()) {
      const auto kept = std::erase_if(vanished, [&](const recording& r) { return is_below(r.path, folder); });
      if (kept > 0) report.refused.push_back(folder);
    }
  }
  return vanished;
}

}  // namespace

library_update::library_update(client& node, recording_library& library, library_update_options options)
    : node_(node), library_(library), options_(std::move(options)) {}

void library_update::note_problem(std::vector<library_update_report::problem>& list, std::string path,
                                  std::string reason) {
  on_note(reason);
  list.push_back({std::move(path), std::move(reason)});
}

void library_update::run() {
  library_session session(node_, library_, options_.index, options_.ready_wait_ms, options_.reading.form);
  session.on_note = on_note;
  session.open(true);
  report_.created = session.created();
  report_.generation = session.generation();
  if (session.created()) {
    on_note("index " + options_.index + " created, generation " + std::to_string(session.generation()));
  }
  auto [walk, plan] = walk_for(library_.list(options_.index), options_);
  take_walk(report_, walk, plan);
  for (const auto& one : report_.unreadable) on_note(quoted(one.path, 400) + ": " + one.reason);
  session.send_pending();
  read_all(session, plan);
  std::vector<document_id> ids;
  for (const auto& r : to_delete(report_, plan, options_)) {
    ids.push_back(r.id);
    report_.deleted.push_back({r.path, r.id, {}});
  }
  session.remove(ids);
  report_.num_sent = session.num_sent();
}

void library_update::read_all(library_session& session, sync_plan& plan) {
  progress p;
  const auto& files = plan.to_fingerprint();
  for (const auto& f : files) p.total_bytes += f.size;
  recording_reader reader(options_.reading);
  auto next = files.begin();
  while (next != files.end() || !reader.empty()) {
    while (next != files.end() && !reader.is_full()) reader.start(*next++);
    auto read = reader.next();
    take(session, plan, read);
    p.done_bytes += read.file.size;
    p.files++;
    on_progress(p);
    if (session.num_pending() >= sent_together) session.send_pending();
  }
  session.send_pending();
}

void library_update::take(library_session& session, sync_plan& plan, recording_reader::outcome& read) {
  if (!read.failure.empty()) {
    note_problem(report_.unreadable, read.file.path, read.failure);
    return;
  }
  recording r;
  r.path = read.file.path;
  r.size = read.file.size;
  r.mtime_ns = read.file.mtime_ns;
  r.title =
      read.tags.title.empty() ? printable(std::filesystem::path(r.path).stem().string(), 1'000) : read.tags.title;
  r.artist = read.tags.artist;
  r.form = to_string(options_.reading.form);
  r.duration_s = read.tags.duration_s > 0 ? read.tags.duration_s : read.heard.duration_s;
  const auto& hashes = read.heard.hashes;
  if (!session.takes(hashes)) {
    note_problem(report_.unreadable, r.path, session.nothing_to_take(r.path));
    return;
  }
  const auto d = plan.decide(read.file, recording_library::digest_of(hashes));
  r.id = d.id;
  if (d.what == file_change::added) {
    r.id = session.add(r, hashes);
  } else if (d.what == file_change::replaced || options_.again) {
    session.replace(r, hashes);
  } else {
    library_.set_facts(options_.index, r);
  }
  report_.num_hashes += hashes.size();
  add_item(report_, d.what, {r.path, r.id, d.what == file_change::moved ? d.former_path : std::string()});
  if (is_in_part(hashes.size(), r.duration_s, options_.reading.length_s)) {
    note_problem(report_.in_part, r.path,
                 quoted(r.path, 400) + ": fingerprinted in part: " + grouped(hashes.size()) + " hashes, where " +
                     duration_text(std::chrono::microseconds(static_cast<int64_t>(r.duration_s * 1e6))) +
                     " promise " + grouped(promised_hashes(r.duration_s, options_.reading.length_s)));
  }
}

library_update_report plan_library_update(recording_library* library, const library_update_options& options) {
  std::vector<recording> known;
  if (library != nullptr) known = library->list(options.index);
  auto [walk, plan] = walk_for(known, options);
  library_update_report report;
  take_walk(report, walk, plan);
  for (const auto& file : plan.to_fingerprint()) {
    const auto d = plan.decide(file, std::nullopt);
    add_item(report, d.what, {file.path, d.id, d.what == file_change::moved ? d.former_path : std::string()});
  }
  for (const auto& r : to_delete(report, plan, options)) report.deleted.push_back({r.path, r.id, {}});
  return report;
}

}  // namespace fp::ctl
