#include <utility>

#include "core/base/error.hpp"
#include "core/fs/file_system.hpp"

namespace fp {

namespace {

constexpr std::string_view temporary_suffix = ".tmp";

}  // namespace

void replace_file(file_system& fs, const path& file, std::span<const std::byte> contents) {
  path temporary = file;
  temporary += temporary_suffix;
  const path folder = file.has_parent_path() ? file.parent_path() : path(".");
  try {
    const auto out = fs.create(temporary);
    out->write_at(0, contents);
    out->sync();
    fs.rename(temporary, file);
  } catch (...) {
    try {
      fs.remove(temporary);
    } catch (const error&) {
      // The first failure is the one to report; whoever sweeps the folder knows the name as temporary.
    }
    throw;
  }
  fs.sync_directory(folder);
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
