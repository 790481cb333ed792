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

file_verdict verdict_of(errc code) noexcept {
  return code == errc::corrupt_data || code == errc::unsupported_format ? file_verdict::damaged
                                                                        : file_verdict::unreadable;
}

class checker {
 public:
  checker(file_system& fs, const path& root, const check_options& options)
      : fs_(fs), root_(root), options_(options) {}

  check_report run() {
    if (options_.take_lock) take_lock();
    find_indexes();
    advance(0);
    for (checked_index& i : report_.indexes) check_index(i);
    done_ = total_;
    advance(0);
    return std::move(report_);
  }

 private:
  using rows = std::vector<checked_file>;

  /// Does what may fail because of the disk, which is told in a row then. False: it has failed.
  template <class Operation>
  bool attempt(rows& to, const path& file, const Operation& operation) {
    try {
      operation();
      return true;
    } catch (const error& e) {
      if (e.code() == errc::cancelled || e.code() == errc::data_folder_locked) throw;
      to.push_back({file, verdict_of(e.code()), 0, std::nullopt, e.what()});
      return false;
    }
  }

  std::vector<std::string> list(rows& to, const path& folder) {
    std::vector<std::string> names;
    attempt(to, folder, [&] { names = fs_.list(folder); });
    return names;
  }

  void take_lock() {
    const path file = root_ / data_folder::lock_name;
    attempt(report_.others, file, [&] {
      if (fs_.exists(file)) lock_ = fs_.lock(file);
    });
  }

  void find_indexes() {
    std::vector<std::string> names;
    const bool is_listed = attempt(report_.others, root_, [&] { names = fs_.list(root_); });
    if (!is_listed && options_.index) names.push_back(*options_.index);
    for (const std::string& name : names) {
      if (name == data_folder::lock_name || (options_.index && name != *options_.index)) continue;
      // What cannot be told apart is looked into as an index.
      bool is_folder = true;
      attempt(report_.others, root_ / name, [&] { is_folder = fs_.is_directory(root_ / name); });
      if (!is_valid_index_name(name) || !is_folder) {
        report_.others.push_back(unreferenced(root_ / name, "not an index"));
      } else {
        report_.indexes.push_back({name, 0, false, 0, {}});
        if (options_.on_progress) count_bytes(root_ / name);
      }
    }
    if (options_.index && report_.indexes.empty()) {
      throw error(errc::index_not_found, "there is no index " + *options_.index + " in " + root_.string());
    }
  }

