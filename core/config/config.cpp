#include "core/config/config.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <set>

#include "core/base/error.hpp"
#include "core/base/json_syntax_error.hpp"
#include "core/base/printable.hpp"
#include "core/config/option_table.hpp"

namespace fp {

namespace {

[[noreturn]] void invalid(const std::string& message) { throw error(errc::invalid_configuration, message); }

/// Levenshtein's edit distance.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); i++) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); j++) {
      const size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

/// The option whose name is nearest to a mistyped one, if any is near. Keys and flags are compared alike, as each
/// is easily taken for the other ("load_concurrency").
const option* nearest_option(std::string_view name) {
  constexpr size_t longest_worth_comparing = 64;
  if (name.size() > longest_worth_comparing) return nullptr;
  const auto stem = [](std::string_view text) {
    std::string out(text.substr(std::min(text.find_first_not_of('-'), text.size())));
    std::ranges::replace(out, '-', '_');
    std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c | 32) : c; });
    return out;
  };
  const std::string wanted = stem(name);
  const option* nearest = nullptr;
  size_t best = std::max<size_t>(2, wanted.size() / 3) + 1;
  for (const option& o : option_table()) {
    const size_t distance = std::min(edit_distance(wanted, o.key), edit_distance(wanted, stem(o.flag)));
    if (distance < best) {
      best = distance;
      nearest = &o;
    }
  }
  return nearest;
}

bool is_loopback(const std::string& host) {
  in_addr address;
  if (inet_pton(AF_INET, host.c_str(), &address) == 1) return ntohl(address.s_addr) >> 24 == 127;
  in6_addr wide;
  if (inet_pton(AF_INET6, host.c_str(), &wide) == 1) return IN6_IS_ADDR_LOOPBACK(&wide);
  return host == "localhost";
}

/// Refuses what would let others in unasked.
void validate_door(const config& c) {
  if (c.caf_tls) {
    for (const auto& [key, file] : {std::pair("tls_certificate", &c.tls_certificate),
                                    std::pair("tls_key", &c.tls_key), std::pair("tls_ca", &c.tls_ca)}) {
      if (file->empty()) invalid(std::string(key) + ": found no file, needed by caf_tls");
    }
  }
  const auto only_loopback = [&c](std::string_view key, const std::string& host, std::string_view way_out) {
    if (c.allow_insecure || is_loopback(host)) return;
    invalid(std::string(key) + ": found " + fp::quoted(host) + ", allowed without TLS a loopback address; " +
            std::string(way_out) + "allow_insecure opens it to everybody who reaches that address");
  };
  if (c.caf_port.enabled && !c.caf_tls)
    only_loopback("caf_host", c.caf_host, "caf_tls closes the port to strangers, ");
  if (c.legacy_port.enabled) only_loopback("legacy_host", c.legacy_host, "the line protocol has no TLS, ");
}

/// Assigns members as the parser meets them. Values are scalars: nesting is refused where it begins.
class config_events : public nlohmann::json_sax<nlohmann::json> {
 public:
  config_events(config& c, std::string_view text, std::string source)
      : config_(c), text_(text), source_(std::move(source)) {}

  bool null() override { return value(form::other, "null"); }
  bool boolean(bool b) override { return value(form::boolean, b ? "true" : "false"); }
  bool number_integer(int64_t n) override { return value(form::number, std::to_string(n)); }
  bool number_unsigned(uint64_t n) override { return value(form::number, std::to_string(n)); }
  bool number_float(double, const std::string& written) override { return value(form::number, written); }
  bool string(std::string& s) override { return value(form::string, s); }
  bool binary(binary_t&) override { return value(form::other, "bytes"); }
  bool start_object(size_t) override {
    return std::exchange(inside_, true) ? value(form::other, "an object") : true;
  }
  bool end_object() override { return true; }
  bool start_array(size_t) override { return value(form::other, "an array"); }
  bool end_array() override { return true; }

  bool key(std::string& name) override {
    const auto& table = option_table();
    const auto found = std::ranges::find(table, std::string_view(name), &option::key);
    if (found == table.end()) {
      const option* nearest = nearest_option(name);
      fail(printable(name) + ": unknown key" +
           (nearest ? "; did you mean " + std::string(nearest->key) + "?" : ""));
    }
    if (!seen_.insert(found->key).second) fail(name + ": given twice");
    option_ = &*found;
    return true;
  }

