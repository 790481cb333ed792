#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>

#include "app/changelog/postgres_admin.hpp"
#include "app/changelog/postgres_changelog.hpp"
#include "app/fpctl/command.hpp"

namespace fp::ctl {

namespace {

struct changelog_arguments {
  std::string url, index;
  bool all = false;
  std::optional<uint64_t> position, keep;
  std::optional<double> older_than_days;
};

using deadline_point = std::chrono::steady_clock::time_point;

deadline_point soon(const command_context& c) {
  return std::chrono::steady_clock::now() + std::chrono::milliseconds(c.ready_wait_ms());
}

std::string age_text(const std::optional<double>& seconds) {
  if (!seconds) return "-";
  return duration_text(std::chrono::seconds(static_cast<int64_t>(*seconds)));
}

json age_json(const std::optional<double>& seconds) { return seconds ? json(*seconds) : json(nullptr); }

exit_code make_changelog(command_context& c, const changelog_arguments& a) {
  postgres_admin admin(a.url);
  const auto m = admin.init(std::chrono::steady_clock::now() + c.patience());
  if (c.json_output) {
    c.print_json({{"from_version", m.from}, {"version", m.to}});
    return exit_ok;
  }
  c.out << safe(admin.name())
        << (m.from == 0     ? " is made"
            : m.from < m.to ? " is brought up to date"
                            : " is up to date")
        << ": schema version " << m.to << "\n";
  return exit_ok;
}

json report_json(const postgres_admin::report& r) {
  json j{{"server", r.server},
         {"server_version", r.server_version},
         {"timeline", r.timeline},
         {"schema_version", r.schema_version},
         {"durable", r.is_durable},
         {"synchronous_standbys", r.synchronous_standbys},
         {"newest_meta", r.newest_meta},
         {"log_bytes", r.log_bytes},
         {"request_bytes", r.request_bytes},
         {"to_sweep", r.num_to_sweep},
         {"lineages", json::array()}};
  for (const auto& l : r.lineages) {
    j["lineages"].push_back({{"index", l.of.index},
                             {"generation", l.of.generation},
                             {"floor", l.floor},
                             {"newest", l.newest},
                             {"payload_bytes", l.payload_bytes},
                             {"oldest_age_s", age_json(l.oldest_age_s)},
                             {"newest_age_s", age_json(l.newest_age_s)}});
  }
  return j;
}

exit_code show_changelog(command_context& c, const changelog_arguments& a) {
  postgres_admin admin(a.url);
  const auto r = admin.status(soon(c));
  if (c.json_output) {
    c.print_json(report_json(r));
    return exit_ok;
  }
  std::vector<std::pair<std::string, std::string>> fields{
      {"changelog", admin.name().substr(admin.name().find(" at ") + 4)},
      {"server", r.server + ", PostgreSQL " + r.server_version + ", timeline " + std::to_string(r.timeline)},
      {"schema", "version " + std::to_string(r.schema_version)},
      {"standbys", r.synchronous_standbys.empty() ? "none that a commit waits for" : r.synchronous_standbys},
      {"size", bytes_text(r.log_bytes) + ", ids of appends " + bytes_text(r.request_bytes)},
      {"meta feed", "up to " + grouped(r.newest_meta)}};
  if (r.num_to_sweep > 0) fields.push_back({"to sweep", grouped(r.num_to_sweep) + " changes"});
  if (!r.is_durable) {
    fields.push_back(
        {"warning", "the server's fsync or full_page_writes is off: what is acknowledged may be lost"});
  }
  print_fields(c.out, fields);
  if (r.lineages.empty()) return exit_ok;
  c.out << '\n';
  table t({{"index"},
           {"generation", align::right},
           {"floor", align::right},
           {"newest", align::right},
           {"changes", align::right},
           {"about", align::right},
           {"oldest", align::right},
           {"newest change", align::right}});
  for (const auto& l : r.lineages) {
    t.add({l.of.index, grouped(l.of.generation), grouped(l.floor), grouped(l.newest), grouped(l.newest - l.floor),
           bytes_text(l.payload_bytes), age_text(l.oldest_age_s), age_text(l.newest_age_s)});
  }
  t.print(c.out);
  return exit_ok;
}

/// Up to where changes are to go, by what was asked for.
feed_position wanted_floor(postgres_admin& admin, const postgres_admin::lineage_report& l,
                           const changelog_arguments& a, deadline_point deadline) {
  if (a.position) return *a.position;
  if (a.keep) return l.newest > *a.keep ? l.newest - *a.keep : 0;
  const auto age = std::chrono::seconds(static_cast<int64_t>(std::llround(*a.older_than_days * 86'400)));
  return admin.newest_older_than(l.of, age, deadline).value_or(0);
}

exit_code truncate_changelog(command_context& c, const changelog_arguments& a) {
  const auto deadline = std::chrono::steady_clock::now() + c.patience();
  postgres_admin admin(a.url);
  postgres_changelog log(a.url);
  auto lineages = admin.status(deadline).lineages;
  if (!a.all) {
    std::erase_if(lineages, [&](const auto& l) { return l.of.index != a.index; });
    if (lineages.empty()) {
      throw error(errc::index_not_found, admin.name() + " has no index " + a.index);
    }
  }
  auto truncated = json::array();
  table t({{"index"}, {"floor", align::right}, {"dropped", align::right}, {"left", align::right}});
  for (const auto& l : lineages) {
    const auto floor = std::clamp(wanted_floor(admin, l, a, deadline), l.floor, l.newest);
    const auto answer = log.truncate(l.of, floor, deadline);
    if (!answer.is_done()) throw error(errc::io_error, answer.why);
    truncated.push_back({{"index", l.of.index}, {"floor", floor}, {"dropped", floor - l.floor}});
    t.add({l.of.index, grouped(floor), grouped(floor - l.floor), grouped(l.newest - floor)});
  }
  if (c.json_output) {
    c.print_json({{"lineages", std::move(truncated)}});
  } else {
    t.print(c.out);
  }
  return exit_ok;
}

}  // namespace

void add_changelog_commands(CLI::App& app, command_context& c) {
  const auto a = std::make_shared<changelog_arguments>();
  auto* changelog =
      app.add_subcommand("changelog", "Make and look after the changelog of several nodes in PostgreSQL");
  changelog->require_subcommand(1);
  const auto add_command = [&](const char* name, const char* help,
                               exit_code (*what)(command_context&, const changelog_arguments&)) {
    auto* command = changelog->add_subcommand(name, help);
    command->callback([&c, a, what] { c.chosen = [&c, a, what] { return what(c, *a); }; });
    command
        ->add_option("--changelog", a->url,
                     "Where it is, as nodes have it in their settings: postgresql://user@host1,host2/database")
        ->envname("FPCTL_CHANGELOG")
        ->required();
    return command;
  };
  auto* init =
      add_command("init", "Make the tables, or bring them up to date; what is there stays", make_changelog);
  init->footer("The role needs the right to create a schema in the database, which must be there.");
  add_command("status", "Show its indexes, how far they go back, and what they take", show_changelog);
  auto* truncate =
      add_command("truncate", "Drop old changes, for good; readers and writers go on", truncate_changelog);
  auto* which = truncate->add_option_group("which", "Of what");
  which->add_option("INDEX", a->index, "The index");
  which->add_flag("--all", a->all, "All indexes");
  which->require_option(1);
  auto* how = truncate->add_option_group("how", "What is dropped");
  how->add_option("--up-to", a->position, "Changes up to this position");
  how->add_option("--keep", a->keep, "All but so many newest changes");
  how->add_option("--older-than", a->older_than_days, "Changes older than so many days")
      ->check(CLI::Range(0.0, 36'500.0));
  how->require_option(1);
  truncate->footer("A node that is further behind takes a base from another one instead.");
}

}  // namespace fp::ctl
