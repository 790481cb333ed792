#pragma once

#include "actors/environment.hpp"

namespace fp {

/// Turns a batch of commits into a memory segment while the oplog actor makes the same batch durable.
struct segment_builder_state {
  static inline const char* name = "segment_builder";
};

segment_builder_handle::behavior_type segment_builder(
    segment_builder_handle::stateful_pointer<segment_builder_state> self);

}  // namespace fp
