#include <optional>
#include <utility>

#include "core/base/in_doubt_error.hpp"
#include "core/fs/file_system.hpp"

namespace fp {

path folder_of(const path& file) { return file.has_parent_path() ? file.parent_path() : path("."); }

namespace {

constexpr std::string_view temporary_suffix = ".tmp";

void write_durably(file_system& fs, const path& file, std::span<const std::byte> contents) {
  const auto out = fs.create(file);
  out->write_at(0, contents);
  out->sync();
}

void rename_durably(file_system& fs, const path& from, const path& to) {
  fs.rename(from, to);
  fs.sync_directory(folder_of(to));
}

/// Puts back what a file held before a replacement that failed somewhere. A failed rename does not tell whether it
/// took effect, and one that did is seen by every reader. False: that failed too.
bool undo_replacement(file_system& fs, const path& temporary, const path& file,
                      const std::optional<std::string>& before) noexcept {
  try {
    fs.remove(temporary);
    if (!before) {
      fs.remove(file);
      fs.sync_directory(folder_of(file));
    } else if (read_file(fs, file, UINT64_MAX) != *before) {
      write_durably(fs, temporary, std::as_bytes(std::span(*before)));
      rename_durably(fs, temporary, file);
    }
    return true;
  } catch (...) {
    // The first failure is the one to report; whoever sweeps the folder knows the name as temporary.
    return false;
  }
}

}  // namespace

void replace_file(file_system& fs, const path& file, std::span<const std::byte> contents) {
  path temporary = file;
  temporary += temporary_suffix;
  std::optional<std::string> before;
  if (fs.exists(file)) before = read_file(fs, file, UINT64_MAX);
  bool may_have_changed = false;
  try {
    write_durably(fs, temporary, contents);
    may_have_changed = true;
    rename_durably(fs, temporary, file);
  } catch (const error& e) {
    if (undo_replacement(fs, temporary, file, before) || !may_have_changed) throw;
    throw in_doubt_error(e.code(), std::string(e.what()) + "; undoing it failed too, so that " + file.string() +
                                       " may be as it was or as it was to be");
  } catch (...) {
    // Nothing that the renaming or what follows throws.
    undo_replacement(fs, temporary, file, before);
    throw;
  }
}

void replace_file(file_system& fs, const path& file, std::string_view contents) {
  replace_file(fs, file, std::as_bytes(std::span(contents)));
}

std::string read_file(file_system& fs, const path& file, uint64_t max_bytes) {
  const auto in = fs.open(file);
  const uint64_t size = in->size();
  if (size > max_bytes) {
    throw error(errc::corrupt_data, file.string() + ": " + std::to_string(size) + " bytes; at most " +
                                        std::to_string(max_bytes) + " are expected");
  }
  std::string contents(size, '\0');
  contents.resize(in->read_at(0, std::as_writable_bytes(std::span(contents))));
  return contents;
}

bool is_temporary_name(std::string_view name) { return name.ends_with(temporary_suffix); }

}  // namespace fp
