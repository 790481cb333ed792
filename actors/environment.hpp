#pragma once

#include <spdlog/logger.h>

#include <atomic>
#include <caf/all.hpp>
#include <functional>
#include <memory>

#include "actors/direct_search.hpp"
#include "core/commit/commit_order.hpp"
#include "core/config/live_settings.hpp"
#include "core/fs/open_files.hpp"
#include "core/merge/merge_room.hpp"
#include "core/metrics/node_metrics.hpp"
#include "messages/internal.hpp"

namespace fp {

uint64_t thread_disk_reads();
/// A random number that is not 0.
uint64_t make_instance();

class blocking_pools;
struct environment;
using environment_ptr = std::shared_ptr<const environment>;

/// What a segment loader is given.
struct loader_setup {
  environment_ptr env;
  uint64_t attempt = 0;
  path data;  ///< folder of the segment files
  manifest_handle tasks;
  load_listener listener;
  cancel_flag_ptr cancel;
  permit_ptr permit;
  folder_lease_ptr lease;
};

/// What all actors of a node share: handed in, so that tests can replace any of it.
struct environment {
  file_system* fs = &posix_file_system();
  std::function<disk_space(const path& folder)> space = space_of;
  config settings;
  /// What has become of those that may change at run time. Null: nothing changes.
  std::shared_ptr<const live_settings> live;
  std::shared_ptr<spdlog::logger> log;
  std::shared_ptr<node_metrics> metrics = std::make_shared<node_metrics>();
  /// Where what the indexes read and write has its places: logs and manifests.
  std::shared_ptr<open_files> files = std::make_shared<open_files>(config{}.max_open_logs);
  /// The same for checkpoints and merges of files, which take long: nobody who writes waits for one.
  std::shared_ptr<open_files> upkeep_files = std::make_shared<open_files>(config{}.max_open_logs);
  /// The indexes that gateways search on their own threads.
  std::shared_ptr<direct_searches> direct = std::make_shared<direct_searches>();
  /// How long a coordinator, or a gateway's thread, searches itself. So long other requests wait at most, and one
  /// that takes longer loses as much before it is handed over, which costs 50 microseconds. Caches are cold when
  /// searches are rare: those then take several times as long as in a benchmark.
  std::chrono::microseconds own_search_budget{200};
  /// How often the calling thread, since it began, has waited for a page from a disk, or asked for some.
  std::function<uint64_t()> disk_reads = thread_disk_reads;
  /// The threads of actors that block, which outlive them. Null: they are scheduled as all others, as tests with a
  /// deterministic scheduler want it.
  const blocking_pools* pools = nullptr;
  /// Which node this is, since its start, to those whom it asks for a base: a node is no donor of its own.
  uint64_t instance = make_instance();
  /// Whether the node is to be stopped: see `drain_request`.
  std::shared_ptr<std::atomic<bool>> is_draining = std::make_shared<std::atomic<bool>>(false);
  /// The settings as they are now.
  std::shared_ptr<const config> newest_settings() const {
    return live ? live->newest() : std::shared_ptr<const config>(std::shared_ptr<const config>(), &settings);
  }
  /// Where an index's generation has its files.
  index_folders folders_of(const index_record& record) const { return fp::folders_of(settings.dir, record); }
  /// Who gives an index's commits their ids.
  std::function<std::unique_ptr<commit_order>()> make_order = make_local_order;
  /// Makes a segment loader, monitored and linked to the caller. Default: the real one.
  std::function<segment_loader_handle(caf::scheduled_actor* parent, loader_setup)> spawn_loader;
};

/// Makes an actor keep the text of an exception that one of its handlers lets out: it ends with an error that says
/// what was thrown.
template <class Self>
void keep_exception_text(Self* self) {
  self->set_exception_handler([](std::exception_ptr& e) { return to_caf_error(e); });
}

}  // namespace fp
