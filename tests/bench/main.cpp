#include <CLI/CLI.hpp>
#include <cstdio>

#include "tests/bench/node_bench.hpp"

int main(int argc, char** argv) {
  CLI::App cli{"Measures loading and ingesting through the actors against references, in one run."};
  fp::bench::options o;
  o.folder = std::filesystem::temp_directory_path();
  std::vector<std::string> parts{"loading", "ingest"};
  cli.add_option("--postings", o.postings, "Postings in the index");
  cli.add_option("--hashes", o.hashes_per_document, "Hashes of a document");
  cli.add_option("--rounds", o.rounds, "Measurements of each figure; the median counts");
  cli.add_option("--folder", o.folder, "Where files go");
  cli.add_option("--json", o.json, "File to append the figures to, one JSON object a line");
  cli.add_option("parts", parts, "What to measure")->check(CLI::IsMember({"loading", "ingest"}));
  CLI11_PARSE(cli, argc, argv);
  std::printf("%llu postings, %u hashes a document; medians of %u rounds (smallest to largest)\n\n",
              static_cast<unsigned long long>(o.postings), o.hashes_per_document, o.rounds);
  fp::bench::reporter report(o.json);
  report.print_head();
  for (const auto& part : parts) {
    if (part == "loading") fp::bench::run_loading(o, report);
    if (part == "ingest") fp::bench::run_ingest(o, report);
  }
}
