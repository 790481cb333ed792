#include <CLI/CLI.hpp>
#include <set>

#include "app/fpctl/command.hpp"
#include "app/fpctl/fpcalc.hpp"

namespace fp::ctl {

namespace {

struct identify_options {
  std::string name;
  std::vector<std::string> files;
  uint32_t length_s = 120;
  uint32_t limit = 3;
};

exit_code identify(command_context& c, const identify_options& o) {
  auto report = json::array();
  table t({{"file"}, {"document", align::right}, {"score", align::right}, {"of the query", align::right}});
  bool all_found = true, all_readable = true;
  for (const auto& file : o.files) {
    text_fingerprint heard;
    try {
      heard = run_fpcalc(file, o.length_s, c.patience());
    } catch (const error& e) {
      c.complain(e.what());
      report.push_back({{"file", file}, {"error", e.what()}});
      all_readable = false;
      continue;
    }
    search_request request;
    request.query = heard.hashes;
    request.limit = o.limit;
    request.timeout_ms = request.ready_wait_ms = c.ready_wait_ms();
    const auto results = c.node().search(o.name, request).results;
    const auto num_distinct = std::set<hash_value>(heard.hashes.begin(), heard.hashes.end()).size();
    report.push_back({{"file", file}, {"hashes", num_distinct}, {"results", as_json(results)}});
    if (results.empty()) t.add({file, "none", "-", "-"});
    all_found = all_found && !results.empty();
    for (size_t i = 0; i < results.size(); i++) {
      t.add({i == 0 ? file : "", std::to_string(results[i].id), std::to_string(results[i].score),
             percent_text(results[i].score, num_distinct)});
    }
  }
  if (c.json_output) {
    c.print_json(report);
  } else if (!t.empty()) {
    t.print(c.out);
  }
  return !all_readable ? exit_failed : all_found ? exit_ok : exit_incomplete;
}

}  // namespace

void add_identify_command(CLI::App& app, command_context& c) {
  auto o = std::make_shared<identify_options>();
  auto* sub = app.add_subcommand("identify", "Find out what audio files are, by Chromaprint's fpcalc");
  sub->add_option("NAME", o->name, "The index")->required();
  sub->add_option("AUDIO", o->files, "Audio files")->required();
  sub->add_option("--length", o->length_s, "Seconds of audio to listen to; 0: all")->capture_default_str();
  sub->add_option("--limit", o->limit, "Results of a file")
      ->check(CLI::Range(1u, max_search_limit))
      ->capture_default_str();
  sub->callback([&c, o] { c.chosen = [&c, o] { return identify(c, *o); }; });
}

}  // namespace fp::ctl
