#include "app/line/line_session.hpp"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <span>
#include <utility>

#include "core/base/error.hpp"
#include "core/search/search_limits.hpp"
#include "core/text/fingerprint_text.hpp"

namespace fp {

namespace {

constexpr std::string_view unknown_command = "unknown command", expected_one = "expected one argument",
                           expected_two = "expected two arguments", empty_fingerprint = "empty fingerprint",
                           invalid_fingerprint = "invalid fingerprint", invalid_id = "invalid document id",
                           invalid_value = "invalid value", not_in_transaction = "not in transaction",
                           already_in_transaction = "already in transaction", search_failed = "search failed",
                           commit_failed = "commit failed";

std::nullopt_t ok(std::string& out, std::string_view text = {}) {
  ((out += "OK ") += text) += "\r\n";
  return std::nullopt;
}

std::nullopt_t fail(std::string& out, std::string_view message) {
  ((out += "ERR ") += message) += "\r\n";
  return std::nullopt;
}

/// By the contract's name, and the reason behind it.
std::nullopt_t no_room(std::string& out, std::string_view why) {
  return fail(out, std::string(commit_failed) + ": " + std::string(why));
}

/// A text from elsewhere may hold line ends, which would read as answers of their own.
std::string one_line(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return c == '\r' || c == '\n'; }, ' ');
  return text;
}

std::vector<std::string_view> split(std::string_view line, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto at = line.find(separator);
    parts.push_back(line.substr(0, at));
    if (at == std::string_view::npos) return parts;
    line.remove_prefix(at + 1);
  }
}

std::optional<uint32_t> parse_number(std::string_view text) {
  uint32_t value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// The hashes of a word, or nothing when it is no fingerprint.
std::optional<std::vector<hash_value>> parse_fingerprint(std::string_view word) {
  // `parse_hashes` understands more than the protocol does.
  if (word.find_first_not_of("0123456789,-") != std::string_view::npos) return std::nullopt;
  try {
    return parse_hashes(word);
  } catch (const error&) {
    return std::nullopt;
  }
}

/// `NAME...` behind an optional word "attribute", when there are `count` of them.
std::optional<std::span<const std::string_view>> attribute_arguments(std::span<const std::string_view> arguments,
                                                                     size_t count) {
  if (arguments.size() == count + 1 && arguments[0] == "attribute") arguments = arguments.subspan(1);
  if (arguments.size() != count) return std::nullopt;
  return arguments;
}

}  // namespace

const line_session::attribute_spec* line_session::find_attribute(std::string_view name) {
  static const attribute_spec specs[] = {{"max_results", &settings::max_results, 1, max_search_limit, true},
                                         {"top_score_percent", &settings::top_score_percent, 0, 100, false},
                                         {"timeout", &settings::timeout, 0, UINT32_MAX, false},
                                         {"idle_timeout", &settings::idle_timeout, 1, UINT32_MAX, false},
                                         {"probes", &settings::probes, 0, max_probes, false}};
  const auto it = std::ranges::find(specs, name, &attribute_spec::name);
  return it == std::end(specs) ? nullptr : it;
}

const std::vector<line_session::command>& line_session::commands() {
  static const std::vector<command> all = {
      {"search", &line_session::search},     {"insert", &line_session::insert},
      {"begin", &line_session::begin},       {"commit", &line_session::commit},
      {"rollback", &line_session::rollback}, {"get", &line_session::get},
      {"set", &line_session::set},           {"echo", &line_session::echo},
      {"optimize", &line_session::upkeep},   {"cleanup", &line_session::upkeep},
      {"quit", &line_session::quit}};
  return all;
}

std::optional<line_work> line_session::take(std::string_view line, std::string& out) {
  if (line.empty()) return ok(out);
  const auto name_end = line.find(' ');
  const auto name = line.substr(0, name_end);
  const auto it = std::ranges::find(commands(), name, &command::name);
  if (it == commands().end()) return fail(out, unknown_command);
  const auto arguments = name_end == std::string_view::npos ? words() : split(line.substr(name_end + 1), ' ');
  return (this->*it->run)(arguments, out);
}

void line_session::finish(const line_answer& answer, std::string& out) {
  const bool was_commit = std::exchange(committing_, false);
  const std::string text = one_line(answer.text);
  if (!answer.ok) {
    fail(out, !text.empty() ? std::string_view(text) : was_commit ? commit_failed : search_failed);
    return;
  }
  if (was_commit) transaction_.reset();
  ok(out, text);
}

