#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/changelog/postgres_connector.hpp"
#include "core/changelog/changelog.hpp"

namespace fp {

/// What an operator does with a changelog in PostgreSQL. Methods throw `fp::error`: `io_error` when there is no
/// primary to be had or it refuses, `unsupported_format` for a schema that is missing, older or newer than this
/// program's.
class postgres_admin {
 public:
  using time_point = interruption::time_point;

  /// Throws `invalid_configuration` for a URL that is none.
  explicit postgres_admin(const std::string& url);

  /// Without credentials: "the changelog at db1,db2/name".
  const std::string& name() const noexcept { return name_; }

  struct migration {
    int from = 0;  ///< version of the schema; 0: there was none
    int to = 0;
  };
  /// Makes the schema, or brings it up to date, in one transaction. One that is up to date stays as it is.
  migration init(time_point deadline);

  struct lineage_report {
    lineage of;
    feed_position floor = 0, newest = 0;
    std::optional<double> oldest_age_s, newest_age_s;  ///< of its changes; none: it has none
    uint64_t payload_bytes = 0;                        ///< about: by the newest hundred changes
  };
  struct report {
    int schema_version = 0;
    std::string server;                ///< "db1:5432"
    std::string server_version;        ///< "15.18"
    int64_t timeline = 0;              ///< raised by each failover
    bool is_durable = true;            ///< false: the server runs with fsync or full_page_writes off
    std::string synchronous_standbys;  ///< setting of the server; empty: commits wait for its own disk alone
    feed_position newest_meta = 0;
    uint64_t log_bytes = 0, request_bytes = 0;  ///< of the tables with all that belongs to them
    uint64_t num_to_sweep = 0;                  ///< changes that are given up, and still take room
    std::vector<lineage_report> lineages;       ///< by name
  };
  report status(time_point deadline);

  /// The newest position among changes older than that; the floor when there is none. Nothing for no such lineage.
  std::optional<feed_position> newest_older_than(const lineage& l, std::chrono::seconds age, time_point deadline);

 private:
  postgres_session& session(time_point deadline);
  postgres_rows run(const char* sql, const postgres_parameters& parameters, time_point deadline);
  int schema_version(time_point deadline);
  void require_schema(time_point deadline);

  interruption interruption_;
  postgres_connector connector_;
  std::string name_;
  std::unique_ptr<postgres_session> session_;
};

}  // namespace fp
