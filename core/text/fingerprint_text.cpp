#include "core/text/fingerprint_text.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/base/error.hpp"
#include "core/base/json_syntax_error.hpp"
#include "core/base/printable.hpp"

namespace fp {

namespace {

[[noreturn]] void bad(const std::string& message) { throw error(errc::bad_request, message); }

constexpr bool is_space(char c) noexcept { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

/// Parses a hash list that is a part of `line`; columns in messages count from the line's start.
class hash_list {
 public:
  hash_list(std::string_view line, std::string_view part) : line_(line.data()), text_(trim(part)) {}

  std::vector<hash_value> parse() {
    strip_brackets();
    std::vector<hash_value> hashes;
    constexpr size_t usual_width = 11;  // ten digits and a comma
    hashes.reserve(text_.size() / usual_width + 1);
    const char* at = text_.data();
    const char* const end = at + text_.size();
    if (at == end) fail(at, "no hashes");
    for (;;) {
      at = parse_hash(at, end, hashes);
      if (at == end) return hashes;
      at = skip_separator(at, end);
    }
  }

 private:
  [[noreturn]] void fail(const char* at, const std::string& message) const {
    bad("column " + std::to_string(at - line_ + 1) + ": " + message);
  }

  void strip_brackets() {
    if (text_.empty() || (text_.front() != '{' && text_.front() != '[')) return;
    const char closing = text_.front() == '{' ? '}' : ']';
    if (text_.size() < 2 || text_.back() != closing) {
      fail(text_.data(), std::string("the list opens with ") + text_.front() + " and does not end with " + closing);
    }
    text_ = trim(text_.substr(1, text_.size() - 2));
  }

  const char* parse_hash(const char* at, const char* end, std::vector<hash_value>& hashes) const {
    if (*at == ',') fail(at, "a comma without a hash before it");
    std::from_chars_result parsed;
    if (*at == '-') {
      int32_t value = 0;
      parsed = std::from_chars(at, end, value);
      if (parsed.ec == std::errc()) hashes.push_back(static_cast<hash_value>(value));
    } else {
      hash_value value = 0;
      parsed = std::from_chars(at, end, value);
      if (parsed.ec == std::errc()) hashes.push_back(value);
    }
    const bool complete = parsed.ptr == end || *parsed.ptr == ',' || is_space(*parsed.ptr);
    if (parsed.ec != std::errc() || !complete) {
      const char* word_end = std::find_if(at, end, [](char c) { return c == ',' || is_space(c); });
      const std::string_view word(at, static_cast<size_t>(word_end - at));
      fail(at, "found " + quoted(word) + ", allowed a hash from -2147483648 to 4294967295");
    }
    return parsed.ptr;
  }

  /// Steps over white space and at most one comma to the next hash, which must be there after a comma.
  const char* skip_separator(const char* at, const char* end) const {
    while (at != end && is_space(*at)) at++;
    if (*at != ',') return at;  // the text is trimmed: white space never reaches its end
    const char* comma = at++;
    while (at != end && is_space(*at)) at++;
    if (at == end) fail(comma, "a comma without a hash behind it");
    return at;
  }

  const char* line_;
  std::string_view text_;
};

document_id parse_id(std::string_view text) {
  text = trim(text);
  document_id id = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), id);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || id == 0) {
    bad("document id: found " + quoted(text) + ", allowed 1 to 4294967295");
  }
  return id;
}

[[noreturn]] void compressed() { bad("the fingerprint is in compressed form; fpcalc -raw writes hashes"); }

constexpr int max_json_depth = 8;

