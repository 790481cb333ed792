#include "core/check/check.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "core/base/located_error.hpp"
#include "core/check/log_check.hpp"
#include "core/check/segment_check.hpp"
#include "core/index/data_folder.hpp"
#include "core/index/manifest.hpp"
#include "core/segment/stored_segment.hpp"

namespace fp {

namespace {

class checker {
 public:
  checker(file_system& fs, const path& root, const check_options& options)
      : fs_(fs), root_(root), options_(options) {}

  check_report run() {
    for (const std::string& name : fs_.list(root_)) {
      if (name == data_folder::lock_name || (options_.index && name != *options_.index)) continue;
      if (!is_valid_index_name(name) || !fs_.is_directory(root_ / name)) {
        report_.others.push_back(unreferenced(root_ / name, "not an index"));
      } else {
        report_.indexes.push_back({name, 0, false, 0, {}});
        count_bytes(root_ / name);
      }
    }
    if (options_.index && report_.indexes.empty()) {
      throw error(errc::index_not_found, "there is no index " + *options_.index + " in " + root_.string());
    }
    advance(0);
    for (checked_index& i : report_.indexes) check_index(i);
    done_ = total_;
    advance(0);
    return std::move(report_);
  }

 private:
  void count_bytes(const path& folder) {
    for (const std::string& name : fs_.list(folder)) {
      if (fs_.is_directory(folder / name)) {
        count_bytes(folder / name);
      } else {
        total_ += fs_.file_size(folder / name);
      }
    }
  }

  void advance(uint64_t bytes) {
    done_ += bytes;
    if (options_.on_progress) options_.on_progress(std::min(done_, total_), total_);
  }

  uint64_t size_of(const path& file) {
    return fs_.exists(file) && !fs_.is_directory(file) ? fs_.file_size(file) : 0;
  }

  checked_file unreferenced(const path& file, std::string why) {
    return {file, file_verdict::not_referenced, size_of(file), std::nullopt, std::move(why)};
  }

  /// Does what reads a file, and notes how that went. False when it is damaged.
  template <class Operation>
  bool look_at(checked_index& i, const path& file, const Operation& operation) {
    throw_if_cancelled(options_.cancel, file.string());
    checked_file result{file, file_verdict::fine, 0, std::nullopt, {}};
    try {
      result.num_bytes = size_of(file);
      operation();
    } catch (const error& e) {
      if (e.code() == errc::cancelled) throw;
      result.verdict = file_verdict::damaged;
      result.reason = e.what();
      if (const auto* located = dynamic_cast<const located_error*>(&e)) result.offset = located->offset();
    }
    i.files.push_back(std::move(result));
    return i.files.back().verdict == file_verdict::fine;
  }

  void check_index(checked_index& i) {
    const path folder = root_ / i.name, current = folder / data_folder::current_name;
    std::optional<index_record> record;
    const bool is_fine = look_at(i, current, [&] {
      record = read_index_record(fs_, root_, i.name);
      advance(size_of(current));
    });
    if (!is_fine) return;
    if (!record) {
      i.files.back() = unreferenced(folder, "what an interrupted create left, or nothing of an index");
      return;
    }
    i.generation = record->generation;
    i.deleted = record->deleted;
    const path live = folders_of(root_, *record).data.parent_path();
    for (const std::string& name : fs_.list(folder)) {
      if (name == data_folder::current_name || (!i.deleted && folder / name == live)) continue;
      i.files.push_back(
          unreferenced(folder / name, i.deleted ? "of a deleted index" : "not of the live generation"));
    }
    if (!i.deleted) check_generation(i, folders_of(root_, *record));
  }

