#include <CLI/CLI.hpp>
#include <cstdio>

#include "tests/bench/bench.hpp"
#include "tests/bench/core/search_bench.hpp"

int main(int argc, char** argv) {
  CLI::App cli{"Measures searching and its metrics against references, in one run."};
  fp::bench::search_bench_options o;
  o.fingerprints = FPNODE_TEST_DATA "/fingerprints.txt.gz";
  o.folder = std::filesystem::temp_directory_path();
  std::vector<std::string> parts{"uniform", "music",  "files", "metrics", "growth",    "rest",
                                 "bounds",  "import", "near",  "hot",     "changelog", "cold"};
  cli.add_option("--postings", o.postings, "Postings of the indexes with uniform hashes")->delimiter(',');
  cli.add_option("--music-postings", o.music_postings, "Postings of the index that is like real music");
  cli.add_option("--file-postings", o.file_postings, "Postings of the indexes in files")->delimiter(',');
  cli.add_option("--rest-postings", o.rest_postings, "Postings of the index that is ingested and left at rest");
  cli.add_option("--import-postings", o.import_postings, "Postings of the index that is imported");
  cli.add_option("--near-postings", o.near_postings, "Postings of the indexes that are searched for near hashes");
  cli.add_option("--cold-postings", o.cold_postings, "Postings of the file that has left memory");
  cli.add_option("--growth-segments", o.growth_segments, "Segments of the many small ones");
  cli.add_option("--growth-documents", o.growth_documents, "Documents in each of 45 segments");
  cli.add_option("--traffic-scale", o.traffic_scale, "By how much AcoustID's traffic is scaled down");
  cli.add_option("--traffic-days", o.traffic_days, "Days of it; 30 times as many, too");
  cli.add_option("--hot-documents", o.hot_documents, "Documents that a search finds");
  cli.add_option("--held-by", o.held_by, "Documents that hold a hash which many hold");
  cli.add_option("--changelog-documents", o.changelog_documents, "Documents in a changelog that is read");
  cli.add_option("--folder", o.folder, "Where files go");
  cli.add_option("--hashes", o.hashes_per_document, "Hashes of a document of uniform hashes");
  cli.add_option("--query-hashes", o.hashes_per_query, "Hashes of a query");
  cli.add_option("--queries", o.queries, "Queries a round");
  cli.add_option("--rounds", o.rounds, "Measurements of each figure; the median counts");
  cli.add_option("--segments", o.segments, "Numbers of segments to measure")->delimiter(',');
  cli.add_option("--fingerprints", o.fingerprints, "Real fingerprints");
  cli.add_option("--json", o.json, "File to append the figures to, one JSON object a line");
  cli.add_option("parts", parts, "What to measure")->check(CLI::IsMember(parts));
  CLI11_PARSE(cli, argc, argv);
  std::printf("Queries of %u hashes; medians of %u rounds (smallest to largest)\n\n", o.hashes_per_query, o.rounds);
  fp::bench::reporter report(o.json);
  report.print_head();
  for (const auto& part : parts) {
    if (part == "uniform") fp::bench::run_uniform(o, report);
    if (part == "music") fp::bench::run_music(o, report);
    if (part == "files") fp::bench::run_files(o, report);
    if (part == "metrics") {
      fp::bench::run_metrics(o, report);
      fp::bench::run_exposition(o, report);
    }
    if (part == "growth") fp::bench::run_growth(o, report);
    if (part == "rest") fp::bench::run_rest(o, report);
    if (part == "bounds") fp::bench::run_bounds(o, report);
    if (part == "import") fp::bench::run_import(o, report);
    if (part == "near") fp::bench::run_near(o, report);
    if (part == "hot") fp::bench::run_hot(o, report);
    if (part == "cold") fp::bench::run_cold(o, report);
    if (part == "changelog") fp::bench::run_changelog(o, report);
  }
}
