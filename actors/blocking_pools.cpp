#include "actors/blocking_pools.hpp"

#include <algorithm>
#include <thread>

namespace fp {

uint32_t num_searchers(const config& settings) {
  return settings.threads > 0 ? settings.threads : std::max(1u, std::thread::hardware_concurrency());
}

uint32_t num_loaders(const config& settings) {
  return settings.max_concurrent_loads > 0 ? settings.max_concurrent_loads
                                           : std::max(1u, std::thread::hardware_concurrency());
}

namespace {

struct pool_plan {
  const char* name;  ///< of its threads: 15 characters are shown
  size_t num_threads;
  int niceness = 0;
};

// A thread of 10 gets a tenth of the processor that one of 0 gets, and one of 5 a third, where both want all of it.
constexpr int nice = 5, nicer = 10;

/// By `blocking_work`.
std::array<pool_plan, 7> plan_pools(const config& settings) {
  return {{{"fp-search", num_searchers(settings)},
           {"fp-log", settings.log_threads},
           {"fp-transfer", num_loaders(settings), nice},
           {"fp-checkpoint", settings.upkeep_threads, nicer},
           {"fp-merge", settings.upkeep_threads, nicer},
           {"fp-changelog", settings.cluster.num_connections(), nice},
           {"fp-build", num_searchers(settings), nice}}};
}

}  // namespace

blocking_pools::blocking_pools(caf::actor_system& system, const config& settings) {
  const auto plans = plan_pools(settings);
  for (size_t i = 0; i < plans.size(); i++) {
    if (plans[i].num_threads == 0) continue;
    pools_[i] = std::make_unique<worker_pool>(system, plans[i].name, plans[i].num_threads, plans[i].niceness);
  }
}

size_t blocking_pools::num_threads(const config& settings) {
  size_t sum = 0;
  for (const auto& plan : plan_pools(settings)) sum += plan.num_threads;
  return sum;
}

}  // namespace fp
