#include "actors/slice_builder.hpp"

namespace fp {

slice_builder_handle::behavior_type slice_builder(
    slice_builder_handle::stateful_pointer<slice_builder_state> self) {
  keep_exception_text(self);
  return {
      [=](build_atom, const log_slice_ptr& slice) -> caf::result<segment_ptr> {
        try {
          return self->state.segments.build(slice->commits);
        } catch (const std::exception& e) {
          return to_caf_error(e);
        }
      },
  };
}

}  // namespace fp
