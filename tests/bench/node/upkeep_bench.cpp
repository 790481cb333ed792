#include <algorithm>
#include <exception>
#include <stop_token>
#include <thread>

#include "tests/bench/node/feeding.hpp"
#include "tests/bench/node/node_process.hpp"
#include "tests/bench/node/parts.hpp"

namespace fp::bench {

namespace {

using clock = std::chrono::steady_clock;

constexpr size_t hashes_per_query = 120;

/// Due times a steady number a second apart.
class pace {
 public:
  explicit pace(double a_second) : step_(std::chrono::nanoseconds(static_cast<int64_t>(1e9 / a_second))) {}
  /// Waits until the next due time and returns from when on its work counts as begun: work that is late because
  /// the work before it took long counts from its due time, or a slow answer would hide those behind it.
  clock::time_point next() {
    due_ += step_;
    if (due_ <= clock::now()) return due_;
    std::this_thread::sleep_until(due_);
    return clock::now();
  }

 private:
  clock::duration step_;
  clock::time_point due_ = clock::now();
};

/// Writes at a steady rate on a thread of its own while it exists.
class steady_writer {
 public:
  steady_writer(const node_options& o, uint16_t port, update_source& source)
      : thread_([&o, port, &source, this](std::stop_token stop) {
          try {
            // Small updates: a steady load, not bursts.
            constexpr uint64_t documents = 100;
            node_client client(port);
            pace due(static_cast<double>(o.write_rate) / documents);
            while (!stop.stop_requested()) {
              due.next();
              client.node.update(index_name, source.next(documents));
            }
          } catch (...) {
            failure_ = std::current_exception();
          }
        }) {}

  void finish() {
    thread_.request_stop();
    thread_.join();
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  std::exception_ptr failure_;
  std::jthread thread_;
};

/// Microseconds of each search of a phase, sorted.
std::vector<double> search_steadily(const node_options& o, client& node, uniform_documents& hashes) {
  std::vector<double> taken;
  pace due(static_cast<double>(o.search_rate));
  const auto end = clock::now() + std::chrono::seconds(o.seconds);
  search_request request;
  request.timeout_ms = 0;
  while (clock::now() < end) {
    request.query = hashes.next();
    const auto begun = due.next();
    node.search(index_name, request);
    taken.push_back(std::chrono::duration<double, std::micro>(clock::now() - begun).count());
  }
  std::sort(taken.begin(), taken.end());
  return taken;
}

double quantile(const std::vector<double>& sorted, double q) {
  return sorted[std::min(sorted.size() - 1, static_cast<size_t>(q * static_cast<double>(sorted.size())))];
}

/// (microseconds, share of the searches that took longer).
figure_series survival(std::string id, std::string what, std::vector<double> taken) {
  std::sort(taken.begin(), taken.end());
  figure_series s{std::move(id), std::move(what), "us", "share slower", {}};
  for (double bound = 50; bound < 2 * taken.back(); bound *= 1.25) {
    const auto slower = taken.end() - std::upper_bound(taken.begin(), taken.end(), bound);
    s.points.emplace_back(bound, static_cast<double>(slower) / static_cast<double>(taken.size()));
  }
  return s;
}

}  // namespace

void run_upkeep(const node_options& o, reporter& report) {
  scratch_folder scratch(o.folder);
  node_process process(node_command(o.node, scratch.path() / "data"));
  node_client client(process.port());
  update_source source(13, o.hashes_per_document);
  feed(client.node, source, o.items / o.hashes_per_document);
  client.node.checkpoint(index_name);
  client.node.merge(index_name);
  uniform_documents queries(41, hashes_per_query);
  search_steadily(o, client.node, queries);  // warms up
  const auto before = client.node.status(index_name);
  std::vector<double> quiet_all, busy_all, quiet_p99, busy_p99, ratios;
  for (uint32_t round = 0; round < o.rounds; round++) {
    // What the busy phase has left over is done before the quiet one.
    client.node.checkpoint(index_name);
    client.node.merge(index_name);
    // The merged file is mapped anew: first touches of its pages are not what quiet searches take.
    search_steadily(o, client.node, queries);
    const auto quiet = search_steadily(o, client.node, queries);
    steady_writer writes(o, process.port(), source);
    const auto busy = search_steadily(o, client.node, queries);
    writes.finish();
    quiet_p99.push_back(quantile(quiet, 0.99));
    busy_p99.push_back(quantile(busy, 0.99));
    ratios.push_back(quiet_p99.back() / busy_p99.back());
    quiet_all.insert(quiet_all.end(), quiet.begin(), quiet.end());
    busy_all.insert(busy_all.end(), busy.begin(), busy.end());
  }
  const auto after = client.node.status(index_name);
  const std::string id = "node/upkeep/" + std::to_string(o.items);
  report.add({id,
              "search p99 in upkeep",
              "us",
              spread_of(busy_p99),
              "quiet p99",
              spread_of(quiet_p99),
              spread_of(ratios),
              1 / 3.0,
              "two cores that merges, writes and client share",
              {{"items", static_cast<double>(o.items)},
               {"documents_per_second", static_cast<double>(o.write_rate)},
               {"searches_per_second", static_cast<double>(o.search_rate)},
               {"checkpoints", static_cast<double>(after.checkpoints - before.checkpoints)},
               {"memory_merges", static_cast<double>(after.memory_merges - before.memory_merges)},
               {"file_merges", static_cast<double>(after.file_merges - before.file_merges)}}});
  report.add(survival(id + "/quiet", "searches of a quiet node", std::move(quiet_all)));
  report.add(survival(id + "/busy", "searches in upkeep", std::move(busy_all)));
}

}  // namespace fp::bench
