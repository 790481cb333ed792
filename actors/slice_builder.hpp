#pragma once

#include "actors/environment.hpp"
#include "core/segment/memory_segment_builder.hpp"

namespace fp {

/// Turns slices of a log into memory segments while the oplog actor reads on.
///
///     oplog_actor --slice--> slice_builder --segment / error--> oplog_actor
struct slice_builder_state {
  static inline const char* name = "slice_builder";

  memory_segment_builder segments;
};

slice_builder_handle::behavior_type slice_builder(slice_builder_handle::stateful_pointer<slice_builder_state> self);

}  // namespace fp
