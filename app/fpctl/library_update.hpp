#pragma once

#include <functional>
#include <string>
#include <vector>

#include "app/fpctl/library_session.hpp"
#include "app/fpctl/recording_reader.hpp"
#include "app/library/sync_plan.hpp"

namespace fp::ctl {

struct library_update_options {
  std::string index;
  std::vector<std::string> paths;
  bool deletes = false;      ///< recordings of vanished files
  bool allow_empty = false;  ///< also where a walked folder has none at all
  bool again = false;        ///< fingerprints known files, too
  bool dry_run = false;
  recording_reader_options reading;
  uint32_t ready_wait_ms = 0;
};

/// What an update did, or would do.
struct library_update_report {
  struct item {
    std::string path;
    document_id id = 0;  ///< 0: none yet
    std::string former_path;
  };
  struct problem {
    std::string path, reason;
  };

  std::vector<item> added, replaced, touched, moved, deleted;
  std::vector<problem> unreadable;   ///< files and folders
  std::vector<problem> in_part;      ///< of these, less than their durations promise is fingerprinted
  std::vector<std::string> refused;  ///< what looks like unmounted disks: nothing is deleted
  uint64_t num_unchanged = 0, num_left_alone = 0, num_hashes = 0, num_sent = 0;
  bool created = false;  ///< the index was made
  uint64_t generation = 0;

  bool is_complete() const noexcept { return unreadable.empty() && in_part.empty() && refused.empty(); }
};

/// Brings a library and an index to what lies in folders. Killed at any moment, it loses no fingerprint that was
/// made, and the next one goes on.
class library_update {
 public:
  struct progress {
    uint64_t done_bytes = 0, total_bytes = 0;  ///< of the files that are read
    uint64_t files = 0;
  };

  library_update(client& node, recording_library& library, library_update_options options);

  std::function<void(const progress&)> on_progress = [](const progress&) {};
  /// Is told in a sentence what a person should know at once.
  std::function<void(const std::string&)> on_note = [](const std::string&) {};

  /// Throws what stops all of it; what was done until then is in the report.
  void run();
  const library_update_report& report() const noexcept { return report_; }

 private:
  void read_all(library_session& session, sync_plan& plan);
  void take(library_session& session, sync_plan& plan, recording_reader::outcome& read);
  void note_problem(std::vector<library_update_report::problem>& list, std::string path, std::string reason);

  client& node_;
  recording_library& library_;
  library_update_options options_;
  library_update_report report_;
};

/// What a dry run would do, from a library that may not be there.
library_update_report plan_library_update(recording_library* library, const library_update_options& options);

}  // namespace fp::ctl
