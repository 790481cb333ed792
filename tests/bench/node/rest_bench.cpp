#include <atomic>
#include <exception>
#include <stop_token>
#include <thread>

#include "core/commit/changes.hpp"
#include "tests/bench/core/documents.hpp"
#include "tests/bench/node/feeding.hpp"
#include "tests/bench/node/node_process.hpp"
#include "tests/bench/node/parts.hpp"

namespace fp::bench {

namespace {

using clock = std::chrono::steady_clock;

constexpr size_t hashes_per_query = 120;
constexpr size_t num_queries = 2'000;
constexpr size_t batch_size = 100;  ///< the searches count, not their way through the network
constexpr int num_searchers = 2;
constexpr uint64_t documents_per_commit = 25;
/// An index is at rest so long after its last write, at the latest.
constexpr std::chrono::seconds rest{30};

/// Documents with the statistics of real fingerprints under consecutive ids, and queries for some of them.
class music_feed {
 public:
  explicit music_feed(uint64_t wanted) : every_(std::max<uint64_t>(1, wanted / 1'000 / num_queries)) {}

  update_request next() {
    changes_encoder changes;
    for (uint64_t i = 0; i < documents_per_commit; i++) {
      const auto& hashes = documents_.next();
      postings += hashes.size();
      changes.insert(++documents, hashes);
      if (queries.size() < num_queries && documents % every_ == 0) {
        queries.push_back(documents_.query(hashes_per_query));
      }
    }
    update_request request;
    request.changes = changes.take();
    return request;
  }

  uint64_t postings = 0;
  document_id documents = 0;
  std::vector<std::vector<hash_value>> queries;

 private:
  music_source documents_{FPNODE_TEST_DATA "/fingerprints.txt.gz"};
  uint64_t every_;
};

/// Searches a second of clients that never pause.
double throughput(const node_options& o, uint16_t port, const std::vector<std::vector<hash_value>>& queries) {
  std::vector<search_batch_request> batches;
  for (size_t i = 0; i + batch_size <= queries.size(); i += batch_size) {
    auto& batch = batches.emplace_back();
    for (size_t k = i; k < i + batch_size; k++) {
      auto& one = batch.searches.emplace_back();
      one.query = queries[k];
      one.timeout_ms = 0;
    }
  }
  if (batches.empty()) throw std::runtime_error("rest: too few documents for queries");
  std::atomic<uint64_t> done = 0;
  std::vector<std::exception_ptr> failures(num_searchers);
  const auto end = clock::now() + std::chrono::seconds(o.seconds);
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < num_searchers; t++) {
      threads.emplace_back([&, t] {
        try {
          node_client client(port, false);
          for (size_t i = static_cast<size_t>(t); clock::now() < end; i++) {
            client.node.search_batch(index_name, batches[i % batches.size()]);
            done += batch_size;
          }
        } catch (...) {
          failures[static_cast<size_t>(t)] = std::current_exception();
        }
      });
    }
  }
  for (const auto& f : failures) {
    if (f) std::rethrow_exception(f);
  }
  return static_cast<double>(done) / o.seconds;
}

}  // namespace

void run_rest(const node_options& o, reporter& report) {
  scratch_folder scratch(o.folder);
  node_process process(node_command(o.node, scratch.path() / "data"));
  node_client client(process.port());
  music_feed feed(o.items);
  while (feed.postings < o.items) client.node.update(index_name, feed.next());

  // A steady ingest, not one that takes all the processors that it can get.
  std::vector<double> steady;
  index_status in_ingest;
  {
    std::exception_ptr failure;
    std::jthread writer([&](std::stop_token stop) {
      try {
        auto due = clock::now();
        const auto step = std::chrono::nanoseconds(static_cast<int64_t>(
            1e9 * static_cast<double>(documents_per_commit) / static_cast<double>(o.music_rate)));
        while (!stop.stop_requested()) {
          std::this_thread::sleep_until(due += step);
          client.node.update(index_name, feed.next());
        }
      } catch (...) {
        failure = std::current_exception();
      }
    });
    node_client observer(process.port(), false);
    const auto queries = feed.queries;
    for (uint32_t round = 0; round < o.rounds; round++) steady.push_back(throughput(o, process.port(), queries));
    in_ingest = observer.node.status(index_name);
    writer.request_stop();
    writer.join();
    if (failure) std::rethrow_exception(failure);
  }

  std::this_thread::sleep_for(rest);
  const auto at_rest = client.node.status(index_name);
  throughput(o, process.port(), feed.queries);  // warms up
  std::vector<double> resting, merged, rest_ratios, steady_ratios;
  for (uint32_t round = 0; round < o.rounds; round++) {
    resting.push_back(throughput(o, process.port(), feed.queries));
  }
  client.node.merge(index_name);
  throughput(o, process.port(), feed.queries);
  for (uint32_t round = 0; round < o.rounds; round++) {
    merged.push_back(throughput(o, process.port(), feed.queries));
    rest_ratios.push_back(resting[round] / merged[round]);
    steady_ratios.push_back(steady[round] / merged[round]);
  }
  const auto segments = [](const index_status& s) {
    return std::map<std::string, double>{{"file_segments", s.num_file_segments},
                                         {"memory_segments", s.num_memory_segments}};
  };
  const std::string items = std::to_string(o.items);
  report.add({"node/rest/" + items, "searches of an index at rest", "searches/s", spread_of(resting),
              "after a merge on request", spread_of(merged), spread_of(rest_ratios), 0.9, "", segments(at_rest)});
  report.add({"node/steady/" + items, "searches during a steady ingest", "searches/s", spread_of(steady),
              "after a merge on request", spread_of(merged), spread_of(steady_ratios), 0.5,
              "two cores that writes, merges and clients share", segments(in_ingest)});
}

}  // namespace fp::bench