  void check_generation(checked_index& i, const index_folders& folders) {
    manifest named;
    const path file = folders.data / manifest_file_name;
    const bool is_known = look_at(i, file, [&] {
      named = read_manifest(fs_, folders.data);
      advance(size_of(file));
    });
    // Without a manifest nobody knows which segments count, nor where the log has to begin.
    if (!is_known) return;
    std::set<std::string> expected{std::string(manifest_file_name)};
    for (const manifest_entry& entry : named.segments) {
      expected.insert(entry.file_name);
      i.version = entry.info.last_commit;
      const path segment_file = folders.data / entry.file_name;
      look_at(i, segment_file, [&] {
        open_options opening;
        opening.cancel = options_.cancel;
        opening.on_progress = [this](uint64_t bytes) { advance(bytes); };
        check_postings(*open_segment(fs_, segment_file, &entry.info, opening), segment_file.string(),
                       options_.cancel);
      });
    }
    for (const std::string& name : fs_.list(folders.data)) {
      if (expected.contains(name)) continue;
      i.files.push_back(unreferenced(folders.data / name, "not in the manifest"));
    }
    check_log(i, folders.oplog);
    for (const std::string& name : fs_.list(folders.data.parent_path())) {
      const path entry = folders.data.parent_path() / name;
      if (entry != folders.data && entry != folders.oplog)
        i.files.push_back(unreferenced(entry, "kept by a repair"));
    }
  }

  void check_log(checked_index& i, const path& folder) {
    const oplog_inspection found = fp::check_log(fs_, folder, i.version, options_.cancel);
    std::set<std::string> seen;
    for (const oplog_inspection::file& f : found.files) {
      checked_file result{f.file, file_verdict::fine, f.num_bytes, std::nullopt, {}};
      seen.insert(f.file.filename().string());
      if (found.first && f.file == found.first->file) {
        result.verdict = file_verdict::damaged;
        result.offset = found.first->offset;
        result.reason = found.first->reason;
      } else if (!f.reached) {
        result.verdict = file_verdict::not_reached;
        result.reason = "behind the damage";
      } else if (f.torn_bytes > 0) {
        result.reason = std::to_string(f.torn_bytes) +
                        " bytes of a write that was never acknowledged; the next start cuts them off";
      }
      advance(f.num_bytes);
      i.files.push_back(std::move(result));
    }
    if (found.first && !seen.contains(found.first->file.filename().string())) {
      i.files.push_back({found.first->file, file_verdict::damaged, size_of(found.first->file), found.first->offset,
                         found.first->reason});
    }
    i.version = std::max(i.version, found.last_commit);
    for (const std::string& name : fs_.list(folder)) {
      const bool is_damage = found.first && found.first->file == folder / name;
      if (!seen.contains(name) && !is_damage) i.files.push_back(unreferenced(folder / name, "not of the log"));
    }
  }

  file_system& fs_;
  const path& root_;
  const check_options& options_;
  check_report report_;
  uint64_t done_ = 0, total_ = 0;
};

bool has_damage(const std::vector<checked_file>& files) noexcept {
  return std::any_of(files.begin(), files.end(),
                     [](const checked_file& f) { return f.verdict == file_verdict::damaged; });
}

}  // namespace

std::string_view to_string(file_verdict v) noexcept {
  switch (v) {
    case file_verdict::fine:
      return "fine";
    case file_verdict::damaged:
      return "damaged";
    case file_verdict::not_referenced:
      return "not referenced";
    case file_verdict::not_reached:
      return "not reached";
  }
  return "unknown";
}

bool checked_index::is_damaged() const noexcept { return has_damage(files); }

bool check_report::is_damaged() const noexcept {
  return std::any_of(indexes.begin(), indexes.end(), [](const checked_index& i) { return i.is_damaged(); });
}

check_report check_data_folder(file_system& fs, const path& root, const check_options& options) {
  std::unique_ptr<file_lock> lock;
  const path lock_file = root / data_folder::lock_name;
  if (options.take_lock && fs.exists(lock_file)) lock = fs.lock(lock_file);
  return checker(fs, root, options).run();
}

}  // namespace fp
