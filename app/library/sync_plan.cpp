#include "app/library/sync_plan.hpp"

#include <algorithm>

#include "core/identify/hop.hpp"

namespace fp {

bool is_below(std::string_view path, std::string_view folder) noexcept {
  if (folder == "/") return path.starts_with('/');
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

namespace {

bool is_below_any(std::string_view path, const std::vector<std::string>& folders) {
  return std::ranges::any_of(folders, [&](const auto& folder) { return is_below(path, folder); });
}

}  // namespace

sync_plan::sync_plan(const audio_walk& walk, const std::vector<recording>& known, const std::string& form,
                     bool again) {
  std::map<std::string_view, const recording*> by_path;
  for (const auto& r : known) by_path[r.path] = &r;
  for (const auto& file : walk.files) {
    const auto at = by_path.find(file.path);
    if (at == by_path.end()) {
      to_fingerprint_.push_back(file);
      continue;
    }
    const auto& r = *at->second;
    if (r.size == file.size && r.mtime_ns == file.mtime_ns && r.form == form && !again) {
      num_unchanged_++;
    } else {
      changed_.emplace(file.path, r);
      to_fingerprint_.push_back(file);
    }
    by_path.erase(at);
  }
  std::vector<std::string> unread;
  for (const auto& one : walk.unreadable) {
    if (!one.missing) unread.push_back(one.path);
  }
  for (const auto& [path, r] : by_path) {
    if (!is_below_any(path, walk.roots) || is_below_any(path, unread)) continue;
    vanished_.emplace(r->id, *r);
    vanished_by_facts_.emplace(std::pair(r->size, r->mtime_ns), r->id);
  }
  find_emptied(walk, known);
}

void sync_plan::find_emptied(const audio_walk& walk, const std::vector<recording>& known) {
  auto folders = walk.empty_folders;
  for (const auto& root : walk.roots) {
    const bool has = std::ranges::any_of(walk.files, [&](const auto& f) { return is_below(f.path, root); });
    if (!has && std::ranges::find(folders, root) == folders.end()) folders.push_back(root);
  }
  std::set<std::string_view> paths;
  for (const auto& r : known) paths.insert(r.path);
  for (const auto& folder : folders) {
    const auto first_inside = paths.lower_bound(folder == "/" ? folder : folder + "/");
    if (paths.contains(folder) || (first_inside != paths.end() && is_below(*first_inside, folder))) {
      emptied_.push_back(folder);
    }
  }
}

sync_plan::decision sync_plan::decide(const audio_file& file, std::optional<uint64_t> digest) {
  if (const auto at = changed_.find(file.path); at != changed_.end()) {
    const auto& r = at->second;
    return {digest && r.digest == *digest ? change::touched : change::replaced, r.id, r.path};
  }
  auto [at, end] = vanished_by_facts_.equal_range({file.size, file.mtime_ns});
  for (; at != end; ++at) {
    const auto found = vanished_.find(at->second);
    if (digest && found->second.digest != *digest) continue;
    decision moved{change::moved, found->first, found->second.path};
    vanished_by_facts_.erase(at);
    vanished_.erase(found);
    return moved;
  }
  return {};
}

std::vector<recording> sync_plan::vanished() const {
  std::vector<recording> all;
  for (const auto& [id, r] : vanished_) all.push_back(r);
  std::ranges::sort(all, {}, &recording::path);
  return all;
}

uint64_t promised_hashes(double duration_s, uint32_t length_s) noexcept {
  if (length_s > 0) duration_s = std::min(duration_s, static_cast<double>(length_s));
  return hashes_of(static_cast<size_t>(std::clamp(duration_s * pcm_rate, 0.0, 1e18)));
}

bool is_in_part(uint64_t num_hashes, double duration_s, uint32_t length_s) noexcept {
  const auto promised = promised_hashes(duration_s, length_s);
  constexpr uint64_t two_seconds = 16;
  return num_hashes + promised / 10 + two_seconds < promised;
}

}  // namespace fp
