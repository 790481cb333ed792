#include <CLI/CLI.hpp>
#include <set>
#include <utility>

#include "app/fpctl/command.hpp"
#include "app/fpctl/fingerprint_source.hpp"
#include "app/fpctl/index_form.hpp"
#include "app/fpctl/search_report.hpp"

namespace fp::ctl {

namespace {

constexpr size_t queries_per_batch = 64;

struct query_options {
  std::string name;
  std::vector<std::string> hashes;
  std::string file;
  bool expect = false;
  uint32_t limit = 40;
  std::optional<uint32_t> min_score;
  std::optional<uint32_t> score_pct;
  uint32_t probes = 0;
  std::optional<uint64_t> min_version;
  bool allow_partial = false;
};

/// The form of the index that is asked.
hash_form ask_form(command_context& c, const query_options& o) {
  return form_of(c.node().info(o.name, {c.ready_wait_ms()}), o.name);
}

void complain_of_form(const command_context& c, const std::vector<hash_value>& hashes, hash_form form) {
  if (form == hash_form::acoustid_28 || !look_cut(hashes)) return;
  c.complain(
      "the query's hashes are cut to 28 bits, as AcoustID's are, and the index holds whole ones (its form is " +
      std::string(to_string(form)) + "): they hardly find each other");
}

/// `asked`: hashes in the form of the index.
search_request request_of(const command_context& c, const query_options& o, const std::vector<hash_value>& asked,
                          hash_form form) {
  search_request r;
  r.query = asked;
  if (form == hash_form::acoustid_28) {
    // The node's own default counts a share of a query that may be much longer than an extract.
    r.min_score = static_cast<uint32_t>((most_shared(r.query.size(), form) + 19) / 20);
  }
  r.limit = o.limit;
  if (o.min_score) r.min_score = *o.min_score;
  if (o.score_pct) r.score_pct = *o.score_pct;
  r.probes = o.probes;
  if (o.min_version) r.min_version = *o.min_version;
  r.allow_partial = o.allow_partial;
  r.timeout_ms = r.ready_wait_ms = c.ready_wait_ms();
  return r;
}

void complain_of_missing(const command_context& c, const search_reply& reply) {
  for (const auto& part : reply.missing) c.complain("slice " + part + " is missing: nobody answers for it");
}

/// The query that the words of a command line are. A shell that splits what `fpcalc -raw` prints makes words of its
/// lines.
std::vector<hash_value> query_of(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) {
    const bool is_line = word.starts_with("DURATION=") || word.starts_with("FINGERPRINT=");
    if (!text.empty()) text += is_line ? '\n' : ' ';
    text += word;
  }
  auto found = read_fingerprints(text);
  if (found.size() > 1) {
    throw error(errc::bad_request, "these are " + std::to_string(found.size()) +
                                       " fingerprints, and a query is one; --file takes many");
  }
  return std::move(found.front().hashes);
}

exit_code search_one(command_context& c, const query_options& o) {
  const auto hashes = query_of(o.hashes);
  const auto form = ask_form(c, o);
  complain_of_form(c, hashes, form);
  const auto asked = query_in_form(hashes, form);
  const auto num_distinct = std::set<hash_value>(asked.begin(), asked.end()).size();
  const auto answer = c.node().search(o.name, request_of(c, o, asked, form));
  complain_of_missing(c, answer);
  if (c.json_output) {
    json shown{{"version", answer.version}, {"hashes", num_distinct}, {"results", as_json(answer.results)}};
    if (o.allow_partial) shown["missing"] = answer.missing;
    c.print_json(shown);
  } else if (answer.results.empty()) {
    c.out << "nothing found\n";
  } else {
    table t({{"document", align::right}, {"score", align::right}, {"of the query", align::right}});
    for (size_t i = 0; i < answer.results.size(); i++) {
      const auto r = answer.results[i];
      t.add({std::to_string(r.id), std::to_string(r.score), percent_text(r.score, num_distinct)});
    }
    t.print(c.out);
  }
  return answer.results.empty() ? exit_incomplete : exit_ok;
}

exit_code search_file(command_context& c, query_options o) {
  // The best match counts, however low its score, and for the margin the second best, however far behind it is.
  o.limit = 2;
  if (!o.score_pct) o.score_pct = 0;
  if (!o.min_score) o.min_score = 1;
  fingerprint_source source({o.file}, c.patience());
  const auto form = ask_form(c, o);
  bool has_complained = false;
  search_report report;
  auto rows = outcome_table();
  auto queries_json = json::array();
  std::vector<text_fingerprint> queries;
  const auto run_batch = [&] {
    if (queries.empty()) return;
    search_batch_request request;
    for (const auto& q : queries) {
      if (!std::exchange(has_complained, has_complained || look_cut(q.hashes))) complain_of_form(c, q.hashes, form);
      request.searches.push_back(request_of(c, o, query_in_form(q.hashes, form), form));
    }
    const auto answer = c.node().search_batch(o.name, request);
    if (answer.replies.size() != queries.size()) {
      throw error(errc::internal_error, "the node answered " + std::to_string(answer.replies.size()) + " of " +
                                            std::to_string(queries.size()) + " searches");
    }
    for (size_t i = 0; i < queries.size(); i++) {
      const auto outcome = outcome_of(queries[i], answer.replies[i].results);
      report.add(outcome);
      if (c.json_output) {
        queries_json.push_back(as_json(outcome));
      } else {
        add_row(rows, outcome);
      }
    }
    if (!c.json_output) rows.print(c.out);
    queries.clear();
  };
  while (auto query = source.next()) {
    queries.push_back(std::move(*query));
    if (queries.size() == queries_per_batch) run_batch();
  }
  run_batch();
  if (report.queries() == 0) throw error(errc::bad_request, source.where() + ": no query is in this input");
  if (c.json_output) {
    json j{{"queries", report.queries()}, {"unmatched", report.unmatched()}};
    if (o.expect) j["expected"] = report.expectation_json();
    j["results"] = std::move(queries_json);
    c.print_json(j);
  } else if (o.expect) {
    c.out << '\n';
    report.expectation_table().print(c.out);
  }
  return report.unmatched() > 0 ? exit_incomplete : exit_ok;
}

}  // namespace

