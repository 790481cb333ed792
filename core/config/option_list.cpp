#include "core/config/option_list.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "core/base/error.hpp"
#include "core/base/json_syntax_error.hpp"
#include "core/base/printable.hpp"

namespace fp {

namespace {

[[noreturn]] void invalid(const std::string& message) { throw error(errc::invalid_configuration, message); }

bool is_file_name(std::string_view text) {
  return !text.empty() && text.size() <= 4096 && text.find('\0') == std::string_view::npos;
}

bool is_file_name_or_empty(std::string_view text) { return text.empty() || is_file_name(text); }

/// Only shells know what `~` and `$HOME` mean, and nobody wants a folder of that name.
void refuse_shell_words(std::string_view key, std::string_view name) {
  const auto is_variable = [](std::string_view part) {
    if (part.size() < 2 || part[0] != '$') return false;
    const char c = part[1];
    return c == '{' || c == '_' || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  };
  bool is_for_shells = name.starts_with('~');
  for (size_t at = 0; at < name.size() && !is_for_shells;) {
    const size_t end = std::min(name.find('/', at), name.size());
    is_for_shells = is_variable(name.substr(at, end - at));
    at = end + 1;
  }
  if (!is_for_shells) return;
  invalid(std::string(key) + ": found " + quoted(name) + ", in which nobody replaces ~ and $: give the whole name");
}

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

bool is_host_or_empty(std::string_view text) { return text.empty() || is_host(text); }

std::string default_flag(std::string_view key) {
  std::string flag = "--" + std::string(key);
  std::ranges::replace(flag, '_', '-');
  return flag;
}

std::string range_text(uint64_t min, uint64_t max) { return std::to_string(min) + " to " + std::to_string(max); }

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
const option* nearest_option(const std::vector<option>& options, std::string_view name) {
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
  for (const option& o : options) {
    const size_t distance = std::min(edit_distance(wanted, o.key), edit_distance(wanted, stem(o.flag)));
    if (distance < best) {
      best = distance;
      nearest = &o;
    }
  }
  return nearest;
}

/// Assigns values as the parser meets them. Values are scalars: nesting is refused where it begins.
class config_events : public nlohmann::json_sax<nlohmann::json> {
 public:
  config_events(const std::vector<option>& options, std::string_view text, std::string source)
      : options_(options), text_(text), source_(std::move(source)) {}

  /// The keys that the text has.
  const std::set<std::string_view>& seen() const noexcept { return seen_; }

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
    const auto found = std::ranges::find(options_, std::string_view(name), &option::key);
    if (found == options_.end()) {
      const option* nearest = nearest_option(options_, name);
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
      assign(*option_, {kind, text});
    } catch (const error& e) {
      fail(std::string(option_->key) + ": " + e.what());
    }
    return true;
  }
  [[noreturn]] void fail(const std::string& message) { invalid(source_ + ": " + message); }

  const std::vector<option>& options_;
  std::string_view text_;
  std::string source_;
  bool inside_ = false;
  const option* option_ = nullptr;
  std::set<std::string_view> seen_;
};

}  // namespace

void option_list::add(std::string_view key, setting target, std::string allowed, std::string_view help,
                      bool (*valid)(std::string_view)) {
  options_.push_back({key, default_flag(key), target, 0, 0, valid, std::move(allowed), help});
}

void option_list::number(std::string_view key, uint32_t& value, uint64_t min, uint64_t max, std::string_view help,
                         std::string_view flag) {
  options_.push_back({key, flag.empty() ? default_flag(key) : std::string(flag), &value, min, max, nullptr,
                      range_text(min, max), help});
}

void option_list::number(std::string_view key, uint64_t& value, uint64_t min, uint64_t max, std::string_view help,
                         std::string_view flag) {
  options_.push_back({key, flag.empty() ? default_flag(key) : std::string(flag), &value, min, max, nullptr,
                      range_text(min, max), help});
}

void option_list::text(std::string_view key, std::string& value, bool (*valid)(std::string_view),
                       std::string_view allowed, std::string_view help) {
  add(key, &value, std::string(allowed), help, valid);
}

void option_list::host(std::string_view key, std::string& value, std::string_view help) {
  add(key, &value, "an IP address or a host name", help, is_host);
}

void option_list::host_or_empty(std::string_view key, std::string& value, std::string_view help) {
  add(key, &value, "an IP address, a host name, or empty", help, is_host_or_empty);
}

void option_list::port(std::string_view key, port_setting& value, std::string_view help) {
  add(key, &value, "0 to 65535, or off", help);
}

void option_list::optional_port(std::string_view key, port_setting& value, std::string_view help) {
  add(key, &value, "0 to 65535, off or any", help);
  options_.back().zero_is_off = true;
}

void option_list::file(std::string_view key, std::string& value, std::string_view help) {
  add(key, &value, "a file's name, or empty", help, is_file_name_or_empty);
  rule([key, &value] { refuse_shell_words(key, value); });
}

void option_list::folder(std::string_view key, std::string& value, std::string_view help) {
  add(key, &value, "a folder's name", help, is_file_name);
  rule([key, &value] { refuse_shell_words(key, value); });
}

void option_list::on_off(std::string_view key, bool& value, std::string_view help) {
  add(key, &value, "on or off", help);
}

void option_list::choice(std::string_view key, load_mode& value, std::string_view help) {
  add(key, &value, "map, read or disk", help);
}

void option_list::hide(std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) std::ranges::find(options_, key, &option::key)->is_secret = true;
}

void option_list::may_change(std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) std::ranges::find(options_, key, &option::key)->may_change = true;
}

void option_list::read(std::string_view json, std::string_view source_name) {
  const std::string source = shown_source(source_name);
  // The parser takes a zero byte for the end of its input.
  if (const size_t zero = json.find('\0'); zero != std::string_view::npos) {
    invalid(source + ": a zero byte at offset " + std::to_string(zero));
  }
  config_events events(options_, json, source);
  nlohmann::json::sax_parse(json.begin(), json.end(), &events, nlohmann::json::input_format_t::json, true, true);
  given_.insert(events.seen().begin(), events.seen().end());
}

void option_list::load(file_system& fs, const path& file) { read(read_file(fs, file), file.string()); }

void option_list::apply_flag(std::string_view flag, std::string_view value) {
  const auto found = std::ranges::find(options_, flag, &option::flag);
  if (found == options_.end()) invalid(unknown_flag_text(options_, flag));
  try {
    assign(*found, {found_value::form::bare, value});
  } catch (const error& e) {
    invalid(found->flag + ": " + e.what());
  }
  given_.insert(found->key);
}

void option_list::validate() const {
  for (const option& o : options_) {
    try {
      // What is right stays as it is.
      assign(o, {found_value::form::bare, value_text(o)});
    } catch (const error& e) {
      invalid(std::string(o.key) + ": " + e.what());
    }
  }
  for (const auto& check : rules_) check();
}

std::string unknown_flag_text(const std::vector<option>& options, std::string_view flag) {
  const option* nearest = nearest_option(options, flag);
  return printable(flag) + ": unknown flag" + (nearest ? "; did you mean " + nearest->flag + "?" : "");
}

std::string shown_source(std::string_view name) { return printable(name, std::numeric_limits<size_t>::max()); }

}  // namespace fp
