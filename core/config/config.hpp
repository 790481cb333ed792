#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/fs/file_system.hpp"
#include "core/merge/merge_policy_options.hpp"
#include "core/segment/load_mode.hpp"

namespace fp {

/// A TCP port from the configuration: a number (0: pick a free one) or off.
struct port_setting {
  bool enabled = true;
  uint16_t port = 0;

  friend bool operator==(const port_setting&, const port_setting&) = default;
};

/// All settings of a node. Each member has one line in the option table (`config_options`), which is the source
/// of keys, flags, defaults, ranges and help texts.
struct config {
  std::string dir = "data";

  // HTTP.
  std::string host = "127.0.0.1";
  port_setting port{true, 8080};
  uint32_t http_threads = 2;
  uint32_t http_max_body_bytes = 16u << 20;
  uint32_t http_max_header_bytes = 16u << 10;  ///< of the request line and all header fields
  uint32_t http_max_connections = 4'096;
  uint32_t http_max_requests_in_flight = 4'096;
  uint32_t http_idle_timeout_ms = 300'000;   ///< between requests, and for a client that takes no more of an answer
  uint32_t http_header_timeout_ms = 10'000;  ///< from the first byte of a request to the end of its header
  uint32_t http_body_timeout_ms = 60'000;    ///< from there to the end of its body
  uint64_t http_max_buffered_bytes = uint64_t{256} << 20;  ///< of bodies and answers of all connections together

  // The line protocol.
  std::string legacy_host = "127.0.0.1";
  port_setting legacy_port{false, 0};
  std::string legacy_index = "main";
  uint32_t legacy_max_connections = 1'024;
  uint64_t legacy_max_transaction_bytes = uint64_t{256} << 20;  ///< of all connections together
  uint32_t legacy_write_timeout_ms = 30'000;                    ///< for a client that takes no more of an answer

  // Remote actors.
  std::string caf_host = "127.0.0.1";
  port_setting caf_port{true, 8090};

  // The door.
  std::string tls_certificate, tls_key, tls_ca;  ///< PEM files; empty: none
  bool caf_tls = false;                          ///< both sides show a certificate of `tls_ca`
  bool http_tls = false;
  std::string token_file;       ///< of HTTP's bearer tokens; empty: whoever reaches HTTP may do anything
  bool allow_insecure = false;  ///< remote actors without TLS and the line protocol beyond loopback

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

  // Searching.
  uint32_t max_queued_searches = 4'096;
  uint64_t max_search_bytes = uint64_t{64} << 20;  ///< of one search

  // Logging.
  std::string log_level = "info";
  std::string log_format = "text";                 ///< "text" or "json"
  std::string log_file;                            ///< empty: standard error
  uint64_t log_rotate_bytes = uint64_t{64} << 20;  ///< 0: never by size
  uint32_t log_rotate_files = 5;                   ///< older files that are kept
};

/// One setting as people see it.
struct config_option {
  std::string_view key;      ///< in the JSON file, e.g. "max_concurrent_loads"
  std::string_view flag;     ///< on the command line, e.g. "--load-concurrency"
  std::string default_text;  ///< e.g. "4"; an empty text is shown as ""
  std::string allowed_text;  ///< e.g. "1 to 256"
  std::string_view help;     ///< one line
};

/// The option table, in the order of config/README.md.
std::vector<config_option> config_options();

/// The option table as a Markdown table (key, flag, default, allowed, meaning), as config/README.md shows it.
std::string config_table_markdown();

/// Reads a configuration: one JSON object, `//` and `/* */` comments allowed. Throws `invalid_configuration` with
/// one line that names the key, what was found and what is allowed: unknown keys (with the nearest known one, if
/// one is near), duplicate keys, wrong types, values out of range, JSON errors with line and column.
config parse_config(std::string_view json, std::string_view source_name);

/// Parses a file. What no single key shows is not checked yet: `validate` sees it when flags have had their say.
config load_config(file_system& fs, const path& file);

/// Overrides one setting by its command-line flag and text, e.g. ("--caf-port", "0"). Same errors.
void apply_flag(config& c, std::string_view flag, std::string_view value);

/// Checks every value, and what no single key can (such as a minimum above its maximum). Called by `parse_config`;
/// to be called again after flags.
void validate(const config& c);

}  // namespace fp
