#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/fs/file_system.hpp"

namespace fp::test {

/// Names and contents of the files of one folder, for tests that damage files on purpose.
using folder_contents = std::map<std::string, std::string>;

inline folder_contents read_folder(const path& folder) {
  folder_contents contents;
  for (const std::string& name : posix_file_system().list(folder)) {
    contents[name] = read_file(posix_file_system(), folder / name);
  }
  return contents;
}

/// Makes the files of a folder exactly these, without syncing. Files are made anew: file systems flush a file
/// that was emptied and written again, which is slow.
inline void write_folder(const path& folder, const folder_contents& contents) {
  file_system& fs = posix_file_system();
  for (const std::string& name : fs.list(folder)) fs.remove(folder / name);
  for (const auto& [name, text] : contents) fs.create(folder / name)->write_at(0, std::as_bytes(std::span(text)));
}

}  // namespace fp::test
