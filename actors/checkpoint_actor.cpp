#include "actors/checkpoint_actor.hpp"

#include "core/merge/merge.hpp"

namespace fp {

merge_outcome checkpoint_state::write(const merge_job& job) const {
  try {
    const open_files::place place(*env->upkeep_files);
    return {merge_to_file(*job.index, job.first, job.count, *env->fs, job.file,
                          env->newest_settings()->segment_load_mode, job.cancel.get()),
            {},
            {}};
  } catch (const std::exception& e) {
    return {nullptr, to_caf_error(e), {}};
  }
}

merge_handle::behavior_type checkpoint_actor(pooled_pointer<merge_handle, checkpoint_state> self,
                                             environment_ptr env, folder_lease_ptr lease) {
  keep_exception_text(self);
  self->state.env = std::move(env);
  self->state.lease = std::move(lease);
  return {
      [=](const merge_job& job) { return self->state.write(job); },
  };
}

}  // namespace fp