/// Collects what a line of `fpcalc -raw -json` says. Everything is checked as it comes by, so a line's nesting and
/// size cost nothing beyond its own length.
class json_line : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit json_line(std::string_view line) : line_(line) {}

  /// Nothing when the fingerprint is null.
  std::optional<text_fingerprint> take() {
    if (is_null_) return std::nullopt;
    if (has_null_id_) refuse_id("null");
    if (!has_fingerprint_) bad("no member \"fingerprint\" or \"hashes\"");
    if (fingerprint_.hashes.empty()) bad("no hashes");
    return std::move(fingerprint_);
  }

  bool null() override {
    if (wanted_ == member::fingerprint && depth_ == 1) return is_null_ = true;
    if (wanted_ == member::id && depth_ == 1) return has_null_id_ = true;
    return scalar("null");
  }
  bool boolean(bool b) override { return scalar(b ? "true" : "false"); }
  bool number_integer(int64_t n) override {
    return n < 0 ? negative(n) : number_unsigned(static_cast<uint64_t>(n));
  }
  bool number_unsigned(uint64_t n) override {
    if (wanted_ == member::id && depth_ == 1) {
      if (n == 0 || n > std::numeric_limits<document_id>::max()) refuse_id(std::to_string(n));
      fingerprint_.id = static_cast<document_id>(n);
      return true;
    }
    if (!in_hashes()) return scalar(std::to_string(n));
    if (n > std::numeric_limits<hash_value>::max()) refuse_hash(std::to_string(n));
    fingerprint_.hashes.push_back(static_cast<hash_value>(n));
    return true;
  }
  bool number_float(double, const std::string& written) override { return scalar(written); }
  bool string(std::string& s) override {
    if (wanted_ == member::label && depth_ == 1) {
      fingerprint_.label = s;
      return true;
    }
    if (wanted_ == member::fingerprint && depth_ == 1) compressed();
    return scalar(s, true);
  }
  bool binary(binary_t&) override { return scalar("bytes"); }

  bool start_object(size_t) override {
    if (depth_ > 0 && wanted_ != member::other) return scalar("an object");
    return deeper();
  }
  bool start_array(size_t) override {
    if (depth_ == 1 && wanted_ == member::fingerprint) {
      has_fingerprint_ = true;
    } else if (depth_ > 0 && wanted_ != member::other) {
      return scalar("an array");
    }
    return deeper();
  }
  bool end_object() override { return depth_--, true; }
  bool end_array() override { return depth_--, true; }

  bool key(std::string& name) override {
    if (depth_ != 1) return true;
    wanted_ = name == "fingerprint" || name == "hashes" ? member::fingerprint
              : name == "id"                            ? member::id
              : name == "label"                         ? member::label
                                                        : member::other;
    if (wanted_ == member::other) return true;
    bool& seen = seen_[static_cast<size_t>(wanted_)];
    if (std::exchange(seen, true)) bad("member \"" + name + "\" is given twice");
    return true;
  }

  bool parse_error(size_t position, const std::string&, const nlohmann::json::exception& e) override {
    const json_syntax_error where = locate_json_error(line_, position, e);
    bad("column " + std::to_string(where.column) + ": " + where.reason);
  }

 private:
  enum class member : size_t { fingerprint, id, label, other };
  bool in_hashes() const noexcept { return wanted_ == member::fingerprint && depth_ == 2; }
  bool deeper() {
    if (++depth_ > max_json_depth) bad("JSON nested deeper than " + std::to_string(max_json_depth) + " levels");
    return true;
  }
  bool negative(int64_t n) {
    if (!in_hashes()) return scalar(std::to_string(n));
    if (n < std::numeric_limits<int32_t>::min()) refuse_hash(std::to_string(n));
    fingerprint_.hashes.push_back(static_cast<hash_value>(n));
    return true;
  }
  /// A value that is of no use: skipped below members that are not read, refused elsewhere.
  bool scalar(std::string_view text, bool is_string = false) {
    const std::string found = is_string ? quoted(text) : printable(text);
    switch (wanted_) {
      case member::other:
        return true;
      case member::id:
        refuse_id(found);
      case member::label:
        bad("label: found " + found + ", allowed a string");
      case member::fingerprint:
        break;
    }
    if (!in_hashes()) bad("fingerprint: found " + found + ", allowed an array of hashes");
    refuse_hash(found);
  }
  [[noreturn]] void refuse_id(const std::string& found) {
    bad("document id: found " + found + ", allowed 1 to 4294967295");
  }
  [[noreturn]] void refuse_hash(const std::string& found) {
    bad("hash " + std::to_string(fingerprint_.hashes.size() + 1) + ": found " + found +
        ", allowed -2147483648 to 4294967295");
  }

  std::string_view line_;
  int depth_ = 0;
  member wanted_ = member::other;
  bool seen_[3] = {};
  bool has_fingerprint_ = false, is_null_ = false, has_null_id_ = false;
  text_fingerprint fingerprint_;
};

std::optional<text_fingerprint> parse_json(std::string_view line) {
  // The parser takes a zero byte for the end of its input.
  if (const size_t zero = line.find('\0'); zero != std::string_view::npos) {
    bad("column " + std::to_string(zero + 1) + ": a zero byte");
  }
  json_line events(line);
  nlohmann::json::sax_parse(line.begin(), line.end(), &events);
  return events.take();
}

/// "7|...": the part before the bar is nothing but an id. A label may contain bars too.
size_t bar_after_id(std::string_view line) noexcept {
  size_t i = 0;
  while (i < line.size() && (is_digit(line[i]) || line[i] == ' ')) i++;
  return i < line.size() && line[i] == '|' ? i : std::string_view::npos;
}

