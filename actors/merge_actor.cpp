#include "actors/merge_actor.hpp"

#include "core/merge/merge.hpp"
#include "core/merge/merge_room.hpp"

namespace fp {

merge_outcome merge_state::merge(const merge_job& job) const {
  try {
    if (job.file.empty()) return {merge_to_memory(*job.index, job.first, job.count, job.cancel.get()), {}, {}};
    uint64_t bytes = 0;
    for (const auto& e : job.index->entries().subspan(job.first, job.count)) bytes += e.segment->info().num_bytes;
    require_merge_room(env->space(job.file.parent_path()), bytes, job.spare_bytes);
    const open_files::place place(*env->upkeep_files);
    return {merge_to_file(*job.index, job.first, job.count, *env->fs, job.file,
                          env->newest_settings()->segment_load_mode, job.cancel.get(), {},
                          env->pools != nullptr ? &env->pools->of(blocking_work::merges) : nullptr),
            {},
            {}};
  } catch (const damaged_inputs_error& e) {
    return {nullptr, to_caf_error(e), e.inputs()};
  } catch (const std::exception& e) {
    return {nullptr, to_caf_error(e), {}};
  }
}

merge_handle::behavior_type merge_actor(pooled_pointer<merge_handle, merge_state> self, environment_ptr env,
                                        folder_lease_ptr lease) {
  keep_exception_text(self);
  self->state.env = std::move(env);
  self->state.lease = std::move(lease);
  return {
      [=](const merge_job& job) { return self->state.merge(job); },
  };
}

}  // namespace fp
