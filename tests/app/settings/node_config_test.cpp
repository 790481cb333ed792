#include "app/node/node_config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <algorithm>

#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "app/node/settings_change.hpp"
#include "tests/core/support/error_of.hpp"
#include "tests/core/support/temporary_folder.hpp"
#include "tests/support/source_file.hpp"

namespace fp {
namespace {

using test::error_of;

std::string complaint(std::string_view json) {
  const error e = error_of([&] { parse_config(json, "c.json"); });
  EXPECT_EQ(e.code(), errc::invalid_configuration);
  return e.what();
}

std::string flag_complaint(std::string_view flag, std::string_view value) {
  node_config c;
  const error e = error_of([&] { apply_flag(c, flag, value); });
  EXPECT_EQ(e.code(), errc::invalid_configuration);
  return e.what();
}

/// All values, key by key, for comparing and for showing differences.
std::vector<std::pair<std::string, std::string>> values(const node_config& c) {
  std::vector<std::pair<std::string, std::string>> all;
  auto copy = c;
  const auto options = node_options(copy);
  for (const option& o : options.options()) all.emplace_back(o.key, value_text(o));
  return all;
}

TEST(config, an_empty_object_is_the_defaults) {
  EXPECT_EQ(values(parse_config("{}", "c.json")), values(node_config{}));
  EXPECT_EQ(values(parse_config("\xef\xbb\xbf{ /* nothing */ } // at all", "c.json")), values(node_config{}));
}

TEST(config, reads_every_type) {
  const node_config c = parse_config(R"({
    // a comment
    "dir": "/srv/f\u00fcr \"alle\"", "caf_host": "::1", "caf_port": "off", "max_concurrent_loads": 7,
    "parallel_loading": false, "segment_load_mode": "read", /* another */ "max_queued_update_bytes": 5000000000,
    "segments_per_merge": 3, "log_level": "off", "threads": 0})",
                                     "c.json");
  EXPECT_EQ(c.dir, "/srv/f\xc3\xbcr \"alle\"");
  EXPECT_EQ(c.caf_host, "::1");
  EXPECT_EQ(c.caf_port, (port_setting{false, 0}));
  EXPECT_EQ(c.max_concurrent_loads, 7u);
  EXPECT_FALSE(c.parallel_loading);
  EXPECT_EQ(c.segment_load_mode, load_mode::read);
  EXPECT_EQ(c.max_queued_update_bytes, 5'000'000'000u);
  EXPECT_EQ(c.merge.segments_per_merge, 3u);
  EXPECT_EQ(c.log_level, "off");
  EXPECT_EQ(c.max_queued_updates, node_config{}.max_queued_updates);
}

TEST(config, booleans_are_words_or_json_booleans) {
  EXPECT_FALSE(parse_config(R"({"parallel_loading": "off"})", "").parallel_loading);
  EXPECT_TRUE(parse_config(R"({"parallel_loading": "on"})", "").parallel_loading);
  EXPECT_TRUE(parse_config(R"({"parallel_loading": true})", "").parallel_loading);
  EXPECT_EQ(complaint(R"({"parallel_loading": "true"})"),
            "c.json: parallel_loading: found a string \"true\", allowed on or off");
  EXPECT_EQ(complaint(R"({"parallel_loading": 1})"), "c.json: parallel_loading: found 1, allowed on or off");
}

TEST(config, errors_name_key_found_and_allowed) {
  EXPECT_EQ(complaint(R"({"log_threads": 0})"), "c.json: log_threads: found 0, allowed 1 to 256");
  EXPECT_EQ(complaint(R"({"max_concurrent_loads": 257})"),
            "c.json: max_concurrent_loads: found 257, allowed 0 to 256");
  EXPECT_EQ(complaint(R"({"max_concurrent_loads": "4"})"),
            "c.json: max_concurrent_loads: found a string \"4\", allowed a whole number 0 to 256");
  EXPECT_EQ(complaint(R"({"max_concurrent_loads": 4.0})"),
            "c.json: max_concurrent_loads: found 4.0, allowed a whole number 0 to 256");
  EXPECT_EQ(complaint(R"({"max_concurrent_loads": 1e1})"),
            "c.json: max_concurrent_loads: found 1e1, allowed a whole number 0 to 256");
  EXPECT_EQ(complaint(R"({"threads": -1})"), "c.json: threads: found -1, allowed 0 to 1024");
  EXPECT_EQ(complaint(R"({"threads": 4294967297})"), "c.json: threads: found 4294967297, allowed 0 to 1024");
  EXPECT_EQ(complaint(R"({"threads": 18446744073709551617})"),
            "c.json: threads: found 18446744073709551617, allowed 0 to 1024");
  EXPECT_EQ(complaint(R"({"threads": null})"), "c.json: threads: found null, allowed a whole number 0 to 1024");
  EXPECT_EQ(complaint(R"({"threads": [1]})"), "c.json: threads: found an array, allowed a whole number 0 to 1024");
  EXPECT_EQ(complaint(R"({"dir": {"a": 1}})"), "c.json: dir: found an object, allowed a folder's name");
  EXPECT_EQ(complaint(R"({"dir": ""})"), "c.json: dir: found a string \"\", allowed a folder's name");
  EXPECT_EQ(complaint(R"({"segment_load_mode": "mmap"})"),
            "c.json: segment_load_mode: found a string \"mmap\", allowed map, read or disk");
  EXPECT_EQ(
      complaint(R"({"log_level": "verbose"})"),
      "c.json: log_level: found a string \"verbose\", allowed trace, debug, info, warn, error, critical or off");
  EXPECT_EQ(complaint(R"({"caf_port": 65536})"), "c.json: caf_port: found 65536, allowed 0 to 65535, or off");
  EXPECT_EQ(complaint(R"({"caf_port": "8090"})"),
            "c.json: caf_port: found a string \"8090\", allowed a whole number 0 to 65535, or off");
}

TEST(config, findings_are_escaped_and_shortened) {
  EXPECT_EQ(
      complaint(R"({"log_level": "in\nfo\u001b"})"),
      "c.json: log_level: found a string \"in\\nfo\\x1b\", allowed trace, debug, info, warn, error, critical or "
      "off");
  EXPECT_EQ(
      complaint("{\"threads\": \"" + std::string(100'000, 'x') + "\"}"),
      "c.json: threads: found a string \"" + std::string(60, 'x') + "...\", allowed a whole number 0 to 1024");
  EXPECT_EQ(complaint(R"({"a\nb": 1})"), "c.json: a\\nb: unknown key");
  EXPECT_LT(complaint("{\"" + std::string(1'000'000, 'k') + "\": 1}").size(), 120u);
  const error e = error_of([] { parse_config("[]", "a\nb.json"); });
  EXPECT_STREQ(e.what(), "a\\nb.json: found an array, allowed one object of settings");
}

TEST(config, unknown_and_repeated_keys) {
  EXPECT_EQ(complaint(R"({"max_concurent_loads": 4})"),
            "c.json: max_concurent_loads: unknown key; did you mean max_concurrent_loads?");
  EXPECT_EQ(complaint(R"({"Threads": 4})"), "c.json: Threads: unknown key; did you mean threads?");
  EXPECT_EQ(complaint(R"({"load_concurrency": 4})"),
            "c.json: load_concurrency: unknown key; did you mean max_concurrent_loads?");
  EXPECT_EQ(complaint(R"({"log-level": "info"})"), "c.json: log-level: unknown key; did you mean log_level?");
  EXPECT_EQ(complaint(R"({"colour": "blue"})"), "c.json: colour: unknown key");
  EXPECT_EQ(complaint(R"({"": 1})"), "c.json: : unknown key");
  EXPECT_EQ(complaint(R"({"threads": 4, "dir": "d", "threads": 4})"), "c.json: threads: given twice");
  EXPECT_EQ(complaint(R"({"threads": 4, "thr\u0065ads": 4})"), "c.json: threads: given twice");
}

TEST(config, syntax_errors_have_line_column_and_reason) {
  EXPECT_THAT(complaint("{\n  \"threads\": 4,\n  \"dir\" \"x\"\n}"),
              testing::MatchesRegex("c\\.json: line 3, column 11: .*expected ':'"));
  EXPECT_THAT(complaint("{\"threads\": 4,}"), testing::StartsWith("c.json: line 1, column 15: "));
  EXPECT_THAT(complaint("{\"threads\": 4"), testing::StartsWith("c.json: line 1, column 14: "));
  EXPECT_THAT(complaint(""), testing::StartsWith("c.json: line 1, column 1: "));
  EXPECT_THAT(complaint("{} {}"), testing::StartsWith("c.json: line 1, column 4: "));
  EXPECT_THAT(complaint("{\n/* never closed"), testing::StartsWith("c.json: line 2, column "));
  EXPECT_THAT(complaint("{\n\"dir\": \"a\tb\"}"), testing::StartsWith("c.json: line 2, column 10: "));
  EXPECT_EQ(complaint(std::string("{}\0junk", 7)), "c.json: a zero byte at offset 2");
  for (const char* root : {"[]", "4", "null", "true", "\"text\""}) {
    EXPECT_THAT(complaint(root), testing::EndsWith(", allowed one object of settings"));
  }
}

TEST(config, deep_nesting_is_refused_where_it_begins) {
  const std::string deep(10'000'000, '[');
  EXPECT_EQ(complaint(deep), "c.json: found an array, allowed one object of settings");
  EXPECT_EQ(complaint("{\"threads\":" + deep), "c.json: threads: found an array, allowed a whole number 0 to 1024");
}

TEST(config, flags_known_from_fpindex) {
  node_config c;
  apply_flag(c, "--dir", "/srv/index");
  apply_flag(c, "--load-concurrency", "9");
  apply_flag(c, "--parallel-threshold", "5");
  apply_flag(c, "--checkpoint-threshold", "77");
  apply_flag(c, "--checkpoint-age-ms", "0");
  apply_flag(c, "--threads", "3");
  apply_flag(c, "--log-level", "debug");
  apply_flag(c, "--parallel-loading", "off");
  apply_flag(c, "--legacy-port", "0");
  EXPECT_FALSE(c.legacy_port.enabled);
  EXPECT_EQ(c.dir, "/srv/index");
  EXPECT_EQ(c.max_concurrent_loads, 9u);
  EXPECT_EQ(c.parallel_loading_threshold, 5u);
  EXPECT_EQ(c.checkpoint_threshold, 77u);
  EXPECT_EQ(c.checkpoint_age_ms, 0u);
  EXPECT_EQ(c.threads, 3u);
  EXPECT_EQ(c.log_level, "debug");
  EXPECT_FALSE(c.parallel_loading);
  // As fpindex understands them: one for each core, and whatever there is.
  apply_flag(c, "--load-concurrency", "0");
  apply_flag(c, "--checkpoint-threshold", "0");
  EXPECT_EQ(c.max_concurrent_loads, 0u);
  EXPECT_EQ(c.checkpoint_threshold, 0u);
}

TEST(config, flags_derived_from_keys) {
  node_config c;
  apply_flag(c, "--caf-host", "node-1.example.org");
  apply_flag(c, "--caf-port", "off");
  EXPECT_EQ(c.caf_port, (port_setting{false, 0}));
  apply_flag(c, "--caf-port", "0");
  EXPECT_EQ(c.caf_port, (port_setting{true, 0}));
  apply_flag(c, "--segment-load-mode", "read");
  apply_flag(c, "--segments-per-level", "12");
  apply_flag(c, "--parallel-loading", "false");
  EXPECT_FALSE(c.parallel_loading);
  apply_flag(c, "--parallel-loading", "true");
  EXPECT_TRUE(c.parallel_loading);
  EXPECT_EQ(c.caf_host, "node-1.example.org");
  EXPECT_EQ(c.segment_load_mode, load_mode::read);
  EXPECT_EQ(c.merge.segments_per_level, 12u);
}

TEST(config, flag_errors) {
  EXPECT_EQ(flag_complaint("--log-threads", "0"), "--log-threads: found 0, allowed 1 to 256");
  EXPECT_EQ(flag_complaint("--threads", "-1"), "--threads: found -1, allowed 0 to 1024");
  for (const char* value : {"", "four", "4k", "4.0", "+4", " 4", "4 ", "0x4", "-", "--4"}) {
    EXPECT_EQ(flag_complaint("--threads", value),
              "--threads: found \"" + std::string(value) + "\", allowed a whole number 0 to 1024");
  }
  EXPECT_EQ(flag_complaint("--threads", "99999999999999999999999"),
            "--threads: found 99999999999999999999999, allowed 0 to 1024");
  EXPECT_EQ(flag_complaint("--parallel-loading", "yes"), "--parallel-loading: found \"yes\", allowed on or off");
  EXPECT_EQ(flag_complaint("--caf-port", "on"),
            "--caf-port: found \"on\", allowed a whole number 0 to 65535, or off");
  EXPECT_EQ(flag_complaint("--thread", "1"), "--thread: unknown flag; did you mean --threads?");
  EXPECT_EQ(flag_complaint("--max-concurrent-loads", "1"),
            "--max-concurrent-loads: unknown flag; did you mean --load-concurrency?");
  EXPECT_EQ(flag_complaint("--colour", "1"), "--colour: unknown flag");
}

TEST(config, hosts) {
  for (const char* host : {"0.0.0.0", "127.0.0.1", "::", "::1", "fe80::1:2", "localhost", "a-b.example.org.",
                           "node_1", "10.example", "A1"}) {
    node_config c;
    apply_flag(c, "--caf-host", host);
    EXPECT_EQ(c.caf_host, host);
  }
  for (const std::string& host : std::vector<std::string>{"",
                                                          " ",
                                                          "local host",
                                                          "localhost ",
                                                          "256.0.0.1",
                                                          "1.2.3",
                                                          "1.2.3.4.5",
                                                          ":::",
                                                          "[::1]",
                                                          "a..b",
                                                          ".a",
                                                          "-a",
                                                          "a-",
                                                          "a-.b",
                                                          "a/b",
                                                          "a:80",
                                                          "h\xc3\xb6st",
                                                          ".",
                                                          std::string(64, 'a'),
                                                          std::string("a\0b", 3)}) {
    EXPECT_THAT(flag_complaint("--caf-host", host), testing::EndsWith(", allowed an IP address or a host name"));
  }
}

TEST(config, cross_checks) {
  EXPECT_EQ(complaint(R"({"min_segment_size": 11, "max_segment_size": 10})"),
            "c.json: min_segment_size: found 11, allowed at most max_segment_size, which is 10");
  // What one segment holds.
  EXPECT_NO_THROW(parse_config(R"({"max_segment_size": 4294967295})", ""));
  EXPECT_EQ(complaint(R"({"max_segment_size": 4294967296})"),
            "c.json: max_segment_size: found 4294967296, allowed 1 to 4294967295");
  EXPECT_EQ(complaint(R"({"checkpoint_threshold": 4294967296})"),
            "c.json: checkpoint_threshold: found 4294967296, allowed 0 to 1000000000");
  EXPECT_NO_THROW(parse_config(R"({"min_segment_size": 10, "max_segment_size": 10})", ""));
  EXPECT_EQ(complaint(R"({"max_update_bytes": 4097, "max_queued_update_bytes": 4096})"),
            "c.json: max_update_bytes: found 4097, allowed at most max_queued_update_bytes, which is 4096");
  EXPECT_EQ(complaint(R"({"segments_per_merge": 1})"), "c.json: segments_per_merge: found 1, allowed 2 to 1024");

  const auto complaint_of = [](auto&& change) {
    node_config c;
    change(c);
    return std::string(error_of([&] { validate(c); }).what());
  };
  EXPECT_EQ(complaint_of([](node_config& c) { c.max_concurrent_loads = 257; }),
            "max_concurrent_loads: found 257, allowed 0 to 256");
  EXPECT_EQ(complaint_of([](node_config& c) { c.dir = ""; }), "dir: found \"\", allowed a folder's name");
  EXPECT_EQ(complaint_of([](node_config& c) { c.caf_host = "a b"; }),
            "caf_host: found \"a b\", allowed an IP address or a host name");
  EXPECT_NO_THROW(validate(node_config{}));
}

TEST(config, the_line_protocol) {
  EXPECT_FALSE(node_config{}.legacy_port.enabled);
  EXPECT_EQ(node_config{}.legacy_index, "main");
  node_config c = parse_config(R"({"legacy_port": 6080, "legacy_host": "::1", "legacy_index": "a-b_1"})", "");
  EXPECT_EQ(c.legacy_port, (port_setting{true, 6080}));
  EXPECT_EQ(c.legacy_host, "::1");
  EXPECT_EQ(c.legacy_index, "a-b_1");
  apply_flag(c, "--legacy-port", "any");
  EXPECT_EQ(c.legacy_port, (port_setting{true, 0}));
  EXPECT_NO_THROW(validate(c));
  EXPECT_EQ(c.legacy_port, (port_setting{true, 0}));
  EXPECT_EQ(parse_config(R"({"legacy_port": 0})", "").legacy_port, (port_setting{false, 0}));
  EXPECT_EQ(parse_config(R"({"port": "any"})", "").port, (port_setting{true, 0}));
  apply_flag(c, "--legacy-port", "off");
  EXPECT_FALSE(c.legacy_port.enabled);
  EXPECT_EQ(complaint(R"({"legacy_index": "a b"})"),
            "c.json: legacy_index: found a string \"a b\", allowed 1 to 255 letters, digits, _ and -");
  EXPECT_EQ(flag_complaint("--legacy-max-connections", "0"),
            "--legacy-max-connections: found 0, allowed 1 to 1000000");
}

TEST(config, the_door) {
  EXPECT_EQ(
      complaint(R"({"caf_host": "0.0.0.0"})"),
      "c.json: caf_host: found \"0.0.0.0\", allowed without TLS a loopback address; caf_tls closes the port to "
      "strangers, allow_insecure opens it to everybody who reaches that address");
  EXPECT_EQ(
      complaint(R"({"legacy_host": "::", "legacy_port": "any"})"),
      "c.json: legacy_host: found \"::\", allowed without TLS a loopback address; the line protocol has no TLS, "
      "allow_insecure opens it to everybody who reaches that address");
  EXPECT_EQ(complaint(R"({"host": "0.0.0.0", "legacy_port": 6080})"),
            "c.json: legacy_host, which follows host: found \"0.0.0.0\", allowed without TLS a loopback address; "
            "the line "
            "protocol has no TLS, allow_insecure opens it to everybody who reaches that address");
  EXPECT_EQ(parse_config(R"({"host": "::1"})", "").line_host(), "::1");
  EXPECT_EQ(parse_config(R"({"host": "::", "legacy_host": "127.0.0.2", "legacy_port": 6080})", "").line_host(),
            "127.0.0.2");
  for (const char* host : {"127.0.0.1", "127.9.8.7", "::1", "localhost"}) {
    EXPECT_NO_THROW(parse_config(
        R"({"legacy_port": "any", "legacy_host": ")" + std::string(host) + R"(", "caf_host": ")" + host + R"("})",
        "c.json"))
        << host;
  }
  for (const char* host : {"0.0.0.0", "128.0.0.1", "10.0.0.1", "::", "fe80::1", "localhost.example", "node"}) {
    EXPECT_THAT(complaint(R"({"caf_host": ")" + std::string(host) + R"("})"), testing::HasSubstr("caf_tls"))
        << host;
  }
  const std::string files = R"("tls_certificate": "c", "tls_key": "k", "tls_ca": "a")";
  for (const std::string& open :
       {std::string(R"("caf_host": "::", "allow_insecure": true)"),
        R"("caf_host": "::", "caf_tls": true, )" + files, std::string(R"("caf_host": "::", "caf_port": "off")"),
        std::string(R"("legacy_host": "::")"),
        std::string(R"("legacy_host": "::", "legacy_port": "any", "allow_insecure": true)")}) {
    EXPECT_NO_THROW(parse_config("{" + open + "}", "c.json")) << open;
  }
  // TLS of the one does not close the other.
  EXPECT_THAT(complaint(R"({"legacy_host": "::", "legacy_port": "any", "caf_tls": true, )" + files + "}"),
              testing::HasSubstr("legacy_host"));
}

TEST(config, listeners_have_ports_of_their_own) {
  EXPECT_EQ(complaint(R"({"port": 9000, "caf_port": 9000})"),
            "c.json: caf_port: found 9000, which is port already");
  EXPECT_EQ(complaint(R"({"port": 9000, "legacy_port": 9000})"),
            "c.json: legacy_port: found 9000, which is port already");
  EXPECT_EQ(complaint(R"({"legacy_port": 8090})"), "c.json: caf_port: found 8090, which is legacy_port already");
  EXPECT_THAT(complaint(R"({"host": "0.0.0.0", "port": 8090})"), testing::HasSubstr("caf_port: found 8090"));
  EXPECT_THAT(complaint(R"({"host": "localhost", "port": 8090})"), testing::HasSubstr("caf_port: found 8090"));
  for (const char* apart :
       {R"({"port": 0, "caf_port": 0, "legacy_port": "any"})", R"({"port": "off", "caf_port": 8080})",
        R"({"host": "127.0.0.2", "port": 8090})", R"({"port": 8090, "caf_port": "off"})"}) {
    EXPECT_NO_THROW(parse_config(apart, "c.json")) << apart;
  }
}

TEST(config, nobody_replaces_what_is_meant_for_shells) {
  for (const char* name : {"~", "~/data", "~user/data", "$HOME", "$HOME/data", "/srv/${NAME}/data", "/$x"}) {
    for (const char* key : {"dir", "log_file", "token_file", "tls_key"}) {
      EXPECT_EQ(complaint(R"({")" + std::string(key) + R"(": ")" + name + "\"}"),
                "c.json: " + std::string(key) + ": found \"" + name +
                    "\", in which nobody replaces ~ and $: give the whole name");
    }
  }
  for (const char* name : {"./~", "a~", "data/~x", "a$b", "$", "$1", "/srv/US$/data"}) {
    EXPECT_NO_THROW(parse_config(R"({"dir": ")" + std::string(name) + "\"}", "c.json")) << name;
  }
}

TEST(config, a_body_finds_room_among_what_may_be_buffered) {
  EXPECT_EQ(
      complaint(R"({"http_max_buffered_bytes": 2000000})"),
      "c.json: http_max_buffered_bytes: found 2000000, allowed at least http_max_body_bytes, which is 16777216");
  EXPECT_NO_THROW(
      parse_config(R"({"http_max_buffered_bytes": 2000000, "http_max_body_bytes": 2000000})", "c.json"));
}

TEST(config, tls_needs_its_files) {
  EXPECT_EQ(complaint(R"({"caf_tls": true, "tls_key": "k", "tls_ca": "a"})"),
            "c.json: tls_certificate: found no file, needed by caf_tls");
  EXPECT_EQ(complaint(R"({"caf_tls": true, "tls_certificate": "c", "tls_ca": "a"})"),
            "c.json: tls_key: found no file, needed by caf_tls");
  EXPECT_EQ(complaint(R"({"caf_tls": true, "tls_certificate": "c", "tls_key": "k"})"),
            "c.json: tls_ca: found no file, needed by caf_tls");
}

TEST(config, the_scrub) {
  EXPECT_EQ(node_config{}.scrub_bytes_per_second, 8u << 20);
  const node_config c = parse_config(R"({"scrub_bytes_per_second": 0, "scrub_interval_ms": 2592000000})", "");
  EXPECT_EQ(c.scrub_bytes_per_second, 0u);
  EXPECT_EQ(c.scrub_interval_ms, 2'592'000'000u);
  EXPECT_EQ(complaint(R"({"scrub_bytes_per_second": 1099511627777})"),
            "c.json: scrub_bytes_per_second: found 1099511627777, allowed 0 to 1099511627776");
  EXPECT_EQ(complaint(R"({"scrub_interval_ms": 999})"),
            "c.json: scrub_interval_ms: found 999, allowed 1000 to 2592000000");
  EXPECT_EQ(complaint(R"({"scrub_interval_ms": 2592000001})"),
            "c.json: scrub_interval_ms: found 2592000001, allowed 1000 to 2592000000");
}

TEST(config, log_files) {
  const node_config c = parse_config(R"({"log_file": "/var/log/fpnode/fpnode.log", "log_format": "json",
                                    "log_rotate_bytes": 0, "log_rotate_files": 1})",
                                     "");
  EXPECT_EQ(c.log_file, "/var/log/fpnode/fpnode.log");
  EXPECT_EQ(c.log_format, "json");
  EXPECT_EQ(c.log_rotate_bytes, 0u);
  node_config flags = c;
  apply_flag(flags, "--log-file", "");
  EXPECT_EQ(flags.log_file, "");
  EXPECT_EQ(flag_complaint("--log-format", "xml"), "--log-format: found \"xml\", allowed text or json");
  EXPECT_EQ(complaint(R"({"log_file": "a\u0000b"})"),
            "c.json: log_file: found a string \"a\\x00b\", allowed a file's name, or empty");
  EXPECT_THAT(config_table_markdown(), testing::HasSubstr("| `log_file` | `--log-file` | `\"\"` |"));
}

