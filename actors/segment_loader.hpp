#pragma once

#include "actors/environment.hpp"
#include "actors/worker_pool.hpp"

namespace fp {

/// Loads one segment at a time and asks for the next:
///
///     manifest_actor <--next-- segment_loader --segment_loaded / load_failed / load_advanced--> listener
///                    --load_task / stop-->
///
/// Blocks on I/O. Between slices of a file it looks at the cancel flag; once that is up it ends without a word.
struct segment_loader_state {
  static inline const char* name = "segment_loader";

  pooled_pointer<segment_loader_handle, segment_loader_state> self;
  loader_setup setup;

  void ask_for_work();
  void load(const load_task& task);
};

segment_loader_handle::behavior_type segment_loader(
    pooled_pointer<segment_loader_handle, segment_loader_state> self, loader_setup setup);

/// `environment::spawn_loader` of a real node.
segment_loader_handle spawn_segment_loader(caf::scheduled_actor* parent, loader_setup setup);

}  // namespace fp
