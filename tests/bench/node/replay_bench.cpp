#include "tests/bench/node/feeding.hpp"
#include "tests/bench/node/ingest_rate.hpp"
#include "tests/bench/node/node_process.hpp"
#include "tests/bench/node/parts.hpp"

namespace fp::bench {

namespace {

/// Documents a second of a start that finds all of them in the log.
double replay_rate(const node_options& o) {
  scratch_folder scratch(o.folder);
  // Nothing is ever written out.
  const auto command =
      node_command(o.node, scratch.path() / "data",
                   {"--checkpoint-threshold", "1000000000", "--checkpoint-age-ms", "0", "--checkpoint-commits", "0",
                    "--checkpoint-log-bytes", "0", "--idle-merge-after-ms", "0"});
  node_process process(command);
  {
    node_client client(process.port());
    update_source source(13, o.hashes_per_document);
    feed(client.node, source, o.documents);
  }
  process.kill();
  node_process again(command);
  node_client client(again.port(), false);
  const auto load = wait_until_loaded(client.node);
  if (client.node.info(index_name).num_documents != o.documents) throw std::runtime_error("documents are missing");
  return static_cast<double>(o.documents) * 1e6 / static_cast<double>(load.elapsed_us);
}

}  // namespace

void run_replay(const node_options& o, reporter& report) {
  std::vector<double> replays, ingests, ratios;
  for (uint32_t round = 0; round < o.rounds; round++) {
    ingests.push_back(ingest(o, ingest_way::actors).rate);
    replays.push_back(replay_rate(o));
    ratios.push_back(replays.back() / ingests.back());
  }
  report.add({"node/replay/" + std::to_string(o.documents),
              "replay of the log at a start after SIGKILL",
              "documents/s",
              spread_of(replays),
              "ingest over CAF",
              spread_of(ingests),
              spread_of(ratios),
              3.0,
              "sorting each slice of the log on one core",
              {{"documents", static_cast<double>(o.documents)}}});
}

}  // namespace fp::bench
