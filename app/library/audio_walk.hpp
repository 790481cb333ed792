#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fp {

/// A file with a recording, as it lies on the disk.
struct audio_file {
  std::string path;  ///< as in `recording`
  uint64_t size = 0;
  int64_t mtime_ns = 0;

  friend bool operator==(const audio_file&, const audio_file&) = default;
};

/// What lies at a path, links followed; nothing when it cannot be looked at.
std::optional<audio_file> audio_file_at(const std::string& path);

/// A file or folder that could not be looked at.
struct unreadable_path {
  std::string path, reason;
  bool missing = false;  ///< there is nothing; else nobody knows what there is

  friend bool operator==(const unreadable_path&, const unreadable_path&) = default;
};

struct audio_walk {
  /// What was walked, as in `recording`: the folders and files that were named, and folders to which links lead.
  std::vector<std::string> roots;
  std::vector<audio_file> files;  ///< by path; none twice
  std::vector<unreadable_path> unreadable;
  std::vector<std::string> empty_folders;  ///< in which there is nothing at all
  uint64_t left_alone = 0;                 ///< files whose names are none of audio files
};

/// Whether a file's name ends as those of files with recordings do: what FFmpeg reads, in any case.
bool has_audio_name(const std::filesystem::path& file);

/// A path as libraries hold it: absolute, without symbolic links in it as far as it exists.
std::string resolved_path(const std::filesystem::path& file);

/// Looks for recordings below folders, and takes each file that is named itself, or `is_known`, whatever its name.
/// What symbolic links lead to is taken at its own path, once, so that links in a circle end. What is missing or
/// cannot be read is in the report and no error.
audio_walk walk_audio(const std::vector<std::string>& paths,
                      const std::function<bool(const std::string& path)>& is_known = {});

}  // namespace fp
