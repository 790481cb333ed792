#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/line/line_transaction.hpp"
#include "app/line/line_types.hpp"

namespace fp {

struct line_limits {
  size_t max_transaction_bytes = size_t{16} << 20;
  size_t max_attribute_bytes = changes_limits{}.max_metadata_bytes;  ///< of a name plus its value
};

/// The state of a connection, and what every line means in it. Knows no sockets: lines go in, answers come out.
/// One line is dealt with at a time; the next one follows when the work of the last one is answered.
class line_session {
 public:
  line_session(line_limits limits, std::shared_ptr<byte_budget> budget)
      : limits_(limits), budget_(std::move(budget)) {}

  /// Takes a line without its end. Appends the answer to `out`, or returns the work that makes it.
  std::optional<line_work> take(std::string_view line, std::string& out);
  /// Appends the answer to the line whose work was returned last.
  void finish(const line_answer& answer, std::string& out);
  /// Appends an error that ends the session and what it has buffered.
  void end(std::string_view message, std::string& out);
  /// The connection is to be closed after the answers so far.
  bool is_over() const { return over_; }
  std::chrono::milliseconds idle_timeout() const { return std::chrono::milliseconds(settings_.idle_timeout); }

 private:
  struct settings {
    uint32_t max_results = 500, top_score_percent = 10, timeout = 0, idle_timeout = 60'000, probes = 0;
  };
  struct attribute_spec {
    std::string_view name;
    uint32_t settings::*member;
    uint32_t min, max;
    bool clamp;  ///< a larger value counts as `max`
  };
  using words = std::vector<std::string_view>;
  struct command {
    std::string_view name;
    std::optional<line_work> (line_session::*run)(const words& arguments, std::string& out);
  };

  static const attribute_spec* find_attribute(std::string_view name);
  static const std::vector<command>& commands();

  // The requests.
  std::optional<line_work> echo(const words& arguments, std::string& out);
  std::optional<line_work> search(const words& arguments, std::string& out);
  std::optional<line_work> begin(const words& arguments, std::string& out);
  std::optional<line_work> insert(const words& arguments, std::string& out);
  std::optional<line_work> commit(const words& arguments, std::string& out);
  std::optional<line_work> rollback(const words& arguments, std::string& out);
  std::optional<line_work> upkeep(const words& arguments, std::string& out);
  std::optional<line_work> set(const words& arguments, std::string& out);
  std::optional<line_work> get(const words& arguments, std::string& out);
  std::optional<line_work> quit(const words& arguments, std::string& out);

  void set_session_attribute(const attribute_spec& spec, std::string_view value, std::string& out);
  void set_index_attribute(std::string_view name, std::string_view value, std::string& out);

  const line_limits limits_;
  std::shared_ptr<byte_budget> budget_;
  settings settings_;
  std::optional<line_transaction> transaction_;
  bool committing_ = false;
  bool over_ = false;
};

}  // namespace fp
