#include "app/fpctl/import_spool.hpp"

#include <unistd.h>

#include <string>

#include "core/base/error.hpp"

namespace fp::ctl {

namespace {

constexpr std::string_view spool_prefix = "fpctl-import-";
constexpr const char* spool_lock = ".lock";

}  // namespace

import_spool::import_spool(file_system& fs, const path& parent) : fs_(fs) {
  fs_.create_directories(parent);
  remove_left_overs(parent);
  folder_ = parent / (std::string(spool_prefix) + std::to_string(::getpid()));
  fs_.create_directories(folder_);
  lock_ = fs_.lock(folder_ / spool_lock);
}

import_spool::~import_spool() {
  try {
    fs_.remove_all(folder_);
  } catch (const error&) {
    // The next run tries again.
  }
}

/// Who still runs holds a lock.
void import_spool::remove_left_overs(const path& parent) {
  for (const std::string& name : fs_.list(parent)) {
    if (!name.starts_with(spool_prefix)) continue;
    try {
      if (!fs_.exists(parent / name / spool_lock)) continue;
      const auto lock = fs_.lock(parent / name / spool_lock);
      fs_.remove_all(parent / name);
    } catch (const error&) {
      // It is in use, or somebody else's.
    }
  }
}

path import_spool::make_folder() {
  const path folder = folder_ / "index";
  fs_.remove_all(folder);
  fs_.create_directories(folder);
  return folder;
}

}  // namespace fp::ctl
