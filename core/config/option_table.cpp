#include "core/config/option_table.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "core/base/error.hpp"
#include "core/base/printable.hpp"
#include "core/index/data_folder.hpp"
#include "core/segment/segment_format.hpp"

namespace fp {

namespace {

constexpr uint64_t KiB = 1024, MiB = 1024 * KiB, GiB = 1024 * MiB;
constexpr uint32_t hour_ms = 3'600'000;

constexpr std::array<std::string_view, 7> log_levels{"trace", "debug", "info", "warn", "error", "critical", "off"};

bool is_log_level(std::string_view text) { return std::ranges::find(log_levels, text) != log_levels.end(); }

bool is_log_format(std::string_view text) { return text == "text" || text == "json"; }

bool is_folder_name(std::string_view text) {
  return !text.empty() && text.size() <= 4096 && text.find('\0') == std::string_view::npos;
}

bool is_file_name_or_empty(std::string_view text) { return text.empty() || is_folder_name(text); }

/// RFC 1123 host names, with the underscores that container networks use.
bool is_host_name(std::string_view text) {
  if (text.ends_with('.')) text.remove_suffix(1);
  if (text.empty() || text.size() > 253) return false;
  size_t label = 0;
  for (size_t i = 0; i < text.size(); i++) {
    const char c = text[i];
    if (c == '.') {
      if (label == 0 || text[i - 1] == '-') return false;
      label = 0;
      continue;
    }
    const bool alphanumeric = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
    if (!alphanumeric && c != '_' && (c != '-' || label == 0)) return false;
    if (++label > 63) return false;
  }
  return label != 0 && !text.ends_with('-');
}

bool is_host(std::string_view text) {
  const std::string host(text);
  if (host.find('\0') != std::string::npos) return false;
  std::array<unsigned char, sizeof(in6_addr)> address;
  if (host.find(':') != std::string::npos) return inet_pton(AF_INET6, host.c_str(), address.data()) == 1;
  if (host.find_first_not_of("0123456789.") == std::string::npos) {
    return inet_pton(AF_INET, host.c_str(), address.data()) == 1;
  }
  return is_host_name(text);
}

std::string default_flag(std::string_view key) {
  std::string flag = "--" + std::string(key);
  std::ranges::replace(flag, '_', '-');
  return flag;
}

std::string range_text(uint64_t min, uint64_t max) { return std::to_string(min) + " to " + std::to_string(max); }

struct number_line {
  std::string_view key;
  setting (*bind)(config&);
  uint64_t min, max;
  std::string_view help;
  std::string_view flag = {};
};

option number(const number_line& n) {
  return {n.key,
          n.flag.empty() ? default_flag(n.key) : std::string(n.flag),
          n.bind,
          n.min,
          n.max,
          nullptr,
          range_text(n.min, n.max),
          n.help};
}

option text(std::string_view key, setting (*bind)(config&), bool (*valid)(std::string_view), std::string allowed,
            std::string_view help) {
  return {key, default_flag(key), bind, 0, 0, valid, std::move(allowed), help};
}

option choice(std::string_view key, setting (*bind)(config&), std::string allowed, std::string_view help) {
  return {key, default_flag(key), bind, 0, 0, nullptr, std::move(allowed), help};
}

constexpr std::string_view port_allowed = "0 to 65535, or off";

std::vector<option> make_table() {
  std::vector<option> t;
  t.push_back(text(
      "dir", [](config& c) -> setting { return &c.dir; }, is_folder_name, "a folder's name",
      "Data folder; created when it is missing"));

  t.push_back(text(
      "host", [](config& c) -> setting { return &c.host; }, is_host, "an IP address or a host name",
      "Address that the node listens on for HTTP"));
  t.push_back(choice(
      "port", [](config& c) -> setting { return &c.port; }, std::string(port_allowed),
      "Port that the node listens on for HTTP; 0 picks a free one, off does not listen"));
  t.push_back(number({"http_threads", [](config& c) -> setting { return &c.http_threads; }, 1, 64,
                      "Threads that read and write HTTP"}));
  t.push_back(number({"http_max_body_bytes", [](config& c) -> setting { return &c.http_max_body_bytes; }, KiB, GiB,
                      "Largest request body that is accepted, in bytes"}));
  t.push_back(number({"http_max_header_bytes", [](config& c) -> setting { return &c.http_max_header_bytes; }, KiB,
                      MiB, "Largest request header that is accepted, in bytes"}));
  t.push_back(number({"http_max_connections", [](config& c) -> setting { return &c.http_max_connections; }, 1,
                      1'000'000, "HTTP connections that may be open; more are told to come back later"}));
  t.push_back(
      number({"http_max_requests_in_flight", [](config& c) -> setting { return &c.http_max_requests_in_flight; }, 1,
              1'000'000, "HTTP requests that may wait for an answer; more are told to come back later"}));
  t.push_back(
      number({"http_idle_timeout_ms", [](config& c) -> setting { return &c.http_idle_timeout_ms; }, 1, 24 * hour_ms,
              "How long an HTTP connection may rest between requests, or not take its answer, in "
              "milliseconds"}));
  t.push_back(number({"http_header_timeout_ms", [](config& c) -> setting { return &c.http_header_timeout_ms; }, 1,
                      hour_ms, "How long the header of an HTTP request may take to arrive, in milliseconds"}));
  t.push_back(number({"http_body_timeout_ms", [](config& c) -> setting { return &c.http_body_timeout_ms; }, 1,
                      24 * hour_ms, "How long the body of an HTTP request may take to arrive, in milliseconds"}));
  t.push_back(
      number({"http_max_buffered_bytes", [](config& c) -> setting { return &c.http_max_buffered_bytes; }, MiB,
              1024 * GiB, "Bytes that the bodies and answers of all HTTP connections may hold together"}));

  t.push_back(text(
      "legacy_host", [](config& c) -> setting { return &c.legacy_host; }, is_host, "an IP address or a host name",
      "Address that the node listens on for the line protocol"));
  t.push_back(choice(
      "legacy_port", [](config& c) -> setting { return &c.legacy_port; }, std::string(port_allowed),
      "Port that the node listens on for the line protocol; 0 picks a free one, off does not listen"));
  t.push_back(text(
      "legacy_index", [](config& c) -> setting { return &c.legacy_index; }, is_valid_index_name,
      "1 to 255 letters, digits, _ and -", "Index that the line protocol serves; created when it is missing"));
  t.push_back(number({"legacy_max_connections", [](config& c) -> setting { return &c.legacy_max_connections; }, 1,
                      1'000'000, "Connections of the line protocol that may be open; more are closed"}));
  t.push_back(
      number({"legacy_max_transaction_bytes", [](config& c) -> setting { return &c.legacy_max_transaction_bytes; },
              KiB, 1024 * GiB, "Bytes that the open transactions of the line protocol may hold together"}));
  t.push_back(
      number({"legacy_write_timeout_ms", [](config& c) -> setting { return &c.legacy_write_timeout_ms; }, 1,
              hour_ms, "How long a client of the line protocol may not take its answers, in milliseconds"}));

  t.push_back(text(
      "caf_host", [](config& c) -> setting { return &c.caf_host; }, is_host, "an IP address or a host name",
      "Address that the node listens on for other actors"));
  t.push_back(choice(
      "caf_port", [](config& c) -> setting { return &c.caf_port; }, std::string(port_allowed),
      "Port that the node listens on for other actors; 0 picks a free one, off does not listen"));

  t.push_back(text(
      "tls_certificate", [](config& c) -> setting { return &c.tls_certificate; }, is_file_name_or_empty,
      "a file's name, or empty", "Certificate of the node with those that lead to its authority, PEM"));
  t.push_back(text(
      "tls_key", [](config& c) -> setting { return &c.tls_key; }, is_file_name_or_empty, "a file's name, or empty",
      "Private key of the certificate, PEM"));
  t.push_back(text(
      "tls_ca", [](config& c) -> setting { return &c.tls_ca; }, is_file_name_or_empty, "a file's name, or empty",
      "Authority whose certificates other actors must show, PEM"));
  t.push_back(choice(
      "caf_tls", [](config& c) -> setting { return &c.caf_tls; }, "on or off",
      "Other actors reach the node by TLS alone, and both sides show certificates"));
  t.push_back(choice(
      "http_tls", [](config& c) -> setting { return &c.http_tls; }, "on or off", "HTTP is served by TLS alone"));
  t.push_back(text(
      "token_file", [](config& c) -> setting { return &c.token_file; }, is_file_name_or_empty,
      "a file's name, or empty", "Bearer tokens of HTTP with their roles; empty: anybody may do anything"));
  t.push_back(choice(
      "allow_insecure", [](config& c) -> setting { return &c.allow_insecure; }, "on or off",
      "Allow other actors without TLS, and the line protocol, on addresses other than loopback"));

  t.push_back(number({"max_concurrent_loads", [](config& c) -> setting { return &c.max_concurrent_loads; }, 1, 256,
                      "Segments that load at the same time, in the whole node", "--load-concurrency"}));
  t.push_back(
      number({"parallel_loading_threshold", [](config& c) -> setting { return &c.parallel_loading_threshold; }, 1,
              1'000'000, "An index with fewer segments than this loads them one after the other",
              "--parallel-threshold"}));
  t.push_back(choice(
      "parallel_loading", [](config& c) -> setting { return &c.parallel_loading; }, "on or off",
      "Load segments in parallel; off is for debugging"));
  t.push_back(choice(
      "segment_load_mode", [](config& c) -> setting { return &c.segment_load_mode; }, "map or read",
      "map: segments stay in the page cache; read: they are copied into the node's own memory"));

  t.push_back(number({"max_waiting_requests", [](config& c) -> setting { return &c.max_waiting_requests; }, 0,
                      1'000'000, "Requests that may wait for one index to become ready"}));
  t.push_back(number({"max_ready_wait_ms", [](config& c) -> setting { return &c.max_ready_wait_ms; }, 0, hour_ms,
                      "How long a request may wait for an index to become ready, in milliseconds"}));

  t.push_back(number({"max_update_bytes", [](config& c) -> setting { return &c.max_update_bytes; }, KiB, GiB,
                      "Largest update that is accepted, in bytes"}));
  t.push_back(number({"max_queued_updates", [](config& c) -> setting { return &c.max_queued_updates; }, 1,
                      1'000'000, "Updates that may wait for the oplog of one index"}));
  t.push_back(number({"max_queued_update_bytes", [](config& c) -> setting { return &c.max_queued_update_bytes; },
                      KiB, 1024 * GiB, "Bytes of updates that may wait for the oplog of one index"}));
  t.push_back(number({"oplog_file_bytes", [](config& c) -> setting { return &c.oplog_file_bytes; }, KiB, 64 * GiB,
                      "Size at which the oplog begins a new file, in bytes"}));
  t.push_back(number({"max_open_logs", [](config& c) -> setting { return &c.max_open_logs; }, 1, 1'000'000,
                      "Files of oplogs and manifests that all indexes together have open; at most a quarter of the "
                      "descriptors that the process may have"}));

  t.push_back(number({"max_snapshot_streams", [](config& c) -> setting { return &c.max_snapshot_streams; }, 1, 256,
                      "Backups of indexes that may be on their way out at one time; more are told to come back "
                      "later"}));
  t.push_back(number({"max_restores", [](config& c) -> setting { return &c.max_restores; }, 1, 256,
                      "Restores that may run at one time; more are told to come back later"}));
  t.push_back(
      number({"backup_idle_timeout_ms", [](config& c) -> setting { return &c.backup_idle_timeout_ms; }, 1,
              24 * hour_ms, "How long a remote actor may be silent in a backup or restore, in milliseconds"}));

  t.push_back(number({"checkpoint_threshold", [](config& c) -> setting { return &c.checkpoint_threshold; }, 1,
                      1'000'000'000, "Postings in memory at which they are written to a segment file"}));
  t.push_back(
      number({"checkpoint_age_ms", [](config& c) -> setting { return &c.checkpoint_age_ms; }, 0, 24 * hour_ms,
              "Age at which commits in memory are written to a segment file, in milliseconds; 0: never by "
              "age"}));
  t.push_back(number({"checkpoint_commits", [](config& c) -> setting { return &c.checkpoint_commits; }, 0,
                      1'000'000'000'000,
                      "Commits in memory at which they are written to a segment file; 0: never by their number"}));
  t.push_back(
      number({"checkpoint_log_bytes", [](config& c) -> setting { return &c.checkpoint_log_bytes; }, 0, 1024 * GiB,
              "Bytes of commits in memory, as the log takes them, at which they are written to a segment file; "
              "0: never by that"}));
  t.push_back(
      number({"idle_merge_after_ms", [](config& c) -> setting { return &c.idle_merge_after_ms; }, 0, 24 * hour_ms,
              "How long nobody writes to an index before it is written out and merged on, in milliseconds; 0: "
              "never"}));
  t.push_back(number({"max_memory_segments", [](config& c) -> setting { return &c.max_memory_segments; }, 1, 1024,
                      "Memory segments that an index may have before they are merged"}));
  t.push_back(number({"min_segment_size", [](config& c) -> setting { return &c.merge.min_segment_size; }, 1,
                      max_segment_postings, "Smaller file segments count as this large in merging, in postings"}));
  t.push_back(number({"max_segment_size", [](config& c) -> setting { return &c.merge.max_segment_size; }, 1,
                      max_segment_postings, "No merge makes a larger file segment, in postings"}));
  t.push_back(number({"segments_per_level", [](config& c) -> setting { return &c.merge.segments_per_level; }, 2,
                      1024, "Segments of similar size that may stand side by side"}));
  t.push_back(number({"segments_per_merge", [](config& c) -> setting { return &c.merge.segments_per_merge; }, 2,
                      1024, "Segments that are merged at once, at most"}));
  t.push_back(number({"max_segments", [](config& c) -> setting { return &c.merge.max_segments; }, 0, 1'000'000,
                      "Bound on an index's file segments, whatever their sizes; 0: none"}));
  t.push_back(number({"max_dead_share", [](config& c) -> setting { return &c.merge.max_dead_share; }, 1, 100,
                      "Percentage of a file segment that may be rewritten or deleted before it is merged, alone if "
                      "need be"}));
  t.push_back(
      number({"idle_merge_factor", [](config& c) -> setting { return &c.merge.idle_merge_factor; }, 2, 1000,
              "Postings that a merge may write for each one that joins a larger segment, while nobody writes"}));

  t.push_back(number(
      {"scrub_bytes_per_second", [](config& c) -> setting { return &c.scrub_bytes_per_second; }, 0, 1024 * GiB,
       "Rate at which loaded segment files are verified again in the background, in the whole node, in "
       "bytes; 0: never"}));
  t.push_back(number({"scrub_interval_ms", [](config& c) -> setting { return &c.scrub_interval_ms; }, 1'000,
                      30 * uint64_t{24} * hour_ms,
                      "From the beginning of one round of that to the beginning of the next, at least, in "
                      "milliseconds"}));

  t.push_back(number({"threads", [](config& c) -> setting { return &c.threads; }, 0, 1024,
                      "Threads that search, and as many that pass messages; 0: one per core"}));
  t.push_back(number({"log_threads", [](config& c) -> setting { return &c.log_threads; }, 1, 256,
                      "Threads that write and sync the logs and manifests of all indexes"}));
  t.push_back(number({"upkeep_threads", [](config& c) -> setting { return &c.upkeep_threads; }, 1, 256,
                      "Threads for the checkpoints and memory merges of all indexes, and as many for merges of "
                      "files"}));
  t.push_back(number({"max_queued_searches", [](config& c) -> setting { return &c.max_queued_searches; }, 1,
                      1'000'000, "Searches that may wait for a searcher"}));
  t.push_back(
      number({"max_search_bytes", [](config& c) -> setting { return &c.max_search_bytes; }, 1024 * KiB, 1024 * GiB,
              "Memory that one search may take, in bytes; what needs more takes several passes over the "
              "postings"}));

  t.push_back(text(
      "log_level", [](config& c) -> setting { return &c.log_level; }, is_log_level,
      "trace, debug, info, warn, error, critical or off", "Messages below this level are not logged"));
  t.push_back(text(
      "log_format", [](config& c) -> setting { return &c.log_format; }, is_log_format, "text or json",
      "text: lines for people; json: one object a line with time, level and message"));
  t.push_back(text(
      "log_file", [](config& c) -> setting { return &c.log_file; }, is_file_name_or_empty,
      "a file's name, or empty", "File that is logged to, opened again on SIGHUP; empty: standard error"));
  t.push_back(number({"log_rotate_bytes", [](config& c) -> setting { return &c.log_rotate_bytes; }, 0, 1024 * GiB,
                      "Size at which the log file is renamed and a new one begun, in bytes; 0: never"}));
  t.push_back(number({"log_rotate_files", [](config& c) -> setting { return &c.log_rotate_files; }, 1, 1'000,
                      "Renamed log files that are kept"}));
  return t;
}

template <class... F>
struct overloaded : F... {
  using F::operator()...;
};
template <class... F>
overloaded(F...) -> overloaded<F...>;

bool looks_like_a_number(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::string describe(const found_value& found) {
  using form = found_value::form;
  switch (found.kind) {
    case form::string:
      return "a string " + quoted(found.text);
    case form::bare:
      return looks_like_a_number(found.text) ? printable(found.text) : quoted(found.text);
    default:
      return printable(found.text);
  }
}

[[noreturn]] void refuse(const found_value& found, std::string_view allowed) {
  throw error(errc::invalid_configuration, "found " + describe(found) + ", allowed " + std::string(allowed));
}

/// The value of a whole number within the range; nothing when there is none to be had. `is_whole` tells a number
/// out of range from what is no whole number at all.
std::optional<uint64_t> whole_number(const found_value& found, uint64_t min, uint64_t max, bool& is_whole) {
  using form = found_value::form;
  is_whole = (found.kind == form::number || found.kind == form::bare) && looks_like_a_number(found.text);
  if (!is_whole) return std::nullopt;
  uint64_t value = 0;
  const char* end = found.text.data() + found.text.size();
  const auto parsed = std::from_chars(found.text.data(), end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end || value < min || value > max) return std::nullopt;
  return value;
}

template <class T>
void assign_number(const option& o, T* member, const found_value& found) {
  bool is_whole = false;
  const auto value = whole_number(found, o.min, o.max, is_whole);
  if (!value) refuse(found, is_whole ? o.allowed : "a whole number " + o.allowed);
  *member = static_cast<T>(*value);
}

}  // namespace

const std::vector<option>& option_table() {
  static const std::vector<option> table = make_table();
  return table;
}

void assign(const option& o, config& c, const found_value& found) {
  using form = found_value::form;
  const bool is_text = found.kind == form::string || found.kind == form::bare;
  std::visit(overloaded{
                 [&](uint32_t* member) { assign_number(o, member, found); },
                 [&](uint64_t* member) { assign_number(o, member, found); },
                 [&](bool* member) {
                   const bool is_word = found.kind == form::boolean || found.kind == form::bare;
                   if ((is_word && found.text == "true") || (is_text && found.text == "on")) {
                     *member = true;
                   } else if ((is_word && found.text == "false") || (is_text && found.text == "off")) {
                     *member = false;
                   } else {
                     refuse(found, o.allowed);
                   }
                 },
                 [&](std::string* member) {
                   if (!is_text || !o.valid(found.text)) refuse(found, o.allowed);
                   *member = found.text;
                 },
                 [&](load_mode* member) {
                   if (is_text && found.text == "map") {
                     *member = load_mode::map;
                   } else if (is_text && found.text == "read") {
                     *member = load_mode::read;
                   } else {
                     refuse(found, o.allowed);
                   }
                 },
                 [&](port_setting* member) {
                   bool is_whole = false;
                   if (is_text && found.text == "off") {
                     *member = {false, 0};
                   } else if (const auto port = whole_number(found, 0, 65535, is_whole)) {
                     *member = {true, static_cast<uint16_t>(*port)};
                   } else {
                     refuse(found, is_whole ? o.allowed : "a whole number " + o.allowed);
                   }
                 },
             },
             o.bind(c));
}

std::string value_text(const option& o, const config& c) {
  return std::visit(
      overloaded{
          [](const uint32_t* member) { return std::to_string(*member); },
          [](const uint64_t* member) { return std::to_string(*member); },
          [](const bool* member) { return std::string(*member ? "on" : "off"); },
          [](const std::string* member) { return *member; },
          [](const load_mode* member) { return std::string(*member == load_mode::map ? "map" : "read"); },
          [](const port_setting* member) {
            return member->enabled ? std::to_string(member->port) : std::string("off");
          },
      },
      o.bind(const_cast<config&>(c)));
}

void check(const option& o, const config& c) {
  config scratch;
  assign(o, scratch, {found_value::form::bare, value_text(o, c)});
}

}  // namespace fp