TEST(config, the_changelog) {
  node_config c;
  EXPECT_FALSE(c.cluster.follows());
  EXPECT_EQ(c.cluster.num_connections(), 0u);
  apply_flag(c, "--coordinator", "true");
  EXPECT_TRUE(c.cluster.follows());
  EXPECT_TRUE(c.cluster.serves());
  EXPECT_EQ(c.cluster.num_connections(), 1u);
  c = parse_config(R"({"changelog": "postgresql://u:p@h1,h2/db", "peers": "http://a:1,http://b:2"})", "c.json");
  EXPECT_EQ(c.cluster.url(), "postgresql://u:p@h1,h2/db");
  EXPECT_FALSE(c.cluster.serves());
  EXPECT_EQ(c.cluster.num_connections(), 4u);
  c = parse_config(R"({"coordinator_url": "http://h:8080", "serve_changelog": true})", "c.json");
  EXPECT_EQ(c.cluster.url(), "http://h:8080");
  EXPECT_TRUE(c.cluster.serves());
  EXPECT_EQ(complaint(R"({"coordinator_url": "ftp://h"})"),
            "c.json: coordinator_url: found a string \"ftp://h\", allowed http[s]://... or empty");
  EXPECT_EQ(complaint(R"({"peers": "http://a,,http://b"})"),
            "c.json: peers: found a string \"http://a,,http://b\", allowed URLs between commas");
  EXPECT_THAT(complaint(R"({"coordinator": true, "changelog": "http://h"})"),
              testing::HasSubstr("more than one of"));
}

TEST(config, what_may_hold_a_password_is_not_shown) {
  EXPECT_EQ(complaint(R"({"changelog": "mysql://u:secret@h"})"),
            "c.json: changelog: found a text that is not shown, allowed postgresql://..., http[s]://... or empty");
  node_config before, after;
  before.cluster.changelog = "postgresql://u:secret@h";
  const auto change = take_over(before, after);
  EXPECT_EQ(change.after_restart, (std::vector<std::string>{"changelog: \"\" (was (not shown))"}));
}

TEST(config, a_failed_flag_changes_nothing) {
  node_config c;
  error_of([&] { apply_flag(c, "--threads", "1025"); });
  error_of([&] { apply_flag(c, "--caf-port", "65536"); });
  EXPECT_EQ(values(c), values(node_config{}));
}

TEST(node_options, keys_and_flags_are_well_formed_and_unique) {
  std::set<std::string_view> keys, flags;
  node_config c;
  const auto all = node_options(c);
  for (const option& o : all.options()) {
    EXPECT_TRUE(keys.insert(o.key).second) << o.key;
    EXPECT_TRUE(flags.insert(o.flag).second) << o.flag;
    EXPECT_EQ(o.key.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string_view::npos) << o.key;
    EXPECT_TRUE(o.flag.starts_with("--")) << o.flag;
    EXPECT_EQ(o.flag.find_first_not_of("abcdefghijklmnopqrstuvwxyz-"), std::string_view::npos) << o.flag;
    EXPECT_FALSE(o.help.empty() || o.allowed.empty() || shown_default(o).empty()) << o.key;
    EXPECT_EQ((std::string(o.help) + o.allowed).find_first_of("|\n"), std::string::npos) << o.key;
  }
}

TEST(node_options, every_line_has_a_member_of_its_own) {
  node_config c;
  std::set<const void*> members;
  const auto all = node_options(c);
  for (const option& o : all.options()) {
    const void* member = std::visit([](auto* m) -> const void* { return m; }, o.target);
    EXPECT_TRUE(members.insert(member).second) << o.key;
  }
}

TEST(node_options, ranges_hold_at_both_ends_in_file_and_flag) {
  node_config c;
  auto all = node_options(c);
  for (const option& o : all.options()) {
    if (o.max == 0) continue;
    for (const uint64_t value : {o.min, o.max}) {
      all.apply_flag(o.flag, std::to_string(value));
      EXPECT_EQ(value_text(o), std::to_string(value)) << o.key;
    }
    EXPECT_NE(flag_complaint(o.flag, std::to_string(o.max + 1)), "");
    if (o.min > 0) {
      EXPECT_NE(complaint("{\"" + std::string(o.key) + "\": " + std::to_string(o.min - 1) + "}"), "");
    }
  }
}

TEST(node_options, markdown_has_one_row_for_each_option) {
  node_config c;
  const std::string table = config_table_markdown();
  EXPECT_THAT(
      table, testing::HasSubstr("| `max_concurrent_loads` | `--load-concurrency` | `4` | 0 to 256 | yes | Segments "
                                "that load at the same time, in the whole node; 0: as many as cores |\n"));
  EXPECT_EQ(static_cast<size_t>(std::count(table.begin(), table.end(), '\n')),
            node_options(c).options().size() + 2);
}

TEST(shipped_configuration, parses_and_equals_the_defaults) {
  EXPECT_EQ(values(load_config(posix_file_system(), test::source_file("config/fpnode.json"))),
            values(node_config{}));
}

TEST(shipped_configuration, has_every_key) {
  std::ifstream in(test::source_file("config/fpnode.json"));
  const auto json = nlohmann::json::parse(in, nullptr, true, true);
  std::set<std::string> known, shipped;
  node_config c;
  const auto all = node_options(c);
  for (const option& o : all.options()) known.emplace(o.key);
  for (const auto& item : json.items()) shipped.insert(item.key());
  EXPECT_EQ(shipped, known);
}

TEST(load_config, names_the_file) {
  test::temporary_folder folder;
  const path file = folder / "my.json";
  std::ofstream(file) << "{\"threads\": -3}";
  EXPECT_EQ(std::string(error_of([&] { load_config(posix_file_system(), file); }).what()),
            file.string() + ": threads: found -3, allowed 0 to 1024");
  EXPECT_EQ(error_of([&] { load_config(posix_file_system(), folder / "absent.json"); }).code(), errc::io_error);
}

TEST(load_config, leaves_to_validate_what_flags_may_mend) {
  test::temporary_folder folder;
  const path file = folder / "my.json";
  std::ofstream(file) << "{\"caf_tls\": true}";
  node_config c = load_config(posix_file_system(), file);
  EXPECT_THROW(validate(c), error);
  for (const auto* flag : {"--tls-certificate", "--tls-key", "--tls-ca"}) apply_flag(c, flag, "a.pem");
  EXPECT_NO_THROW(validate(c));
}

TEST(config, mutated_files_parse_or_throw_one_line) {
  std::ifstream in(test::source_file("config/fpnode.json"));
  const std::string original((std::istreambuf_iterator<char>(in)), {});
  ASSERT_FALSE(original.empty());
  std::mt19937 random(7);
  int refused = 0;
  for (int round = 0; round < 3000; round++) {
    std::string text = original;
    for (unsigned edits = 1 + random() % 4; edits > 0; edits--) {
      const size_t at = random() % text.size();
      switch (random() % 4) {
        case 0:
          text[at] = static_cast<char>(random());
          break;
        case 1:
          text.erase(at, 1 + random() % 20);
          break;
        case 2:
          text.insert(at, text.substr(random() % text.size(), random() % 40));
          break;
        case 3:
          text.insert(at, 1, "{}[]\",:/*-0"[random() % 11]);
          break;
      }
    }
    try {
      validate(parse_config(text, "c.json"));
    } catch (const error& e) {
      refused++;
      EXPECT_EQ(e.code(), errc::invalid_configuration);
      EXPECT_EQ(std::string_view(e.what()).find_first_of("\n\r\t"), std::string_view::npos);
      EXPECT_LT(std::string_view(e.what()).size(), 400u);
    }
  }
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace fp
