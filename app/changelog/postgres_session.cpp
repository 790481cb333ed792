#include "app/changelog/postgres_session.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/printable.hpp"

namespace fp {

namespace {

constexpr size_t max_reason_bytes = 300;

/// libpq's messages have several lines, and name the server, which whoever shows them does, too.
std::string one_line(std::string_view message) {
  constexpr std::string_view failed = "failed: ";
  if (const auto at = message.find(failed); message.starts_with("connection to server") && at != message.npos) {
    message.remove_prefix(at + failed.size());
  }
  std::string text;
  for (const char c : message) {
    if (c == '\n') {
      text += ';';
    } else if (c != '\t' && (c != ' ' || !text.ends_with(' '))) {
      text += text.ends_with(';') ? std::string(" ") + c : std::string(1, c);
    }
  }
  while (text.ends_with(' ') || text.ends_with(';')) text.pop_back();
  return printable(text, max_reason_bytes);
}

std::string field_of(const PGresult* result, int code) {
  const char* text = ::PQresultErrorField(result, code);
  return text == nullptr ? std::string() : text;
}

/// "text; detail; hint".
std::string refusal_of(const PGresult* result) {
  auto text = field_of(result, PG_DIAG_MESSAGE_PRIMARY);
  if (text.empty()) text = ::PQresultErrorMessage(result);
  for (const int code : {PG_DIAG_MESSAGE_DETAIL, PG_DIAG_MESSAGE_HINT}) {
    if (const auto more = field_of(result, code); !more.empty()) text += "; " + more;
  }
  return one_line(text);
}

}  // namespace

void postgres_session::closer::operator()(pg_conn* opened) const noexcept { ::PQfinish(opened); }

postgres_session::postgres_session(const postgres_address& to, size_t host, const std::string& address)
    : host_(host) {
  std::vector<const char*> keys, values;
  const auto add = [&](const char* key, const std::string& value) {
    if (value.empty()) return;
    keys.push_back(key);
    values.push_back(value.c_str());
  };
  const auto& h = to.hosts[host];
  add("host", h.host);
  add("hostaddr", address);
  add("port", h.port);
  for (const auto& [key, value] : to.parameters) add(key.c_str(), value);
  keys.push_back(nullptr);
  values.push_back(nullptr);
  connection_.reset(::PQconnectStartParams(keys.data(), values.data(), 0));
  if (!connection_) return;
  // The only sign that a commit is on one machine alone: "canceling wait for synchronous replication".
  ::PQsetNoticeReceiver(
      connection_.get(),
      [](void* self, const PGresult* notice) {
        if (field_of(notice, PG_DIAG_SQLSTATE) == "01000") static_cast<postgres_session*>(self)->has_warned_ = true;
      },
      this);
}

postgres_session::~postgres_session() = default;

pollfd postgres_session::awaited() const noexcept {
  return {::PQsocket(connection_.get()), static_cast<short>(wants_to_write_ ? POLLIN | POLLOUT : POLLIN), 0};
}

bool postgres_session::has_failed() const noexcept {
  return !connection_ || ::PQstatus(connection_.get()) == CONNECTION_BAD;
}

postgres_session::progress postgres_session::connect_step() {
  switch (::PQconnectPoll(connection_.get())) {
    case PGRES_POLLING_OK:
      wants_to_write_ = false;
      return ::PQsetnonblocking(connection_.get(), 1) == 0 ? progress::done : progress::failed;
    case PGRES_POLLING_FAILED:
      return progress::failed;
    case PGRES_POLLING_WRITING:
      wants_to_write_ = true;
      return progress::going_on;
    default:
      wants_to_write_ = false;
      return progress::going_on;
  }
}

std::string postgres_session::failure() const {
  return connection_ ? one_line(::PQerrorMessage(connection_.get())) : "no memory left";
}

postgres_answer postgres_session::broken(bool is_sent) const {
  postgres_answer a;
  a.how = postgres_answer::outcome::lost;
  a.is_sent = is_sent;
  a.why = failure();
  return a;
}

bool postgres_session::begin(const char* sql, const postgres_parameters& parameters) {
  is_flushed_ = false;
  has_warned_ = false;
  answer_ = {};
  wants_to_write_ = true;
  if (parameters.size() == 0) return ::PQsendQuery(connection_.get(), sql) == 1;
  std::vector<const char*> values;
  std::vector<int> lengths;
  for (size_t i = 0; i < parameters.size(); i++) {
    values.push_back(parameters.value(i).data());
    lengths.push_back(static_cast<int>(parameters.value(i).size()));
  }
  const std::vector<int> binary(parameters.size(), 1);
  return ::PQsendQueryParams(connection_.get(), sql, static_cast<int>(parameters.size()), parameters.types().data(),
                             values.data(), lengths.data(), binary.data(), 1) == 1;
}

std::optional<postgres_answer> postgres_session::step() {
  auto* c = connection_.get();
  if (wants_to_write_) {
    // First: it tells whether all has been sent, which may have been when the statement was begun.
    const int flushed = ::PQflush(c);
    if (flushed < 0) return broken(true);
    if (flushed > 0) {
      // What the server says meanwhile has to be read, or both wait for each other.
      pollfd readable{::PQsocket(c), POLLIN, 0};
      if (::poll(&readable, 1, 0) > 0 && ::PQconsumeInput(c) == 0) return broken(false);
      return std::nullopt;
    }
    is_flushed_ = true;
    wants_to_write_ = false;
  }
  if (::PQconsumeInput(c) == 0) return broken(true);
  while (::PQisBusy(c) == 0) {
    // A statement is done, and committed, only when there is no further result: its rows come before the commit.
    auto* next = ::PQgetResult(c);
    if (next == nullptr) {
      if (::PQstatus(c) == CONNECTION_BAD) {
        auto a = broken(true);
        a.sqlstate = answer_.sqlstate;
        if (!answer_.why.empty()) a.why = answer_.why;
        return a;
      }
      answer_.is_doubtful = has_warned_;
      return std::exchange(answer_, {});
    }
    const auto status = ::PQresultStatus(next);
    postgres_rows owned(next);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
      answer_.rows = std::move(owned);
    } else {
      answer_.how = postgres_answer::outcome::refused;
      answer_.is_sent = false;
      answer_.sqlstate = field_of(next, PG_DIAG_SQLSTATE);
      answer_.why = refusal_of(next);
    }
  }
  return std::nullopt;
}

