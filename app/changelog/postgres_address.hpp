#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fp {

struct postgres_host {
  std::string host;     ///< a name, an address, or the folder of a socket; empty: libpq's default
  std::string address;  ///< `hostaddr`: to be used instead of looking the name up; may be empty
  std::string port;     ///< empty: libpq's default

  std::string shown() const;  ///< "db1:5433", for messages
};

/// Where a changelog in PostgreSQL is, and how it is connected to.
struct postgres_address {
  static constexpr size_t max_hosts = 16;

  std::vector<postgres_host> hosts;                             ///< 1 or more
  std::vector<std::pair<std::string, std::string>> parameters;  ///< of libpq, but for hosts; with the password
  std::string shown;                                            ///< "db1,db2:5433/name": no user, no password
  std::chrono::milliseconds connect_timeout = std::chrono::seconds(5);
};

bool is_postgres_url(std::string_view url) noexcept;

/// Reads "postgresql://user@host1,host2:port/database?parameter=value"
/// (https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING). `target_session_attrs` is not
/// used: it is always the primary that is looked for. Parameters that notice dead connections have short defaults.
/// Throws `invalid_configuration`; no message shows anything of what stands before the hosts.
postgres_address parse_postgres_url(const std::string& url);

}  // namespace fp
