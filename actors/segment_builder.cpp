#include "actors/segment_builder.hpp"

namespace fp {

segment_builder_handle::behavior_type segment_builder(
    pooled_pointer<segment_builder_handle, segment_builder_state> self) {
  keep_exception_text(self);
  return {
      [](build_atom, const commit_batch_ptr& batch) -> caf::result<segment_ptr> {
        try {
          return build_memory_segment(*batch);
        } catch (const std::exception& e) {
          return to_caf_error(e);
        }
      },
  };
}

}  // namespace fp