constexpr std::string_view fingerprint_key = "FINGERPRINT=", file_key = "FILE=", duration_key = "DURATION=",
                           timestamp_key = "TIMESTAMP=";

bool starts_with_key(std::string_view line) noexcept {
  return line.starts_with(fingerprint_key) || line.starts_with(file_key) || line.starts_with(duration_key) ||
         line.starts_with(timestamp_key);
}

/// Whether a line can be nothing but the beginning of another fingerprint, when it comes within JSON.
bool begins_another(std::string_view line) noexcept {
  if (line.starts_with('{') || starts_with_key(line) || bar_after_id(line) != std::string_view::npos) return true;
  return !line.starts_with(' ') && !line.starts_with('\t') && line.find('\t') != std::string_view::npos &&
         line.find('"') == std::string_view::npos;
}

/// Whether a line of JSON may go on in the next one.
bool ends_within_json(std::string_view content) noexcept {
  return content.ends_with('{') || content.ends_with('[') || content.ends_with(',') || content.ends_with(':');
}

/// How much deeper a line of JSON ends than it begins; 0 for one that ends in a string, which no line may.
int depth_after(std::string_view line, int depth) noexcept {
  bool in_string = false;
  for (size_t i = 0; i < line.size(); i++) {
    const char c = line[i];
    if (in_string && c == '\\') {
      i++;
    } else if (c == '"') {
      in_string = !in_string;
    } else if (!in_string && (c == '{' || c == '[')) {
      depth++;
    } else if (!in_string && (c == '}' || c == ']') && --depth == 0) {
      return 0;
    }
  }
  return in_string ? 0 : depth;
}

/// A list alone, or what else starts with a digit or a sign.
bool is_list(std::string_view content) noexcept {
  if (content.starts_with('{')) content = trim(content.substr(1));
  return !content.empty() && (is_digit(content.front()) || content.front() == '-' || content.front() == '[');
}

/// "7<tab>..." or "label<tab>7<tab>...", or what can be nothing else.
bool is_tab_record(std::string_view line) noexcept {
  const auto tab = line.find('\t');
  if (tab == std::string_view::npos) return false;
  const auto first = trim(line.substr(0, tab));
  return line.find('\t', tab + 1) != std::string_view::npos || !is_list(first) ||
         std::all_of(first.begin(), first.end(), is_digit);
}

/// AQAA... of fpcalc without -raw: base64 in the URL alphabet, too long for a word and no number.
bool looks_compressed(std::string_view content) noexcept {
  constexpr size_t shortest = 16;
  const auto is_letter = [](char c) { return ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_'; };
  while (content.ends_with('=')) content.remove_suffix(1);
  return content.size() >= shortest && std::any_of(content.begin(), content.end(), is_letter) &&
         std::all_of(content.begin(), content.end(),
                     [&](char c) { return is_letter(c) || is_digit(c) || c == '-'; });
}

std::optional<text_fingerprint> parse_json_or_list(std::string_view text) {
  if (!is_list(trim(text))) return parse_json(text);
  return text_fingerprint{std::nullopt, hash_list(text, text).parse(), {}};
}

}  // namespace

std::vector<hash_value> parse_hashes(std::string_view text) { return hash_list(text, text).parse(); }

std::optional<text_fingerprint> fingerprint_reader::feed(std::string_view line) {
  line_++;
  wants_line_again_ = false;
  if (line_ == 1 && line.starts_with("\xef\xbb\xbf")) line.remove_prefix(3);
  try {
    return json_.empty() ? parse(line) : continue_json(line);
  } catch (const error& e) {
    forget();
    throw error(e.code(), "line " + std::to_string(line_) + ": " + e.what());
  }
}

void fingerprint_reader::finish() {
  const bool in_json = !json_.empty(), in_block = in_block_;
  forget();
  const auto where = "line " + std::to_string(line_) + ": ";
  if (in_json) bad(where + "the JSON that begins in line " + std::to_string(json_begins_in_) + " is cut off");
  if (in_block) bad(where + "the output of fpcalc ends without a line FINGERPRINT=");
}

void fingerprint_reader::forget() noexcept {
  file_.clear();
  in_block_ = false;
  json_.clear();
}

std::optional<text_fingerprint> fingerprint_reader::begin_json(std::string_view line) {
  const auto content = trim(line);
  if (ends_within_json(content)) {
    json_depth_ = depth_after(line, 0);
    if (json_depth_ > 0 && json_depth_ <= max_json_depth) {
      json_ = line;
      json_begins_in_ = line_;
      return std::nullopt;
    }
  }
  return parse_json_or_list(line);
}

