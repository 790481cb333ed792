#include "app/changelog/postgres_connector.hpp"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <utility>

#include "app/changelog/host_lookup.hpp"

namespace fp {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// For how long others may follow the first primary that answers: one of them may be the newer one.
constexpr milliseconds comparison_time(250), comparison_time_of_left(1'000);
/// Older ones do not know all that the schema is made of.
constexpr int oldest_server_version = 130'000;

/// One transaction of several statements. Settings of the database or the role shall not change what is promised:
/// an acknowledged append is on disk, a lock is followed by a snapshot of its own. Every look-up goes by an index,
/// also when the statistics still say that a table is empty. Whoever waits for a lock ends when its client is gone.
std::string setup_for(int server_version) {
  std::string sql =
      "set default_transaction_isolation = 'read committed';"
      "set enable_seqscan = off;"
      "set enable_bitmapscan = off;"
      "set max_parallel_workers_per_gather = 0;"
      "set jit = off;"
      "set lock_timeout = '10s';"
      "select set_config('synchronous_commit', 'on', false)"
      " where current_setting('synchronous_commit') in ('off', 'local');";
  if (server_version >= 140'000) sql += "set client_connection_check_interval = '1s';";
  return sql +
         "select pg_is_in_recovery() as recovering, case when pg_is_in_recovery() then 0 else"
         " ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint end as timeline";
}

/// The way to one address of a host.
class attempt {
 public:
  enum class state : uint8_t { looking_up, connecting, asking, primary, failed };

  attempt(const postgres_address& to, size_t host) : to_(&to), host_(host) {
    const auto& h = to.hosts[host];
    if (!h.address.empty()) {
      connect_to(h.address);
    } else if (h.host.empty() || h.host.starts_with('/') || h.host.starts_with('@')) {
      connect_to({});
    } else if (host_lookup::is_address(h.host)) {
      connect_to(h.host);
    } else {
      lookup_ = std::make_unique<host_lookup>(h.host);
    }
  }
  attempt(const postgres_address& to, size_t host, const std::string& address) : to_(&to), host_(host) {
    connect_to(address);
  }

  size_t host() const noexcept { return host_; }
  state at() const noexcept { return state_; }
  bool is_over() const noexcept { return state_ == state::primary || state_ == state::failed; }
  int64_t timeline() const noexcept { return timeline_; }
  /// Of one that is not over: what it waits for.
  const std::string& why() const noexcept { return why_; }
  std::unique_ptr<postgres_session> take() noexcept { return std::move(session_); }

  pollfd awaited() const {
    return state_ == state::looking_up ? pollfd{lookup_->descriptor(), POLLIN, 0} : session_->awaited();
  }

  /// After an event. Further addresses of the host go to `more`.
  void step(std::vector<attempt>& more) {
    switch (state_) {
      case state::looking_up:
        take_addresses(more);
        break;
      case state::connecting:
        go_on_connecting();
        break;
      case state::asking:
        go_on_asking();
        break;
      default:
        break;
    }
  }

 private:
  void fail(std::string why) {
    state_ = state::failed;
    why_ = std::move(why);
    session_.reset();
  }

  void connect_to(const std::string& address) {
    state_ = state::connecting;
    why_ = "no answer in time";
    session_ = std::make_unique<postgres_session>(*to_, host_, address);
    if (session_->has_failed()) fail(session_->failure());
  }

  void take_addresses(std::vector<attempt>& more) {
    const auto found = lookup_->take();
    lookup_.reset();
    if (found.addresses.empty()) {
      fail(found.why);
      return;
    }
    for (size_t i = 1; i < std::min(found.addresses.size(), max_addresses); i++) {
      more.emplace_back(*to_, host_, found.addresses[i]);
    }
    connect_to(found.addresses.front());
  }

  void go_on_connecting() {
    const auto how = session_->connect_step();
    if (how == postgres_session::progress::failed) {
      fail(session_->failure());
    } else if (how == postgres_session::progress::done) {
      if (session_->server_version() < oldest_server_version) {
        fail("a server before PostgreSQL 13");
        return;
      }
      state_ = state::asking;
      if (!session_->begin(setup_for(session_->server_version()).c_str())) {
        fail(session_->failure());
      } else {
        go_on_asking();
      }
    }
  }

  void go_on_asking() {
    const auto a = session_->step();
    if (!a) return;
    if (!a->is_done()) {
      fail(a->why);
    } else if (a->rows.text(0, 0) == "t") {
      fail("is a standby");
    } else {
      timeline_ = std::atoll(a->rows.text(0, 1).c_str());
      state_ = state::primary;
    }
  }

  static constexpr size_t max_addresses = 4;

  const postgres_address* to_;
  size_t host_;
  state state_ = state::looking_up;
  std::string why_ = "its name was not looked up in time";
  std::unique_ptr<host_lookup> lookup_;
  std::unique_ptr<postgres_session> session_;
  int64_t timeline_ = 0;
};

}  // namespace

postgres_connector::postgres_connector(postgres_address address)
    : address_(std::move(address)), left_(address_.hosts.size(), false) {}

postgres_connector::result postgres_connector::connect(time_point deadline, const interruption& interrupt) const {
  const auto cutoff = std::min(deadline, steady_clock::now() + address_.connect_timeout);
  std::vector<attempt> attempts;
  for (size_t i = 0; i < address_.hosts.size(); i++) attempts.emplace_back(address_, i);
  const auto is_better = [&](const attempt& a, const attempt& b) {
    if (left_[a.host()] != left_[b.host()]) return !left_[a.host()];
    return a.timeline() > b.timeline();
  };

  auto until = cutoff;
  for (;;) {
    attempt* best = nullptr;
    std::vector<pollfd> awaited;
    std::vector<size_t> waiting;
    for (size_t i = 0; i < attempts.size(); i++) {
      auto& a = attempts[i];
      if (!a.is_over()) {
        awaited.push_back(a.awaited());
        waiting.push_back(i);
      } else if (a.at() == attempt::state::primary && (best == nullptr || is_better(a, *best))) {
        best = &a;
      }
    }
    if (best != nullptr) {
      const auto patience = left_[best->host()] ? comparison_time_of_left : comparison_time;
      until = std::min(until, steady_clock::now() + patience);
    }
    auto waited = interruption::outcome::late;
    if (!waiting.empty()) waited = interrupt.wait(awaited, until);
    if (waited == interruption::outcome::interrupted) return {nullptr, "interrupted"};
    if (waited == interruption::outcome::late) {
      if (best != nullptr) return {best->take(), {}};
      break;
    }
    std::vector<attempt> more;
    for (const auto i : waiting) {
      pollfd p = attempts[i].awaited();
      if (::poll(&p, 1, 0) > 0) attempts[i].step(more);
    }
    std::move(more.begin(), more.end(), std::back_inserter(attempts));
  }
  std::string why;
  for (size_t i = 0; i < address_.hosts.size(); i++) {
    // Of several addresses, the one that got furthest says most.
    const attempt* of_host = nullptr;
    for (const auto& a : attempts) {
      if (a.host() == i && (of_host == nullptr || !a.is_over())) of_host = &a;
    }
    why += (why.empty() ? "" : "; ") + address_.hosts[i].shown() + ": " + of_host->why();
  }
  return {nullptr, why};
}

}  // namespace fp
