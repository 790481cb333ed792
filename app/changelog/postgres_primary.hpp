#pragma once

#include <memory>
#include <string>
#include <utility>

#include "app/changelog/interruption.hpp"
#include "app/changelog/postgres_connector.hpp"

namespace fp {

/// A session on whichever host is the primary of a changelog, made when it is first used and again whenever it has
/// to be. A host whose call was late is left for another primary, if there is one. For one thread, but for
/// `interrupt`.
class postgres_primary {
 public:
  using time_point = interruption::time_point;

  explicit postgres_primary(postgres_address address) : connector_(std::move(address)) {}

  const postgres_address& address() const noexcept { return connector_.address(); }

  /// Sees to a session that seems alive, with the schema that this program knows. Says why there is none, with what
  /// to do, else nothing.
  std::string connect(time_point deadline);
  /// Has the next call ask all hosts which one is the primary; false when there is but one.
  bool choose_again() noexcept;
  /// Runs a statement once at most.
  postgres_answer run(const char* sql, const postgres_parameters& parameters, time_point deadline);
  /// Runs a statement that may be run twice.
  postgres_answer ask(const char* sql, const postgres_parameters& parameters, time_point deadline);

  /// Ends the call that is going on, and every later one. From any thread.
  void interrupt() noexcept { interruption_.raise(); }

 private:
  std::string check_schema(postgres_session& session, time_point deadline) const;

  interruption interruption_;
  postgres_connector connector_;
  std::unique_ptr<postgres_session> session_;
  time_point connected_at_;
};

}  // namespace fp