void line_session::end(std::string_view message, std::string& out) {
  fail(out, message);
  transaction_.reset();
  over_ = true;
}

// -- Requests

std::optional<line_work> line_session::echo(const words& arguments, std::string& out) {
  if (arguments.empty()) return ok(out);
  return ok(out, std::string_view(arguments.front().begin(), arguments.back().end()));
}

std::optional<line_work> line_session::search(const words& arguments, std::string& out) {
  if (arguments.size() != 1) return fail(out, expected_one);
  if (arguments[0].empty()) return fail(out, empty_fingerprint);
  auto query = parse_fingerprint(arguments[0]);
  if (!query) return fail(out, invalid_fingerprint);
  return line_search{std::move(*query), settings_.max_results, settings_.top_score_percent, settings_.timeout,
                     settings_.probes};
}

std::optional<line_work> line_session::begin(const words&, std::string& out) {
  if (transaction_) return fail(out, already_in_transaction);
  transaction_.emplace(limits_.max_transaction_bytes, budget_);
  return ok(out);
}

std::optional<line_work> line_session::insert(const words& arguments, std::string& out) {
  if (arguments.size() != 2) return fail(out, expected_two);
  const auto id = parse_number(arguments[0]);
  if (!id || *id == 0) return fail(out, invalid_id);
  if (arguments[1].empty()) return fail(out, empty_fingerprint);
  const auto hashes = parse_fingerprint(arguments[1]);
  if (!hashes) return fail(out, invalid_fingerprint);
  if (!transaction_) return fail(out, not_in_transaction);
  const std::string why = transaction_->insert(*id, *hashes);
  return why.empty() ? ok(out) : no_room(out, why);
}

std::optional<line_work> line_session::commit(const words&, std::string& out) {
  if (!transaction_) return fail(out, not_in_transaction);
  if (transaction_->is_empty()) {
    transaction_.reset();
    return ok(out);
  }
  committing_ = true;
  return line_commit{transaction_->changes()};
}

std::optional<line_work> line_session::rollback(const words&, std::string& out) {
  if (!transaction_) return fail(out, not_in_transaction);
  transaction_.reset();
  return ok(out);
}

std::optional<line_work> line_session::upkeep(const words&, std::string& out) {
  // The node looks after its segments by itself.
  return transaction_ ? ok(out) : fail(out, not_in_transaction);
}

std::optional<line_work> line_session::set(const words& arguments, std::string& out) {
  const auto named = attribute_arguments(arguments, 2);
  if (!named) return fail(out, expected_two);
  const auto name = (*named)[0], value = (*named)[1];
  if (const auto* spec = find_attribute(name)) {
    set_session_attribute(*spec, value, out);
  } else {
    set_index_attribute(name, value, out);
  }
  return std::nullopt;
}

void line_session::set_session_attribute(const attribute_spec& spec, std::string_view value, std::string& out) {
  const auto number = parse_number(value);
  if (!number || *number < spec.min || (*number > spec.max && !spec.clamp)) {
    fail(out, invalid_value);
    return;
  }
  settings_.*spec.member = std::min(*number, spec.max);
  ok(out);
}

void line_session::set_index_attribute(std::string_view name, std::string_view value, std::string& out) {
  if (!transaction_) {
    fail(out, not_in_transaction);
  } else if (name.empty() || name.size() + value.size() > limits_.max_attribute_bytes ||
             !simdjson::validate_utf8(name.data(), name.size()) ||
             !simdjson::validate_utf8(value.data(), value.size())) {
    fail(out, invalid_value);
  } else if (const std::string why = transaction_->set_attribute(name, value); !why.empty()) {
    no_room(out, why);
  } else {
    ok(out);
  }
}

std::optional<line_work> line_session::get(const words& arguments, std::string& out) {
  const auto named = attribute_arguments(arguments, 1);
  if (!named) return fail(out, expected_one);
  const auto name = (*named)[0];
  if (const auto* spec = find_attribute(name)) return ok(out, std::to_string(settings_.*spec->member));
  if (transaction_) {
    if (const auto* value = transaction_->attribute(name)) return ok(out, one_line(*value));
  }
  return line_get{std::string(name)};
}

std::optional<line_work> line_session::quit(const words&, std::string& out) {
  transaction_.reset();
  over_ = true;
  return ok(out);
}

}  // namespace fp
