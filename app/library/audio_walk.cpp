#include "app/library/audio_walk.hpp"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <set>
#include <system_error>
#include <utility>

namespace fp {

namespace {

namespace fs = std::filesystem;

constexpr auto audio_endings = std::to_array<std::string_view>(
    {"aac", "ac3", "aif", "aifc", "aiff", "alac", "amr", "ape", "au",  "caf", "dff",  "dsf", "dts", "flac",
     "it",  "m4a", "m4b", "m4r",  "mka",  "mod",  "mp1", "mp2", "mp3", "mp4", "mpc",  "oga", "ogg", "opus",
     "ra",  "s3m", "shn", "snd",  "spx",  "tak",  "tta", "voc", "w64", "wav", "webm", "wma", "xm"});
static_assert(std::ranges::is_sorted(audio_endings));

audio_file file_of(const std::string& path, const struct stat& facts) {
  return {path, static_cast<uint64_t>(facts.st_size),
          int64_t{facts.st_mtim.tv_sec} * 1'000'000'000 + facts.st_mtim.tv_nsec};
}

class walker {
 public:
  walker(audio_walk& report, const std::function<bool(const std::string&)>& is_known)
      : report_(report), is_known_(is_known) {}

  /// Takes what was named by its path without links.
  void take_root(const std::string& path) {
    struct stat facts {};
    report_.roots.push_back(path);
    if (::stat(path.c_str(), &facts) != 0) {
      add_unreadable(path, errno);
    } else if (S_ISDIR(facts.st_mode)) {
      walk(path, facts);
    } else if (S_ISREG(facts.st_mode)) {
      add_file(path, facts);
    } else {
      report_.unreadable.push_back({path, "is no regular file", false});
    }
  }

 private:
  void take(const std::string& path) {
    struct stat facts {};
    if (::lstat(path.c_str(), &facts) != 0) return add_unreadable(path, errno);
    if (S_ISLNK(facts.st_mode)) {
      follow(path);
    } else if (S_ISDIR(facts.st_mode)) {
      walk(path, facts);
    } else {
      take_file(path, has_audio_name(path), facts);
    }
  }
  void follow(const std::string& link) {
    const bool is_audio = has_audio_name(link);
    struct stat facts {};
    std::error_code failed;
    const auto target = fs::canonical(link, failed).string();
    if (failed || ::stat(target.c_str(), &facts) != 0) {
      if (is_audio) report_.unreadable.push_back({link, "is a link that leads nowhere", true});
    } else if (!S_ISDIR(facts.st_mode)) {
      take_file(target, is_audio || has_audio_name(target), facts);
    } else if (walk(target, facts)) {
      report_.roots.push_back(target);
    }
  }
  void take_file(const std::string& path, bool is_audio, const struct stat& facts) {
    if (S_ISREG(facts.st_mode) && (is_audio || (is_known_ && is_known_(path)))) {
      add_file(path, facts);
    } else {
      report_.left_alone++;
    }
  }
  /// False when it was walked before.
  bool walk(const std::string& folder, const struct stat& facts) {
    if (!seen_.emplace(facts.st_dev, facts.st_ino).second) return false;
    struct closer {
      void operator()(DIR* opened) const noexcept { ::closedir(opened); }
    };
    std::vector<std::string> names;
    {
      const std::unique_ptr<DIR, closer> opened(::opendir(folder.c_str()));
      errno = opened ? 0 : errno;
      while (const auto* entry = opened ? ::readdir(opened.get()) : nullptr) {
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..") names.emplace_back(name);
        errno = 0;
      }
      if (errno != 0) add_unreadable(folder, errno);
      if (errno == 0 && names.empty()) report_.empty_folders.push_back(folder);
    }
    // In one order, whichever way the file system has.
    std::ranges::sort(names);
    for (const auto& name : names) take(folder.ends_with('/') ? folder + name : folder + "/" + name);
    return true;
  }
  void add_file(const std::string& path, const struct stat& facts) {
    report_.files.push_back(file_of(path, facts));
  }
  void add_unreadable(const std::string& path, int reason) {
    report_.unreadable.push_back({path, std::strerror(reason), reason == ENOENT || reason == ENOTDIR});
  }

  audio_walk& report_;
  const std::function<bool(const std::string&)>& is_known_;
  std::set<std::pair<dev_t, ino_t>> seen_;
};

}  // namespace

std::optional<audio_file> audio_file_at(const std::string& path) {
  struct stat facts {};
  if (::stat(path.c_str(), &facts) != 0) return std::nullopt;
  return file_of(path, facts);
}

bool has_audio_name(const fs::path& file) {
  auto ending = file.extension().string();
  if (ending.empty()) return false;
  ending.erase(0, 1);
  for (auto& c : ending) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return std::ranges::binary_search(audio_endings, std::string_view(ending));
}

std::string resolved_path(const fs::path& file) {
  std::error_code failed;
  auto resolved = fs::weakly_canonical(fs::absolute(file), failed);
  if (failed) resolved = fs::absolute(file).lexically_normal();
  auto text = resolved.string();
  while (text.size() > 1 && text.ends_with('/')) text.pop_back();
  return text;
}

audio_walk walk_audio(const std::vector<std::string>& paths,
                      const std::function<bool(const std::string& path)>& is_known) {
  audio_walk report;
  walker w(report, is_known);
  for (const auto& path : paths) w.take_root(resolved_path(path));
  std::ranges::sort(report.files, {}, &audio_file::path);
  const auto twice = std::ranges::unique(report.files, {}, &audio_file::path);
  report.files.erase(twice.begin(), twice.end());
  return report;
}

}  // namespace fp
