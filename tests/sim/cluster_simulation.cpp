// Searches of clusters far larger than a machine, in virtual time, by the decisions that nodes make themselves
// (`slice_router`): what tails to expect, and of what settings. Prints a table for tests/bench/README.md.
//
//     fpsim_cluster [SEARCHES]      of each row; default 20,000

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/core/slices/simulated_cluster.hpp"

namespace fp {
namespace {

using namespace std::chrono_literals;
using test::simulated_cluster;
using condition = simulated_cluster::condition;
using duration = slice_router::duration;

/// Half of the searches take 0.4 ms or less, as tests/bench/slices.py measures of members with 12.5 M postings
/// each; one in a hundred takes 1.6 ms or more (log-normal), more than was measured; and now and then a node does
/// something else for 20 ms.
duration usual(simulated_cluster::random_engine& random) {
  std::lognormal_distribution<double> draw(std::log(0.4), std::log(4.0) / 2.326);
  const bool is_held_up = random() % 2'000 == 0;
  return std::chrono::duration_cast<duration>(std::chrono::duration<double, std::milli>(draw(random))) +
         (is_held_up ? duration(20ms) : duration(0));
}

enum class trouble { none, slow_nodes, restarts, lost_rack };

struct plan {
  uint32_t num_slices = 1, num_replicas = 2;
  trouble what = trouble::none;
  double load = 0.4;  ///< share of the cores' time that searches take
  uint32_t hedge_percent = 5;
};

constexpr size_t cores = 8;

const char* name_of(trouble t) {
  switch (t) {
    case trouble::none:
      return "none";
    case trouble::slow_nodes:
      return "one node in 20 at a tenth of its speed";
    case trouble::restarts:
      return "rolling restarts";
    case trouble::lost_rack:
      return "a rack of four lost";
  }
  return "";
}

/// Nodes are numbered by replicas first, then by slices.
void cause(simulated_cluster& cluster, const plan& p, duration length) {
  const auto num_nodes = static_cast<member_number>(p.num_slices * p.num_replicas);
  switch (p.what) {
    case trouble::none:
      break;
    case trouble::slow_nodes:
      for (member_number m = 0; m < num_nodes; m += 20) {
        cluster.at_member(m).service = [](auto& random) { return usual(random) * 10; };
      }
      break;
    case trouble::restarts: {
      // One node after the other, each away for a tenth of its turn.
      const auto turn = length / std::max<member_number>(1, num_nodes);
      for (member_number m = 0; m < num_nodes; ++m) {
        cluster.after(turn * m, [&cluster, m] { cluster.set(m, condition::gone); });
        cluster.after(turn * m + turn / 2, [&cluster, m] { cluster.set(m, condition::well); });
      }
      break;
    }
    case trouble::lost_rack:
      // Replicas of a slice stand in different racks, of which there are four.
      for (member_number m = 0; m < num_nodes; ++m) {
        if ((m % p.num_slices + m / p.num_slices) % 4 > 0) continue;
        cluster.after(length / 4, [&cluster, m] { cluster.set(m, condition::cut); });
      }
  }
}

void simulate(const plan& p, size_t num_searches) {
  slice_router::options o;
  o.seed = 1;
  o.hedge_percent = p.hedge_percent;
  simulated_cluster cluster(o);
  for (uint32_t r = 0; r < p.num_replicas; ++r) {
    for (uint32_t s = 1; s <= p.num_slices; ++s) cluster.add({s, p.num_slices}, usual, cores);
  }
  cluster.announce();
  constexpr double mean_ms = 0.48;
  const double rate = p.load * cores * p.num_replicas / mean_ms;  // searches a ms, each of which asks each slice
  const auto distance = std::chrono::duration_cast<duration>(std::chrono::duration<double, std::milli>(1 / rate));
  cause(cluster, p, distance * num_searches);
  for (size_t i = 0; i < num_searches; ++i) {
    cluster.search(500ms, 10);
    cluster.run_for(distance);
  }
  cluster.run_for(2s);
  std::vector<double> took;
  size_t refused = 0;
  for (const auto& [number, outcome] : cluster.outcomes) {
    refused += outcome.refusal.has_value();
    if (outcome.answer) took.push_back(static_cast<double>(outcome.took.count()) / 1e6);
  }
  std::ranges::sort(took);
  const auto at = [&](double share) {
    return took.empty() ? 0 : took[static_cast<size_t>(share * static_cast<double>(took.size() - 1))];
  };
  uint64_t asked = 0, hedged = 0;
  for (member_number m = 0; m < p.num_slices * p.num_replicas; ++m) {
    asked += cluster.router().report(m, cluster.now()).asked;
    hedged += cluster.router().report(m, cluster.now()).hedged;
  }
  std::printf("| %u | %u | %u | %s | %.0f %% | %.2f | %.2f | %.2f | %.1f %% | %.3f %% |\n",
              p.num_slices * p.num_replicas, p.num_slices, p.num_replicas, name_of(p.what), p.load * 100, at(0.5),
              at(0.99), at(0.999),
              100.0 * static_cast<double>(hedged) / static_cast<double>(std::max<uint64_t>(1, asked)),
              100.0 * static_cast<double>(refused) / static_cast<double>(num_searches));
  std::fflush(stdout);
}

}  // namespace
}  // namespace fp

int main(int argc, char** argv) {
  const auto num_searches = static_cast<size_t>(argc > 1 ? std::atoll(argv[1]) : 20'000);
  std::printf(
      "| nodes | slices | replicas | trouble | load | p50, ms | p99, ms | p99.9, ms | asked twice | failed |\n"
      "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
  using fp::trouble;
  for (const auto& [slices, replicas] :
       {std::pair{1u, 3u}, {4u, 2u}, {16u, 2u}, {64u, 2u}, {64u, 3u}, {256u, 2u}, {256u, 3u}, {333u, 3u}}) {
    // So that each row has as many questions as it takes to see its tail.
    const auto searches = std::max<size_t>(2'000, num_searches / std::max(1u, slices / 16));
    fp::simulate({slices, replicas}, searches);
    for (const auto what : {trouble::slow_nodes, trouble::restarts, trouble::lost_rack}) {
      fp::simulate({slices, replicas, what}, searches);
    }
  }
  for (const uint32_t percent : {0u, 1u, 5u, 20u})
    fp::simulate({64, 2, trouble::none, 0.4, percent}, num_searches / 4);
  for (const double load : {0.2, 0.6, 0.8}) fp::simulate({64, 2, trouble::none, load}, num_searches / 4);
}
