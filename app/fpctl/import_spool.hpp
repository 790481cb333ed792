#pragma once

#include <memory>

#include "core/fs/file_system.hpp"

namespace fp::ctl {

/// A folder for what an import makes on the way, `fpctl-import-<process id>` in another one. It goes with the
/// object; what a run that was killed has left there goes when the next one begins.
class import_spool {
 public:
  /// Throws `io_error` when the folder cannot be made.
  import_spool(file_system& fs, const path& parent);
  ~import_spool();
  import_spool(const import_spool&) = delete;
  import_spool& operator=(const import_spool&) = delete;

  /// An empty folder in it, which takes the place of the one before.
  path make_folder();

 private:
  void remove_left_overs(const path& parent);

  file_system& fs_;
  path folder_;
  std::unique_ptr<file_lock> lock_;
};

}  // namespace fp::ctl
