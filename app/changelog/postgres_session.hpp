#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "app/changelog/interruption.hpp"
#include "app/changelog/postgres_address.hpp"
#include "app/changelog/postgres_values.hpp"

struct pg_conn;

namespace fp {

/// What became of a statement.
struct postgres_answer {
  enum class outcome : uint8_t {
    done,
    refused,      ///< by the server, which has changed nothing; the session goes on
    lost,         ///< the connection has broken
    late,         ///< the deadline has passed; the session is closed
    interrupted,  ///< the same, by an interruption
  };

  outcome how = outcome::done;
  bool is_sent = true;  ///< not done: the server may have got all of it, and may do it yet
  bool is_doubtful =
      false;             ///< done: the server has warned of something, as of a commit that is on its machine alone
  postgres_rows rows;    ///< of the last statement
  std::string sqlstate;  ///< of a refusal (https://www.postgresql.org/docs/current/errcodes-appendix.html)
  std::string why;       ///< one line, without credentials

  bool is_done() const noexcept { return how == outcome::done; }
};

/// A connection to one server, for one statement at a time, by libpq's asynchronous functions: everything has a
/// deadline. Nothing is ever cancelled: a commit whose wait for a standby is cancelled is reported as done.
class postgres_session {
 public:
  using time_point = interruption::time_point;

  /// Begins to connect to an address (of a host; empty: the host's own name, which must be none to look up).
  postgres_session(const postgres_address& to, size_t host, const std::string& address);
  ~postgres_session();
  postgres_session(const postgres_session&) = delete;
  postgres_session& operator=(const postgres_session&) = delete;

  size_t host() const noexcept { return host_; }
  /// What has to happen on the descriptor before the next step.
  pollfd awaited() const noexcept;

  enum class progress : uint8_t { going_on, done, failed };
  /// Whether it cannot even begin.
  bool has_failed() const noexcept;
  /// The next step of connecting, once what is awaited has come.
  progress connect_step();
  /// Why connecting failed, in one line.
  std::string failure() const;

  // -- Of a session that is connected
  /// Sends a statement, or, without parameters, several, which are one transaction. False: the connection is
  /// broken.
  bool begin(const char* sql, const postgres_parameters& parameters = {});
  /// The next step of the statement: its answer once it is complete.
  std::optional<postgres_answer> step();
  /// `begin` and all steps.
  postgres_answer run(const char* sql, const postgres_parameters& parameters, time_point deadline,
                      const interruption& interrupt);
  /// Whether the server has not ended the session meanwhile, as far as can be told without asking it.
  bool is_alive();
  int server_version() const noexcept;  ///< as 150018

 private:
  struct closer {
    void operator()(pg_conn* opened) const noexcept;
  };

  postgres_answer broken(bool is_sent) const;

  size_t host_;
  std::unique_ptr<pg_conn, closer> connection_;
  bool wants_to_write_ = true;
  bool is_flushed_ = false;  ///< all of the statement has been given to the kernel
  bool has_warned_ = false;
  postgres_answer answer_;  ///< of what is on its way, so far
};

}  // namespace fp