  /// As far as can be told: whoever reads the files tells what is wrong with them.
  void count_bytes(const path& folder) {
    rows ignored;
    for (const std::string& name : list(ignored, folder)) {
      attempt(ignored, folder / name, [&] {
        if (fs_.is_directory(folder / name)) {
          count_bytes(folder / name);
        } else {
          total_ += fs_.file_size(folder / name);
        }
      });
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
    rows failed;
    uint64_t num_bytes = 0;
    if (!attempt(failed, file, [&] { num_bytes = size_of(file); })) return failed.front();
    return {file, file_verdict::not_referenced, num_bytes, std::nullopt, std::move(why)};
  }

  bool is_missing(const path& file) {
    try {
      return !fs_.exists(file);
    } catch (const error&) {
      return false;
    }
  }

  /// Does what reads a file, and notes how that went. False when it is damaged or cannot be read.
  template <class Operation>
  bool look_at(checked_index& i, const path& file, const Operation& operation) {
    throw_if_cancelled(options_.cancel, file.string());
    checked_file result{file, file_verdict::fine, 0, std::nullopt, {}};
    try {
      result.num_bytes = size_of(file);
      operation();
    } catch (const error& e) {
      if (e.code() == errc::cancelled) throw;
      result.verdict = is_missing(file) ? file_verdict::damaged : verdict_of(e.code());
      result.reason = e.what();
      if (const auto* located = dynamic_cast<const located_error*>(&e)) result.offset = located->offset();
    }
    i.files.push_back(std::move(result));
    return !i.files.back().is_bad();
  }

  void check_index(checked_index& i) {
    const path folder = root_ / i.name;
    path current = folder / data_folder::current_name;
    std::optional<index_record> record;
    uint64_t num_bytes = 0;
    const bool is_known = look_at(i, current, [&] {
      current = record_file_of(fs_, folder);
      record = read_index_record(fs_, root_, i.name);
      num_bytes = size_of(current);
      advance(num_bytes);
    });
    // Which of the two files it is shows on the way.
    i.files.back().file = current;
    if (is_known) i.files.back().num_bytes = num_bytes;
    if (!is_known) {
      check_newest_generation(i, folder);
      return;
    }
    if (!record) {
      i.files.back() = unreferenced(folder, "what an interrupted create left, or nothing of an index");
      return;
    }
    i.generation = record->generation;
    i.deleted = record->deleted;
    const path live = folders_of(root_, *record).data.parent_path();
    for (const std::string& name : list(i.files, folder)) {
      if (folder / name == current || (!i.deleted && folder / name == live)) continue;
      i.files.push_back(
          unreferenced(folder / name, i.deleted ? "of a deleted index" : "not of the live generation"));
    }
    if (!i.deleted) check_generation(i, folders_of(root_, *record));
  }

  /// Generations only grow: that one is the live one, unless the index is deleted.
  void check_newest_generation(checked_index& i, const path& folder) {
    uint64_t newest = 0;
    for (const std::string& name : list(i.files, folder)) {
      newest = std::max(newest, parse_generation_name(name).value_or(0));
    }
    if (newest > 0) check_generation(i, folders_of(root_, {i.name, newest, false}));
  }

  void check_generation(checked_index& i, const index_folders& folders) {
    manifest named;
    const path file = folders.data / manifest_file_name;
    const bool is_known = look_at(i, file, [&] {
      named = read_manifest(fs_, folders.data);
      advance(size_of(file));
    });
    if (!is_known) {
      // Nobody knows which segments count, nor where the log has to begin.
      for (const std::string& name : list(i.files, folders.data)) {
        if (name.ends_with(".seg")) check_segment(i, folders.data / name, nullptr);
      }
      check_log(i, folders.oplog, std::nullopt);
      return;
    }
    std::set<std::string> expected{std::string(manifest_file_name)};
    for (const manifest_entry& entry : named.segments) {
      expected.insert(entry.file_name);
      i.version = entry.info.last_commit;
      check_segment(i, folders.data / entry.file_name, &entry.info);
    }
    for (const std::string& name : list(i.files, folders.data)) {
      if (expected.contains(name)) continue;
      i.files.push_back(unreferenced(folders.data / name, "not in the manifest"));
    }
    check_log(i, folders.oplog, i.version);
    for (const std::string& name : list(i.files, folders.data.parent_path())) {
      const path entry = folders.data.parent_path() / name;
      if (entry != folders.data && entry != folders.oplog)
        i.files.push_back(unreferenced(entry, "kept by a repair"));
    }
  }

  void check_segment(checked_index& i, const path& file, const segment_info* expected) {
    look_at(i, file, [&] {
      open_options opening;
      opening.cancel = options_.cancel;
      opening.on_progress = [this](uint64_t bytes) { advance(bytes); };
      check_postings(*open_segment(fs_, file, expected, opening), file.string(), options_.cancel);
    });
  }

  /// `after`: the newest commit that segments hold, if anybody knows.
  void check_log(checked_index& i, const path& folder, std::optional<commit_id> after) {
    const oplog_inspection found = fp::check_log(fs_, folder, after.value_or(max_commit_id), options_.cancel);
    const auto add_bad = [&](uint64_t num_bytes) {
      const auto& [file, offset, code, reason] = *found.first;
      i.files.push_back({file, verdict_of(code), num_bytes, std::nullopt, reason});
      if (file != folder) i.files.back().offset = offset;
    };
    std::set<std::string> seen;
    bool is_told = false;
    for (const oplog_inspection::file& f : found.files) {
      seen.insert(f.file.filename().string());
      advance(f.num_bytes);
      if (found.first && f.file == found.first->file) {
        add_bad(f.num_bytes);
        is_told = true;
        continue;
      }
      checked_file result{f.file, file_verdict::fine, f.num_bytes, std::nullopt, {}};
      if (!f.reached) {
        result.verdict = file_verdict::not_reached;
        result.reason = "behind the damage";
      } else if (f.torn_bytes > 0) {
        result.reason = std::to_string(f.torn_bytes) +
                        " bytes of a write that was never acknowledged; the next start cuts them off";
      }
      i.files.push_back(std::move(result));
    }
    if (found.first && !is_told) {
      seen.insert(found.first->file.filename().string());
      rows ignored;
      uint64_t num_bytes = 0;
      attempt(ignored, found.first->file, [&] { num_bytes = size_of(found.first->file); });
      add_bad(num_bytes);
    }
    if (after) i.version = std::max(i.version, found.last_commit);
    for (const std::string& name : list(i.files, folder)) {
      if (!seen.contains(name)) i.files.push_back(unreferenced(folder / name, "not of the log"));
    }
  }

  file_system& fs_;
  const path& root_;
  const check_options& options_;
  std::unique_ptr<file_lock> lock_;
  check_report report_;
  uint64_t done_ = 0, total_ = 0;
};

bool has_damage(const std::vector<checked_file>& files) noexcept {
  return std::ranges::any_of(files, &checked_file::is_bad);
}

}  // namespace

std::string_view to_string(file_verdict v) noexcept {
  switch (v) {
    case file_verdict::fine:
      return "fine";
    case file_verdict::damaged:
      return "damaged";
    case file_verdict::unreadable:
      return "unreadable";
    case file_verdict::not_referenced:
      return "not referenced";
    case file_verdict::not_reached:
      return "not reached";
  }
  return "unknown";
}

bool checked_index::is_damaged() const noexcept { return has_damage(files); }

bool check_report::is_damaged() const noexcept {
  return has_damage(others) || std::ranges::any_of(indexes, &checked_index::is_damaged);
}

check_report check_data_folder(file_system& fs, const path& root, const check_options& options) {
  return checker(fs, root, options).run();
}

}  // namespace fp
