#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "core/base/cancel.hpp"
#include "core/fpindex/commit_chain.hpp"
#include "core/fpindex/oplog_reader.hpp"
#include "core/fpindex/segment_converter.hpp"
#include "core/fpindex/segment_info.hpp"
#include "core/fs/file_system.hpp"
#include "core/index/snapshot.hpp"

namespace fp::fpindex {

struct import_options {
  /// Takes what is whole and notes the rest, where else damage ends the import.
  bool salvage = false;
  const cancel_flag* cancel = nullptr;
  /// Called from the threads that convert, with the bytes of segment files that are done since the last call: each
  /// byte counts twice.
  std::function<void(uint64_t bytes)> on_progress = {};
};

/// What an import has met.
struct import_report {
  uint64_t num_repeating = 0;       ///< live documents that hold a hash more than once
  uint64_t num_without_items = 0;   ///< live documents without any hash, of the file segments
  uint64_t num_logged = 0;          ///< commits that were in the log alone
  uint64_t num_hidden = 0;          ///< of those, what fpindex itself would not find any more
  uint64_t num_unnamed = 0;         ///< segment files that no manifest names, left alone
  std::vector<std::string> notes;   ///< damage that stopped nothing, a line each
  std::vector<std::string> losses;  ///< what could not be taken, a line each
};

/// Converts an index of fpindex into files of ours: each segment into one, in any order and on any threads, the log
/// behind them into a few. Memory is bounded: some 32 MiB for each thread that converts, what documents and
/// metadata need in sets, and one log file with what it becomes.
class index_import {
 public:
  /// `spool`: an empty folder for the files, which stays the caller's to remove. `segments`: oldest first,
  /// adjacent. `oplog`: may be missing; empty: there is no log. Reads the log. Throws as
  /// `oplog_reader::next`, and `corrupt_data` when versions go back.
  index_import(file_system& fs, path spool, std::vector<segment_info> segments, path oplog,
               import_options options = {});

  const std::vector<segment_info>& segments() const noexcept { return segments_; }

  /// Converts one segment, whose file is `from`; once for each number. Safe from many threads at once. Throws as
  /// `segment_reader` and `convert_segment`; when salvaging, damage and a missing file are noted instead.
  void convert(size_t number, const path& from);
  /// Once all segments are converted: takes the log, and opens what was made. The index is held by the spool's
  /// files alone. Throws as `oplog_reader::next`, `io_error`, `no_space` or `corrupt_data`.
  snapshot_ptr finish();

  /// Complete after `finish`.
  import_report& report() noexcept { return report_; }

 private:
  path file_of(size_t number) const;
  void write_spool(const fp::segment& made, const path& file);
  void lose(size_t number, const std::string& why);
  void count_documents(const snapshot& made, doc_set logged);

  file_system& fs_;
  path spool_;
  std::vector<segment_info> segments_;
  path oplog_;
  import_options options_;
  commit_chain chain_;
  std::vector<commit_range> ranges_;
  std::vector<doc_set> repeating_, without_items_;  ///< of each segment
  std::mutex mutex_;                                ///< of the report, while segments are converted
  import_report report_;
};

}  // namespace fp::fpindex
