#include "actors/index_coordinator.hpp"

namespace fp {

namespace {

index_task task_of(upkeep_kind kind) {
  switch (kind) {
    case upkeep_kind::checkpoint:
      return index_task::checkpoint;
    case upkeep_kind::memory_merge:
      return index_task::memory_merge;
    default:
      return index_task::file_merge;
  }
}

}  // namespace

void index_coordinator_state::merge(const merge_task& task) {
  metrics->task_started(task_of(task.kind));
  const auto worker = worker_for(task.kind);
  merge_job work{task.index, task.first, task.count, {}, task.spare_bytes, upkeep_cancel};
  if (!task.file_name.empty()) work.file = setup.folders.data / task.file_name;
  self->request(worker, caf::infinite, std::move(work))
      .then(
          [this, job = task.job](const merge_outcome& outcome) {
            if (outcome.merged) {
              tell_engine([&](index_engine& e) { e.merged(job, outcome.merged, now()); });
            } else {
              on_merge_failed(job, outcome.failure, outcome.damaged);
            }
          },
          [this, job = task.job](const caf::error& why) { on_merge_failed(job, why, {}); });
}

void index_coordinator_state::on_merge_failed(uint64_t job, const caf::error& why,
                                              const std::vector<damaged_input>& damaged) {
  // A forgotten job's inputs are nothing that is served.
  if (!engine->jobs().is_running(job) || fail_if_unreadable()) return;
  for (const auto& d : damaged) note_damage(d.segment, "merge", d.reason);
  tell_engine([&](index_engine& e) { e.merge_failed(job, to_core_error(why), damaged, now()); });
}

void index_coordinator_state::store(const manifest_task& task) {
  self->request(manifests, caf::infinite, store_atom_v, task.names, task.obsolete)
      .then([this,
             job = task.job](done_atom) { tell_engine([&](index_engine& e) { e.manifest_stored(job, now()); }); },
            [this, job = task.job](const caf::error& why) {
              tell_engine([&](index_engine& e) { e.store_failed(job, to_core_error(why), now()); });
            });
}

void index_coordinator_state::truncate_log(commit_id in_files) {
  if (!log) return;
  self->request(log, caf::infinite, truncate_atom_v, in_files)
      .then(
          [this](uint64_t bytes) { set_oplog_bytes(bytes); },
          [this](const caf::error& e) { env->log->warn("{}: truncating the log: {}", index_name(), text_of(e)); });
}

void index_coordinator_state::job_done(const running_job& job) {
  metrics->task_done(task_of(job.kind), now() - job.began);
  if (job.kind == upkeep_kind::memory_merge) return;
  const auto& facts = job.merged->info();
  env->log->info("{}: {} {}-{}: {} documents, {} postings, {} bytes", index_name(),
                 job.kind == upkeep_kind::checkpoint ? "checkpoint" : "merged segment", facts.first_commit,
                 facts.last_commit, facts.num_documents, facts.num_postings, facts.num_bytes);
}

void index_coordinator_state::job_failed(const running_job& job, const error& why) {
  metrics->task_failed(task_of(job.kind));
  env->log->error("{}: {} failed: {}", index_name(), to_string(job.kind), why.what());
}

void index_coordinator_state::job_dropped(const running_job& job) { metrics->task_dropped(task_of(job.kind)); }

void index_coordinator_state::retire(std::vector<segment_ptr> segments) {
  if (manifests) self->send(manifests, retired_segments{std::move(segments)});
}

void index_coordinator_state::checkpoint_ended(const error* why_not) {
  for (auto& promise : std::exchange(checkpoint_promises, {})) {
    if (why_not != nullptr) {
      promise.deliver(to_caf_error(*why_not));
    } else {
      promise.deliver(upkeep_state());
    }
  }
}

void index_coordinator_state::merge_ended(uint64_t round, const error* hindrance) {
  const auto [first, last] = merge_promises.equal_range(round);
  for (auto it = first; it != last; ++it) {
    if (hindrance != nullptr) {
      it->second.deliver(to_caf_error(*hindrance));
    } else {
      it->second.deliver(upkeep_state());
    }
  }
  merge_promises.erase(first, last);
}

void index_coordinator_state::requests_refused(const error& why) {
  checkpoint_ended(&why);
  for (auto& [round, promise] : std::exchange(merge_promises, {})) promise.deliver(to_caf_error(why));
}

void index_coordinator_state::wake_at(clock_time when) { timer.set(self, index_coordinator_handle(self), when); }

void index_coordinator_state::after_tick() {
  timer.rang(now());
  tell_engine([this](index_engine& e) { e.look(now()); });
}

upkeep_reply index_coordinator_state::upkeep_state() const {
  const auto num_files = static_cast<uint32_t>(current()->num_file_segments());
  return {current()->version(), current()->file_version(), num_files,
          static_cast<uint32_t>(current()->entries().size()) - num_files};
}

void index_coordinator_state::request_checkpoint(upkeep_promise promise) {
  if (!manifests) {
    promise.deliver(to_caf_error(*engine->gate().block()));
    return;
  }
  checkpoint_promises.push_back(promise);
  tell_engine([this](index_engine& e) {
    e.request_checkpoint(now());
    e.look(now());
  });
}

void index_coordinator_state::request_merge(upkeep_promise promise) {
  if (!manifests) {
    promise.deliver(to_caf_error(*engine->gate().block()));
    return;
  }
  tell_engine([&](index_engine& e) {
    merge_promises.emplace(e.request_merge(now()), promise);
    e.look(now());
  });
}

}  // namespace fp
