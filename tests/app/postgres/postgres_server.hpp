#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/fs/file_system.hpp"

namespace fp::test {

/// A PostgreSQL server of its own, on a free port of loopback, with its data below TMPDIR; by the user "postgres"
/// when the tests run as root, whom PostgreSQL refuses. Ends, with its data, with the object.
///
/// There is a role "feed" with the password "secret word", which owns the database "feed". On the socket everybody
/// is trusted; the superuser is "admin".
class postgres_server {
 public:
  struct options {
    std::vector<std::string> settings;         ///< "max_connections=10"
    bool is_standby = false;                   ///< of nobody: it recovers for ever
    const postgres_server* primary = nullptr;  ///< whose standby it is
  };

  postgres_server() : postgres_server(options()) {}
  explicit postgres_server(const options& how);
  ~postgres_server();
  postgres_server(const postgres_server&) = delete;
  postgres_server& operator=(const postgres_server&) = delete;

  uint16_t port() const noexcept { return port_; }
  std::string host() const { return "127.0.0.1:" + std::to_string(port_); }
  /// "postgresql://feed:...@127.0.0.1:port/database", with more hosts behind the first.
  std::string url(const std::string& database = "feed", const std::string& other_hosts = {}) const;

  /// Statements by the superuser, each a transaction, in a database; the last one's first value as text. Throws
  /// `fp::error`.
  std::string admin(const std::string& sql, const std::string& database = "feed") const;
  /// A new database, owned by "feed", and its name.
  std::string make_database();

  /// SIGKILL to all of its processes, as a machine that loses its power, but for the page cache.
  void kill();
  /// Starts it again.
  void start();
  /// Ends it cleanly.
  void stop();
  /// Waits until its log has a line with this text; once for each such line. False when that takes a minute.
  bool wait_for_log(const std::string& text);
  /// Fails over to it: a standby becomes a primary, with a higher timeline. One that is a primary was away before.
  void promote();
  void freeze();
  void thaw();

 private:
  std::vector<pid_t> processes() const;
  void reap();
  void remove_shared_memory() const;

  options how_;
  path folder_;
  uint16_t port_ = 0;
  pid_t postmaster_ = 0;
  int log_ = -1;
  std::jthread log_reader_;
  std::mutex mutex_;
  std::condition_variable log_grows_;
  std::string lines_;  ///< that nobody has waited for
  int num_databases_ = 0;
};

/// One that tests of a process share, each with databases of its own.
postgres_server& shared_postgres();

}  // namespace fp::test
