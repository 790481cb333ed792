#pragma once

#include <array>
#include <memory>
#include <utility>

#include "actors/worker_pool.hpp"
#include "core/config/config.hpp"

namespace fp {

/// What actors block on. Each kind has threads of its own, so that a long one keeps no short one waiting, and as
/// many for the whole node, however many indexes there are. Work in bulk leaves the processor to whoever has a
/// client that waits.
enum class blocking_work : uint8_t {
  searches,     ///< look-ups, and texts of metrics: what clients wait for
  logs,         ///< oplogs, manifests and the catalog: what writers wait for
  transfers,    ///< segment loaders, backups and restores
  checkpoints,  ///< and merges in memory: what keeps memory bounded
  merges,       ///< of files, and scrubs: take as long as they like
  changelog,    ///< questions to the changelog, where the node follows one
  builds,       ///< segments in memory of large batches of writes
};

/// Searchers of a node, and of an index: as configured, or one per core.
uint32_t num_searchers(const config& settings);
/// Segments that load at the same time: as configured, or one per core.
uint32_t num_loaders(const config& settings);

class blocking_pools {
 public:
  /// Throws `overloaded` when there are not so many threads.
  blocking_pools(caf::actor_system& system, const config& settings);

  /// Of work that the settings ask for.
  worker_pool& of(blocking_work kind) const { return *pools_[static_cast<size_t>(kind)]; }

  /// Of all pools together, without CAF's.
  static size_t num_threads(const config& settings);

 private:
  std::array<std::unique_ptr<worker_pool>, 7> pools_;
};

/// Spawns an actor that blocks: on the pool of its kind of work, or, without pools, as any other.
template <class F, class... Ts>
auto spawn_pooled(caf::actor_system& system, const blocking_pools* pools, blocking_work kind, F f, Ts&&... args) {
  return pools != nullptr ? pools->of(kind).spawn(f, std::forward<Ts>(args)...)
                          : system.spawn(f, std::forward<Ts>(args)...);
}

}  // namespace fp
