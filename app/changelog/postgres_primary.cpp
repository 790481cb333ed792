#include "app/changelog/postgres_primary.hpp"

#include <algorithm>
#include <cstdlib>

#include "app/changelog/postgres_schema.hpp"

namespace fp {

namespace {

using std::chrono::steady_clock;

/// Of several hosts, another one may have become the primary without the old one's ending its sessions.
constexpr std::chrono::minutes longest_session_of_several(1);
constexpr std::chrono::milliseconds renewal_patience(1'000);

}  // namespace

std::string postgres_primary::check_schema(postgres_session& session, time_point deadline) const {
  const auto a =
      session.run("select max(version) from fpnode.schema_version", postgres_parameters(), deadline, interruption_);
  const int known = postgres_schema_version();
  if (a.is_done()) {
    const auto version = std::atoi(a.rows.text(0, 0).c_str());
    if (version == known) return {};
    const auto text =
        "its schema has version " + std::to_string(version) + ", this program knows " + std::to_string(known);
    return text +
           (version > known ? ": a newer fpnode is needed" : ": `fpctl changelog init` brings it up to date");
  }
  // No such table, no such schema.
  if (a.sqlstate == "42P01" || a.sqlstate == "3F000") {
    return "there is no changelog in this database: `fpctl changelog init` makes one";
  }
  return a.why;
}

std::string postgres_primary::connect(time_point deadline) {
  if (interruption_.is_raised()) return "interrupted";
  if (session_ && !session_->is_alive()) session_.reset();
  const auto now = steady_clock::now();
  const bool renews =
      session_ && connector_.address().hosts.size() > 1 && now - connected_at_ > longest_session_of_several;
  if (session_ && !renews) return {};
  auto found = connector_.connect(renews ? std::min(deadline, now + renewal_patience) : deadline, interruption_);
  if (found.session) {
    found.why = check_schema(*found.session, deadline);
    if (found.why.empty()) session_ = std::move(found.session);
  }
  connected_at_ = steady_clock::now();
  return session_ ? std::string() : found.why;
}

bool postgres_primary::choose_again() noexcept {
  if (connector_.address().hosts.size() < 2) return false;
  session_.reset();
  return true;
}

postgres_answer postgres_primary::run(const char* sql, const postgres_parameters& parameters, time_point deadline) {
  postgres_answer a;
  if (auto why = connect(deadline); !why.empty()) {
    a.how = postgres_answer::outcome::lost;
    a.is_sent = false;
    a.why = std::move(why);
    return a;
  }
  a = session_->run(sql, parameters, deadline, interruption_);
  switch (a.how) {
    case postgres_answer::outcome::done:
      connector_.keep(session_->host());
      return a;
    case postgres_answer::outcome::refused:
      // A server that has become read-only, or another schema: the next call looks again.
      if (a.sqlstate.starts_with("25006") || a.sqlstate.starts_with("42P01") || a.sqlstate.starts_with("42883"))
        break;
      return a;
    case postgres_answer::outcome::late:
      connector_.leave(session_->host());
      break;
    default:
      break;
  }
  a.why = connector_.address().hosts[session_->host()].shown() + ": " + a.why;
  session_.reset();
  return a;
}

postgres_answer postgres_primary::ask(const char* sql, const postgres_parameters& parameters, time_point deadline) {
  const bool had_session = session_ != nullptr;
  auto a = run(sql, parameters, deadline);
  // A session that has rested may have ended without this side's hearing of it.
  if (a.how == postgres_answer::outcome::lost && had_session) a = run(sql, parameters, deadline);
  return a;
}

}  // namespace fp