  bool parse_error(size_t position, const std::string&, const nlohmann::json::exception& e) override {
    const json_syntax_error where = locate_json_error(text_, position, e);
    fail("line " + std::to_string(where.line) + ", column " + std::to_string(where.column) + ": " + where.reason);
  }

 private:
  using form = found_value::form;

  bool value(form kind, std::string_view text) {
    if (option_ == nullptr) {
      fail("found " + (kind == form::string ? "a string" : printable(text)) + ", allowed one object of settings");
    }
    try {
      assign(*option_, config_, {kind, text});
    } catch (const error& e) {
      fail(std::string(option_->key) + ": " + e.what());
    }
    return true;
  }
  [[noreturn]] void fail(const std::string& message) { invalid(source_ + ": " + message); }

  config& config_;
  std::string_view text_;
  std::string source_;
  bool inside_ = false;
  const option* option_ = nullptr;
  std::set<std::string_view> seen_;
};

}  // namespace

std::vector<config_option> config_options() {
  const config defaults;
  std::vector<config_option> options;
  for (const option& o : option_table()) {
    const std::string value = value_text(o, defaults);
    options.push_back({o.key, o.flag, value.empty() ? "\"\"" : value, o.allowed, o.help});
  }
  return options;
}

std::string config_table_markdown() {
  std::string table = "| key | flag | default | allowed | meaning |\n| --- | --- | --- | --- | --- |\n";
  for (const config_option& o : config_options()) {
    table += "| `" + std::string(o.key) + "` | `" + std::string(o.flag) + "` | `" + o.default_text + "` | " +
             o.allowed_text + " | " + std::string(o.help) + " |\n";
  }
  return table;
}

namespace {

std::string shown_source(std::string_view name) { return printable(name, std::numeric_limits<size_t>::max()); }

/// Without what no single key shows.
config parse_keys(std::string_view json, const std::string& source) {
  // The parser takes a zero byte for the end of its input.
  if (const size_t zero = json.find('\0'); zero != std::string_view::npos) {
    invalid(source + ": a zero byte at offset " + std::to_string(zero));
  }
  config c;
  config_events events(c, json, source);
  nlohmann::json::sax_parse(json.begin(), json.end(), &events, nlohmann::json::input_format_t::json, true, true);
  return c;
}

}  // namespace

config parse_config(std::string_view json, std::string_view source_name) {
  const std::string source = shown_source(source_name);
  const config c = parse_keys(json, source);
  try {
    validate(c);
  } catch (const error& e) {
    invalid(source + ": " + e.what());
  }
  return c;
}

config load_config(file_system& fs, const path& file) {
  return parse_keys(read_file(fs, file), shown_source(file.string()));
}

void apply_flag(config& c, std::string_view flag, std::string_view value) {
  const auto& table = option_table();
  const auto found = std::ranges::find(table, flag, &option::flag);
  if (found == table.end()) {
    const option* nearest = nearest_option(flag);
    invalid(printable(flag) + ": unknown flag" + (nearest ? "; did you mean " + nearest->flag + "?" : ""));
  }
  try {
    assign(*found, c, {found_value::form::bare, value});
  } catch (const error& e) {
    invalid(found->flag + ": " + e.what());
  }
}

void validate(const config& c) {
  for (const option& o : option_table()) {
    try {
      check(o, c);
    } catch (const error& e) {
      invalid(std::string(o.key) + ": " + e.what());
    }
  }
  const auto at_most = [](std::string_view key, uint64_t value, std::string_view other, uint64_t bound) {
    if (value <= bound) return;
    invalid(std::string(key) + ": found " + std::to_string(value) + ", allowed at most " + std::string(other) +
            ", which is " + std::to_string(bound));
  };
  at_most("min_segment_size", c.merge.min_segment_size, "max_segment_size", c.merge.max_segment_size);
  at_most("max_update_bytes", c.max_update_bytes, "max_queued_update_bytes", c.max_queued_update_bytes);
  validate_door(c);
}

}  // namespace fp