std::optional<text_fingerprint> fingerprint_reader::continue_json(std::string_view line) {
  const auto began = "the JSON that begins in line " + std::to_string(json_begins_in_);
  if (begins_another(line)) {
    wants_line_again_ = true;
    line_--;
    bad(began + " is cut off");
  }
  constexpr size_t max_bytes = size_t{64} << 20;
  if (json_.size() + line.size() >= max_bytes)
    bad(began + " is longer than " + std::to_string(max_bytes) + " bytes");
  json_ += '\n';
  json_ += line;
  json_depth_ = depth_after(line, json_depth_);
  if (json_depth_ > 0 && json_depth_ <= max_json_depth) return std::nullopt;
  try {
    return parse_json_or_list(std::exchange(json_, {}));
  } catch (const error& e) {
    bad(began + ": " + e.what());
  }
}

std::optional<text_fingerprint> fingerprint_reader::parse(std::string_view line) {
  const std::string_view content = trim(line);
  if (content.empty() || content.front() == '#' || content == "null") return std::nullopt;
  if (content.front() == '{' && !is_list(content)) return begin_json(line);

  if (const size_t bar = bar_after_id(line); bar != std::string_view::npos) {
    return text_fingerprint{parse_id(line.substr(0, bar)), hash_list(line, line.substr(bar + 1)).parse(), {}};
  }

  if (line.starts_with(fingerprint_key)) {
    const std::string_view hashes = line.substr(fingerprint_key.size());
    if (!hashes.empty() && ((hashes.front() | 32) >= 'a' && (hashes.front() | 32) <= 'z')) compressed();
    in_block_ = false;
    return text_fingerprint{std::nullopt, hash_list(line, hashes).parse(), std::exchange(file_, {})};
  }
  if (starts_with_key(line)) {
    in_block_ = true;
    if (!line.starts_with(file_key)) return std::nullopt;
    file_ = line.substr(file_key.size());
    if (file_.ends_with('\r')) file_.pop_back();
    return std::nullopt;
  }

  const size_t first = line.find('\t');
  if (!is_tab_record(line)) {
    if (const size_t bar = line.find('|'); bar != std::string_view::npos) parse_id(line.substr(0, bar));
    if (looks_compressed(content)) compressed();
    if (is_list(content)) return begin_json(line);
    bad("found " + quoted(content, 40) + ", which is in no known form of a fingerprint");
  }
  const size_t second = line.find('\t', first + 1);
  if (second == std::string_view::npos) {
    return text_fingerprint{parse_id(line.substr(0, first)), hash_list(line, line.substr(first + 1)).parse(), {}};
  }
  return text_fingerprint{parse_id(line.substr(first + 1, second - first - 1)),
                          hash_list(line, line.substr(second + 1)).parse(), std::string(line.substr(0, first))};
}

namespace {

/// Calls `use` with each line, without its line end.
template <class Use>
void for_each_line(std::string_view text, Use&& use) {
  while (!text.empty()) {
    auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    use(line);
  }
}

/// What the lines of a text are that holds nothing but hashes.
struct bare_lines {
  bool all_bare = true;   ///< each line has nothing but numbers, separators and brackets
  bool all_whole = true;  ///< each line is a list of several hashes with commas between them
  size_t count = 0;
};

bare_lines look_at(std::string_view text) {
  bare_lines found;
  for_each_line(text, [&](std::string_view line) {
    const auto content = trim(line);
    if (content.empty() || content.front() == '#') return;
    found.count++;
    found.all_bare = found.all_bare &&
                     content.find_first_not_of("0123456789-, \t\r[]{}") == std::string_view::npos &&
                     !is_tab_record(line);
    found.all_whole = found.all_whole && content.find(',') != std::string_view::npos && content.front() != ',' &&
                      !ends_within_json(content);
  });
  return found;
}

}  // namespace

std::vector<text_fingerprint> read_fingerprints(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  std::vector<text_fingerprint> found;
  const auto lines = look_at(text);
  if (lines.count > 1 && lines.all_bare && !lines.all_whole) {
    std::string list;
    for_each_line(text, [&](std::string_view line) {
      if (!trim(line).starts_with('#')) list.append(line) += ' ';
    });
    found.push_back({std::nullopt, parse_hashes(list), {}});
    return found;
  }
  fingerprint_reader reader;
  for_each_line(text, [&](std::string_view line) {
    if (auto fingerprint = reader.feed(line)) found.push_back(std::move(*fingerprint));
  });
  reader.finish();
  if (found.empty()) bad("no hashes");
  return found;
}

}  // namespace fp
