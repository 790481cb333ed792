#pragma once

#include <cstdint>
#include <string>

#include "core/config/cluster_settings.hpp"
#include "core/config/option_list.hpp"
#include "core/merge/merge_policy_options.hpp"
#include "core/segment/load_mode.hpp"

namespace fp {

/// How indexes are kept, loaded, searched, written and looked after, whoever asks for that. Each member is an
/// option, which is the source of its key, flag, range and help text.
struct config {
  std::string dir = "data";

  // Loading.
  uint32_t max_concurrent_loads = 4;        // flag: --load-concurrency
  uint32_t parallel_loading_threshold = 3;  // flag: --parallel-threshold
  bool parallel_loading = true;
  load_mode segment_load_mode = load_mode::map;

  // Readiness.
  uint32_t max_waiting_requests = 10'000;  ///< requests that may wait for an index to load
  uint32_t max_ready_wait_ms = 30'000;

  // Writing.
  uint32_t max_update_bytes = 16u << 20;
  uint32_t max_queued_updates = 1'024;
  uint64_t max_queued_update_bytes = uint64_t{256} << 20;
  uint64_t oplog_file_bytes = uint64_t{64} << 20;
  uint32_t max_open_logs = 256;  ///< of all indexes together

  // Backups.
  uint32_t max_snapshot_streams = 4;
  uint32_t max_restores = 2;
  uint32_t backup_idle_timeout_ms = 300'000;  ///< for a remote actor that takes or sends no more of a backup

  // Checkpoints and merges.
  uint64_t checkpoint_threshold = 1'000'000;           ///< postings in memory segments
  uint32_t checkpoint_age_ms = 60'000;                 ///< age of the oldest commit in memory; 0: never by age
  uint64_t checkpoint_commits = 100'000;               ///< in memory segments; 0: never by their number
  uint64_t checkpoint_log_bytes = uint64_t{64} << 20;  ///< that commits in memory take; 0: never by that
  uint32_t idle_merge_after_ms = 3'000;                ///< since the last write; 0: never
  uint32_t max_memory_segments = 16;
  merge_policy_options merge;  // min_segment_size, max_segment_size, segments_per_level, ...

  // Scrubbing.
  uint64_t scrub_bytes_per_second = uint64_t{8} << 20;  ///< of all indexes together; 0: off
  uint32_t scrub_interval_ms = 86'400'000;              ///< from the beginning of one round to that of the next

  // Threads.
  uint32_t threads = 0;         ///< searchers, and as many workers of CAF; 0: one per core
  uint32_t log_threads = 4;     ///< that write and sync logs and manifests
  uint32_t upkeep_threads = 2;  ///< for checkpoints and merges in memory, and as many for merges of files

  cluster_settings cluster;

  // Searching.
  uint32_t max_queued_searches = 4'096;
  uint64_t max_search_bytes = uint64_t{64} << 20;  ///< of one search

  // Logging.
  uint32_t slow_search_ms = 1'000;  ///< 0: no search is slow
  std::string log_level = "info";
  std::string log_format = "text";                 ///< "text" or "json"
  std::string log_file;                            ///< empty: standard error
  uint64_t log_rotate_bytes = uint64_t{64} << 20;  ///< 0: never by size
  uint32_t log_rotate_files = 5;                   ///< older files that are kept
};

/// Adds `dir`, and the settings of everything else in it, to a program's options.
void add_data_folder_option(option_list& o, config& c);
void add_index_options(option_list& o, config& c);

}  // namespace fp
