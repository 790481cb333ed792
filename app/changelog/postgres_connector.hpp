#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/changelog/postgres_session.hpp"

namespace fp {

/// Finds the primary among the hosts of an address. All are asked at once, each in its own time: libpq goes through
/// a list of hosts one by one, stops at a standby that has no connection left, waits for one that is frozen, and
/// takes the first that calls itself a primary. Of several, which a failover leaves when the old one's manager has
/// died, the one with the highest timeline is it, and one whose last call was late comes last.
class postgres_connector {
 public:
  using time_point = interruption::time_point;

  explicit postgres_connector(postgres_address address);

  const postgres_address& address() const noexcept { return address_; }

  struct result {
    std::unique_ptr<postgres_session> session;  ///< null: there is none
    std::string why;                            ///< then, with each host's reason
  };
  /// A session on the primary, set up.
  result connect(time_point deadline, const interruption& interrupt) const;

  /// A call to this host was late: another primary is better.
  void leave(size_t host) { left_.at(host) = true; }
  /// A call to this host was answered.
  void keep(size_t host) { left_.at(host) = false; }

 private:
  postgres_address address_;
  std::vector<bool> left_;
};

}  // namespace fp
