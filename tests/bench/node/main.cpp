#include <CLI/CLI.hpp>
#include <cstdio>
#include <functional>
#include <map>

#include "tests/bench/node/parts.hpp"

namespace {

using namespace fp::bench;

const std::map<std::string, std::function<void(const node_options&, reporter&)>> parts{
    {"path", run_path},     {"ingest", run_ingest}, {"writers", run_writers}, {"replay", run_replay},
    {"upkeep", run_upkeep}, {"memory", run_memory}, {"rest", run_rest},
};

std::vector<std::string> part_names() {
  std::vector<std::string> names;
  for (const auto& [name, run] : parts) names.push_back(name);
  return names;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App cli{"Measures a whole node, as a process of its own, against references, in one run."};
  node_options o;
  o.folder = std::filesystem::temp_directory_path();
  o.node = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "fpnode";
  std::filesystem::path json;
  auto chosen = part_names();
  cli.add_option("--documents", o.documents, "Documents to ingest")->capture_default_str();
  cli.add_option("--items", o.items, "Items of an index that is searched or loaded")->capture_default_str();
  cli.add_option("--hashes", o.hashes_per_document, "Hashes of a document")->capture_default_str();
  cli.add_option("--rounds", o.rounds, "Measurements of each figure; the median counts")->capture_default_str();
  cli.add_option("--seconds", o.seconds, "Length of a phase of what runs for a time")->capture_default_str();
  cli.add_option("--connections", o.connections, "Connections that feed HTTP")->capture_default_str();
  cli.add_option("--write-rate", o.write_rate, "Documents a second beside searches")->capture_default_str();
  cli.add_option("--music-rate", o.music_rate, "Documents like music a second beside searches")
      ->capture_default_str();
  cli.add_option("--search-rate", o.search_rate, "Searches a second beside writes")->capture_default_str();
  cli.add_option("--folder", o.folder, "Where data folders go")->capture_default_str();
  cli.add_option("--node", o.node, "The program fpnode")->capture_default_str();
  cli.add_option("--json", json, "File to append figures to, as JSON lines");
  cli.add_option("parts", chosen, "What to measure")->check(CLI::IsMember(chosen));
  auto* echo = cli.add_subcommand("serve-echo", "The reference of `path`: runs until it is killed");
  size_t reply_bytes = 0;
  echo->add_option("--reply-bytes", reply_bytes)->required();
  auto* filling = cli.add_subcommand("fill", "Fills an index of a running node and writes searches of it");
  fill_options f;
  filling->add_option("--port", f.port, "CAF port of the node")->required();
  filling->add_option("--items", f.items, "Items to write")->required();
  filling->add_option("--hashes", f.hashes_per_document, "Hashes of a document")->capture_default_str();
  filling->add_option("--queries", f.queries, "File for searches, one JSON body a line");
  filling->add_option("--num-queries", f.num_queries, "Searches to write")->capture_default_str();
  CLI11_PARSE(cli, argc, argv);
  try {
    if (echo->parsed()) serve_echo(reply_bytes);
    if (filling->parsed()) {
      fill(f);
      return 0;
    }
    reporter report(json);
    report.print_head();
    for (const auto& part : chosen) parts.at(part)(o, report);
    return 0;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
