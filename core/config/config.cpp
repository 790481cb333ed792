#include "core/config/config.hpp"

#include <algorithm>
#include <array>

#include "core/base/error.hpp"
#include "core/segment/segment_format.hpp"

namespace fp {

namespace {

constexpr std::array<std::string_view, 7> log_levels{"trace", "debug", "info", "warn", "error", "critical", "off"};

bool is_log_level(std::string_view text) { return std::ranges::find(log_levels, text) != log_levels.end(); }

bool is_log_format(std::string_view text) { return text == "text" || text == "json"; }

void require_at_most(std::string_view key, uint64_t value, std::string_view other, uint64_t bound) {
  if (value <= bound) return;
  throw error(errc::invalid_configuration, std::string(key) + ": found " + std::to_string(value) +
                                               ", allowed at most " + std::string(other) + ", which is " +
                                               std::to_string(bound));
}

}  // namespace

void add_data_folder_option(option_list& o, config& c) {
  o.folder("dir", c.dir, "Data folder; created when it is missing");
}

void add_index_options(option_list& o, config& c) {
  o.number("max_concurrent_loads", c.max_concurrent_loads, 0, 256,
           "Segments that load at the same time, in the whole node; 0: as many as cores", "--load-concurrency");
  o.number("parallel_loading_threshold", c.parallel_loading_threshold, 1, 1'000'000,
           "An index with fewer segments than this loads them one after the other", "--parallel-threshold");
  o.on_off("parallel_loading", c.parallel_loading, "Load segments in parallel; off is for debugging");
  o.choice(
      "segment_load_mode", c.segment_load_mode,
      "map: segments stay in the page cache; read: they are copied into the node's own memory; disk: as map, for "
      "indexes larger than memory");

  o.number("max_waiting_requests", c.max_waiting_requests, 0, 1'000'000,
           "Requests that may wait for one index to become ready");
  o.number("max_ready_wait_ms", c.max_ready_wait_ms, 0, hour_ms,
           "How long a request may wait for an index to become ready, in milliseconds");

  o.number("max_update_bytes", c.max_update_bytes, KiB, GiB, "Largest update that is accepted, in bytes");
  o.number("max_queued_updates", c.max_queued_updates, 1, 1'000'000,
           "Updates that may wait for the oplog of one index");
  o.number("max_queued_update_bytes", c.max_queued_update_bytes, KiB, 1024 * GiB,
           "Bytes of updates that may wait for the oplog of one index");
  o.number("oplog_file_bytes", c.oplog_file_bytes, KiB, 64 * GiB,
           "Size at which the oplog begins a new file, in bytes");
  o.number("max_open_logs", c.max_open_logs, 1, 1'000'000,
           "Files of oplogs and manifests that all indexes together have open; at most a quarter of the "
           "descriptors that the process may have");

  o.number("max_snapshot_streams", c.max_snapshot_streams, 1, 256,
           "Backups of indexes that may be on their way out at one time; more are told to come back "
           "later");
  o.number("max_restores", c.max_restores, 1, 256,
           "Restores that may run at one time; more are told to come back later");
  o.number("backup_idle_timeout_ms", c.backup_idle_timeout_ms, 1, 24 * hour_ms,
           "How long a remote actor may be silent in a backup or restore, in milliseconds");

  o.number("checkpoint_threshold", c.checkpoint_threshold, 0, 1'000'000'000,
           "Postings in memory at which they are written to a segment file; 0: at once");
  o.number("checkpoint_age_ms", c.checkpoint_age_ms, 0, 24 * hour_ms,
           "Age at which commits in memory are written to a segment file, in milliseconds; 0: never by "
           "age");
  o.number("checkpoint_commits", c.checkpoint_commits, 0, 1'000'000'000'000,
           "Commits in memory at which they are written to a segment file; 0: never by their number");
  o.number("checkpoint_log_bytes", c.checkpoint_log_bytes, 0, 1024 * GiB,
           "Bytes of commits in memory, as the log takes them, at which they are written to a segment file; "
           "0: never by that");
  o.number("idle_merge_after_ms", c.idle_merge_after_ms, 0, 24 * hour_ms,
           "How long nobody writes to an index before it is written out and merged on, in milliseconds; 0: "
           "never");
  o.number("max_memory_segments", c.max_memory_segments, 1, 1024,
           "Memory segments that an index may have before they are merged");
  o.number("min_segment_size", c.merge.min_segment_size, 1, max_segment_postings,
           "Smaller file segments count as this large in merging, in postings");
  o.number("max_segment_size", c.merge.max_segment_size, 1, max_segment_postings,
           "No merge makes a larger file segment, in postings");
  o.number("segments_per_level", c.merge.segments_per_level, 2, 1024,
           "Segments of similar size that may stand side by side");
  o.number("segments_per_merge", c.merge.segments_per_merge, 2, 1024, "Segments that are merged at once, at most");
  o.number("max_segments", c.merge.max_segments, 0, 1'000'000,
           "Bound on an index's file segments, whatever their sizes; 0: none");
  o.number("max_dead_share", c.merge.max_dead_share, 1, 100,
           "Percentage of a file segment that may be rewritten or deleted before it is merged, alone if "
           "need be");
  o.number("idle_merge_factor", c.merge.idle_merge_factor, 2, 1000,
           "Postings that a merge may write for each one that joins a larger segment, while nobody writes");

  o.number("scrub_bytes_per_second", c.scrub_bytes_per_second, 0, 1024 * GiB,
           "Rate at which loaded segment files are verified again in the background, in the whole node, in "
           "bytes; 0: never");
  o.number("scrub_interval_ms", c.scrub_interval_ms, 1'000, 30 * uint64_t{24} * hour_ms,
           "From the beginning of one round of that to the beginning of the next, at least, in "
           "milliseconds");

  add_options(o, c.cluster);

  o.number("threads", c.threads, 0, 1024, "Threads that search, and as many that pass messages; 0: one per core");
  o.number("log_threads", c.log_threads, 1, 256,
           "Threads that write and sync the logs and manifests of all indexes");
  o.number("upkeep_threads", c.upkeep_threads, 1, 256,
           "Threads for the checkpoints and memory merges of all indexes, and as many for merges of "
           "files");
  o.number("max_queued_searches", c.max_queued_searches, 1, 1'000'000, "Searches that may wait for a searcher");
  o.number("max_search_bytes", c.max_search_bytes, 1024 * KiB, 1024 * GiB,
           "Memory that one search may take, in bytes; what needs more takes several passes over the "
           "postings");

  o.number("slow_search_ms", c.slow_search_ms, 0, hour_ms,
           "Searches that take so long are logged, in milliseconds; 0: none");
  o.text("log_level", c.log_level, is_log_level, "trace, debug, info, warn, error, critical or off",
         "Messages below this level are not logged");
  o.text("log_format", c.log_format, is_log_format, "text or json",
         "text: lines for people; json: one object a line with time, level and message");
  o.file("log_file", c.log_file, "File that is logged to, opened again on SIGHUP; empty: standard error");
  o.number("log_rotate_bytes", c.log_rotate_bytes, 0, 1024 * GiB,
           "Size at which the log file is renamed and a new one begun, in bytes; 0: never");
  o.number("log_rotate_files", c.log_rotate_files, 1, 1'000, "Renamed log files that are kept");
  o.may_change({"max_concurrent_loads",
                "parallel_loading_threshold",
                "parallel_loading",
                "segment_load_mode",
                "checkpoint_threshold",
                "checkpoint_age_ms",
                "checkpoint_commits",
                "checkpoint_log_bytes",
                "idle_merge_after_ms",
                "max_memory_segments",
                "min_segment_size",
                "max_segment_size",
                "segments_per_level",
                "segments_per_merge",
                "max_segments",
                "max_dead_share",
                "idle_merge_factor",
                "scrub_bytes_per_second",
                "scrub_interval_ms",
                "slow_search_ms",
                "log_level"});
  o.rule([&c] {
    require_at_most("min_segment_size", c.merge.min_segment_size, "max_segment_size", c.merge.max_segment_size);
    require_at_most("max_update_bytes", c.max_update_bytes, "max_queued_update_bytes", c.max_queued_update_bytes);
  });
}

}  // namespace fp