void add_search_command(CLI::App& app, command_context& c) {
  auto o = std::make_shared<query_options>();
  auto* sub = app.add_subcommand("search", "Find the documents that share the most hashes with a query");
  sub->footer(
      "HASHES are signed or unsigned 32-bit decimals, separated by commas or spaces, or a fingerprint in any form "
      "that\n"
      "ingest reads. With --file, every fingerprint of a file is a query of its own; each prints one line with the "
      "best\n"
      "match and its score above the second best.");
  sub->add_option("NAME", o->name, "The index")->required();
  auto* hashes = sub->add_option("HASHES", o->hashes, "The query");
  auto* file = sub->add_option("--file", o->file, "Queries from a file; - is standard input")->excludes(hashes);
  sub->add_flag("--expect", o->expect, "Tell, by label, how many queries found the document whose id they name")
      ->needs(file);
  sub->add_option("--limit", o->limit, "Results of a query")
      ->check(CLI::Range(1u, max_search_limit))
      ->excludes(file)
      ->capture_default_str();
  sub->add_option("--min-score", o->min_score,
                  "Shared hashes at least (default: a twentieth of the query's, with --file 1)");
  sub->add_option("--score-pct", o->score_pct, "Percent of the best score at least (default: 10, with --file 0)")
      ->check(CLI::Range(0u, 100u));
  sub->add_option("--min-version", o->min_version,
                  "Wait until the index is at this version, as a replica that others write to comes to be");
  sub->add_flag("--allow-partial", o->allow_partial,
                "Of an index in slices, answer without those that nobody answers for, and tell which");
  sub->add_option("--probes", o->probes, "Find hashes, too, that differ from a query's in so many bits")
      ->check(CLI::Range(0u, max_probes))
      ->capture_default_str();
  sub->callback([&c, o, hashes, file] {
    if (hashes->count() == 0 && file->count() == 0) throw CLI::RequiredError("HASHES or --file");
    c.chosen = [&c, o, file] { return file->count() > 0 ? search_file(c, *o) : search_one(c, *o); };
  });
}

}  // namespace fp::ctl
