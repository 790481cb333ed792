#include "app/changelog/postgres_admin.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "app/changelog/postgres_schema.hpp"
#include "core/base/error.hpp"

namespace fp {

namespace {

constexpr char lineages_sql[] = R"(
select l.generation, l.name, l.floor, b.newest,
       extract(epoch from now() - (select c.at from fpnode.log c where c.generation = l.generation and c.position > l.floor
                                   order by c.position limit 1))::double precision::text,
       extract(epoch from now() - (select c.at from fpnode.log c where c.generation = l.generation and c.position = b.newest
                                  ))::double precision::text,
       coalesce((select (avg(octet_length(c.payload)) * (b.newest - l.floor))::bigint from fpnode.log c
                 where c.generation = l.generation and c.position > greatest(l.floor, b.newest - 100)), 0)
from fpnode.lineage l, lateral (select fpnode.newest(l.generation, l.floor) newest) b
where l.erased is null and $1 order by l.name)";

constexpr char server_sql[] = R"(
select current_setting('server_version'),
       ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint,
       current_setting('fsync')::boolean and current_setting('full_page_writes')::boolean,
       current_setting('synchronous_standby_names'),
       coalesce((select max(m.position) from fpnode.meta m), 0),
       pg_total_relation_size('fpnode.log'), pg_total_relation_size('fpnode.request'),
       coalesce((select sum(l.floor - l.emptied) from fpnode.lineage l), 0)::bigint
where $1)";

std::optional<double> maybe_seconds(const postgres_rows& rows, size_t row, int column) {
  if (rows.is_null(row, column)) return std::nullopt;
  return std::max(0.0, std::strtod(rows.text(row, column).c_str(), nullptr));
}

}  // namespace

postgres_admin::postgres_admin(const std::string& url)
    : connector_(parse_postgres_url(url)), name_("the changelog at " + connector_.address().shown) {}

postgres_session& postgres_admin::session(time_point deadline) {
  if (!session_) {
    auto found = connector_.connect(deadline, interruption_);
    if (!found.session) throw error(errc::io_error, name_ + ": " + found.why);
    session_ = std::move(found.session);
  }
  return *session_;
}

postgres_rows postgres_admin::run(const char* sql, const postgres_parameters& parameters, time_point deadline) {
  auto a = session(deadline).run(sql, parameters, deadline, interruption_);
  if (a.is_done()) return std::move(a.rows);
  session_.reset();
  throw error(errc::io_error, name_ + ": " + a.why);
}

int postgres_admin::schema_version(time_point deadline) {
  // A statement with a parameter is answered in binary.
  const auto yes = postgres_parameters().boolean(true);
  const auto there = run("select to_regclass('fpnode.schema_version') is not null and $1", yes, deadline);
  if (there.integer(0, 0) == 0) return 0;
  const auto rows = run("select coalesce(max(version), 0) from fpnode.schema_version where $1", yes, deadline);
  return static_cast<int>(rows.integer(0, 0));
}

postgres_admin::migration postgres_admin::init(time_point deadline) {
  migration m;
  m.to = postgres_schema_version();
  run("begin", {}, deadline);
  // Two of them at a time would make the same tables.
  run("select pg_advisory_xact_lock(1718644326, 0)", {}, deadline);
  m.from = schema_version(deadline);
  if (m.from > m.to) {
    throw error(errc::unsupported_format, name_ + ": its schema has version " + std::to_string(m.from) +
                                              ", this program knows " + std::to_string(m.to) +
                                              ": a newer fpnode is needed");
  }
  for (const auto& step : postgres_migrations()) {
    if (step.version > m.from) run(step.text, {}, deadline);
  }
  if (m.from < m.to) {
    run("insert into fpnode.schema_version(version) values ($1)", postgres_parameters().integer(m.to), deadline);
  }
  run("commit", {}, deadline);
  return m;
}

void postgres_admin::require_schema(time_point deadline) {
  const int found = schema_version(deadline), known = postgres_schema_version();
  if (found == known) return;
  const auto text =
      "its schema has version " + std::to_string(found) + ", this program knows " + std::to_string(known);
  throw error(errc::unsupported_format,
              name_ + ": " +
                  (found == 0      ? "there is no changelog in this database: `fpctl changelog init` makes one"
                   : found < known ? text + ": `fpctl changelog init` brings it up to date"
                                   : text + ": a newer fpnode is needed"));
}

postgres_admin::report postgres_admin::status(time_point deadline) {
  require_schema(deadline);
  report r;
  r.schema_version = postgres_schema_version();
  r.server = connector_.address().hosts[session(deadline).host()].shown();
  run("begin transaction isolation level repeatable read read only", {}, deadline);
  const auto server = run(server_sql, postgres_parameters().boolean(true), deadline);
  r.server_version = server.text(0, 0);
  r.timeline = server.integer(0, 1);
  r.is_durable = server.integer(0, 2) != 0;
  r.synchronous_standbys = server.text(0, 3);
  r.newest_meta = static_cast<feed_position>(server.integer(0, 4));
  r.log_bytes = static_cast<uint64_t>(server.integer(0, 5));
  r.request_bytes = static_cast<uint64_t>(server.integer(0, 6));
  r.num_to_sweep = static_cast<uint64_t>(server.integer(0, 7));
  const auto rows = run(lineages_sql, postgres_parameters().boolean(true), deadline);
  for (size_t i = 0; i < rows.size(); i++) {
    lineage_report l;
    l.of = {rows.text(i, 1), static_cast<uint64_t>(rows.integer(i, 0))};
    l.floor = static_cast<feed_position>(rows.integer(i, 2));
    l.newest = static_cast<feed_position>(rows.integer(i, 3));
    l.oldest_age_s = maybe_seconds(rows, i, 4);
    l.newest_age_s = maybe_seconds(rows, i, 5);
    l.payload_bytes = static_cast<uint64_t>(rows.integer(i, 6));
    r.lineages.push_back(std::move(l));
  }
  run("commit", {}, deadline);
  return r;
}

std::optional<feed_position> postgres_admin::newest_older_than(const lineage& l, std::chrono::seconds age,
                                                               time_point deadline) {
  require_schema(deadline);
  const auto rows =
      run("select fpnode.newest_before(l.generation, now() - $3 * interval '1 second')"
          " from fpnode.lineage l where l.generation = $1 and l.name = $2 and l.erased is null",
          postgres_parameters().integer(static_cast<int64_t>(l.generation)).text(l.index).integer(age.count()),
          deadline);
  if (rows.size() == 0) return std::nullopt;
  return static_cast<feed_position>(rows.integer(0, 0));
}

}  // namespace fp