postgres_answer postgres_session::run(const char* sql, const postgres_parameters& parameters, time_point deadline,
                                      const interruption& interrupt) {
  if (!begin(sql, parameters)) return broken(false);
  for (;;) {
    if (auto a = step()) return std::move(*a);
    const auto waited = interrupt.wait({awaited()}, deadline);
    if (waited == interruption::outcome::ready) continue;
    postgres_answer a;
    a.is_sent = is_flushed_;
    const bool is_late = waited == interruption::outcome::late;
    a.how = is_late ? postgres_answer::outcome::late : postgres_answer::outcome::interrupted;
    a.why = is_late ? "no answer in time" : "interrupted";
    return a;
  }
}

bool postgres_session::is_alive() {
  auto* c = connection_.get();
  // A server that ends a session says so before the end of the stream.
  for (int i = 0; i < 4; i++) {
    if (::PQstatus(c) != CONNECTION_OK) return false;
    pollfd p{::PQsocket(c), POLLIN, 0};
    if (::poll(&p, 1, 0) <= 0) return true;
    if (::PQconsumeInput(c) == 0) return false;
    ::PQisBusy(c);
  }
  return false;
}

int postgres_session::server_version() const noexcept { return ::PQserverVersion(connection_.get()); }

}  // namespace fp
