#include "actors/merge_actor.hpp"

#include "core/merge/merge.hpp"

namespace fp {

caf::result<segment_ptr> merge_state::merge(const merge_job& job) const {
  try {
    if (job.file.empty()) return merge_to_memory(*job.index, job.first, job.count, job.cancel.get());
    const open_files::place place(*env->upkeep_files);
    // A file must be whole by itself: what only memory segments rewrite or delete stays in it, in case their log is
    // lost.
    std::vector<segment_ptr> files;
    for (const auto& e : job.index->entries().first(job.index->num_file_segments())) files.push_back(e.segment);
    return merge_to_file(*snapshot::from_segments(std::move(files)), job.first, job.count, *env->fs, job.file,
                         env->settings.segment_load_mode, job.cancel.get());
  } catch (const std::exception& e) {
    return to_caf_error(e);
  }
}

merge_handle::behavior_type merge_actor(merge_handle::stateful_pointer<merge_state> self, environment_ptr env, folder_lease_ptr lease) {
  keep_exception_text(self);
  self->state.env = std::move(env);
  self->state.lease = std::move(lease);
  return {
      [=](const merge_job& job) { return self->state.merge(job); },
  };
}

}  // namespace fp
