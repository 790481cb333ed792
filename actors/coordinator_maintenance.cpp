#include <algorithm>

#include "actors/index_coordinator.hpp"
#include "core/index/manifest.hpp"

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

void index_coordinator_state::schedule_maintenance() {
  if (!is_serving() || ending_children) return;
  if (can_store()) {
    // A job that cannot be begun may show that the index cannot be served.
    while (is_serving()) {
      const auto job = planner->next(served, now());
      if (!job) break;
      start_job(*job);
    }
    if (!is_serving()) return;
  }
  answer_maintenance();
  update_write_state();
  arm_timer();
}

void index_coordinator_state::start_job(const upkeep_job& job) {
  auto j = std::make_unique<maintenance_job>();
  j->kind = job.kind;
  const bool merges_files = job.kind == upkeep_kind::file_merge;
  merge_job work{merges_files ? files : current, job.first, job.count, {}, 0, maintenance_cancel};
  const auto entries = work.index->entries().subspan(job.first, job.count);
  for (const auto& e : entries) j->inputs.push_back(e.segment);
  if (job.kind != upkeep_kind::memory_merge) {
    j->file_name = merged_file_name(*j->inputs.front(), *j->inputs.back());
    work.file = setup.folders.data / j->file_name;
  }
  if (merges_files) {
    // What the next checkpoint writes, and as much again in the meantime.
    for (const auto& e : current->entries().subspan(current->num_file_segments())) {
      work.spare_bytes += 2 * e.segment->info().num_bytes;
    }
  }
  j->number = ++jobs;
  const auto number = j->number;
  auto* slot = &slot_of(job.kind);
  *slot = std::move(j);
  metrics->task_started(task_of(job.kind));
  merge_handle worker;
  if (const auto error = capture_error([&] { worker = worker_for(job.kind); })) {
    job_failed(*slot, error, {});
    return;
  }
  const auto is_it = [slot, number] { return *slot && (*slot)->number == number; };
  self->request(worker, caf::infinite, std::move(work))
      .then(
          [=, this](const merge_outcome& outcome) {
            if (!is_it()) return;
            if (outcome.merged) {
              job_done(*slot, outcome.merged);
            } else {
              job_failed(*slot, outcome.failure, outcome.damaged);
            }
          },
          [=, this](const caf::error& e) {
            if (is_it()) job_failed(*slot, e, {});
          });
}

void index_coordinator_state::job_done(job_slot& slot, const segment_ptr& merged) {
  slot->merged = merged;
  if (!slot->file_name.empty()) {
    unstored.push_back(&slot);
    store_next_manifest();
    return;
  }
  const auto done = std::move(slot);
  replace_inputs(*done);
  counters.memory_merges++;
  metrics->task_done(task_of(done->kind), steady_clock::now() - done->started);
  planner->succeeded(done->kind, now());
  retire(std::move(done->inputs));
  schedule_maintenance();
  start_batch();
}

void index_coordinator_state::store_next_manifest() {
  if (storing || unstored.empty()) return;
  auto* slot = unstored.front();
  unstored.pop_front();
  if (ending_children || state == index_state::closing) return;
  storing = true;
  const auto& j = **slot;
  auto names = std::make_shared<manifest>();
  auto obsolete = std::make_shared<std::vector<std::string>>();
  const auto add_merged = [&] { names->segments.push_back({j.file_name, j.merged->info()}); };
  for (const auto& e : files->entries()) {
    if (std::ranges::find(j.inputs, e.segment) == j.inputs.end()) {
      names->segments.push_back({segment_file_name(*e.segment), e.segment->info()});
    } else {
      obsolete->push_back(segment_file_name(*e.segment));
      if (e.segment == j.inputs.front()) add_merged();
    }
  }
  if (j.inputs.front()->is_memory()) add_merged();
  const auto number = j.number;
  self->request(manifests, caf::infinite, store_atom_v, manifest_ptr(names), file_names_ptr(obsolete))
      .then(
          [=, this](done_atom) {
            if (*slot && (*slot)->number == number) manifest_stored(*slot);
          },
          [=, this](const caf::error& e) {
            if (!*slot || (*slot)->number != number) return;
            storing = false;
            job_failed(*slot, e, {});
            store_next_manifest();
            continue_closing();
          });
}

void index_coordinator_state::manifest_stored(job_slot& slot) {
  storing = false;
  const auto done = std::move(slot);
  const bool is_checkpoint = done->kind == upkeep_kind::checkpoint;
  const auto& facts = done->merged->info();
  replace_inputs(*done);
  retire(std::move(done->inputs));
  planner->succeeded(done->kind, now());
  metrics->task_done(task_of(done->kind), steady_clock::now() - done->started);
  env->log->info("{}: {} {}-{}: {} documents, {} postings, {} bytes", index_name(),
                 is_checkpoint ? "checkpoint" : "merged segment", facts.first_commit, facts.last_commit,
                 facts.num_documents, facts.num_postings, facts.num_bytes);
  if (is_checkpoint) {
    counters.checkpoints++;
    truncate_log();
  } else {
    counters.file_merges++;
  }
  store_next_manifest();
  schedule_maintenance();
  start_batch();
  continue_closing();
}

void index_coordinator_state::replace_inputs(const maintenance_job& done) {
  const auto* oldest = done.inputs.front().get();
  const auto count = done.inputs.size();
  // Commits may have been published meanwhile; the job's own segments have not moved among themselves.
  auto next = current->with_replaced(*current->position_of(oldest), count, done.merged);
  auto next_files = files;
  if (next->entries().size() == next->num_file_segments()) {
    next_files = next;
  } else if (done.kind == upkeep_kind::checkpoint) {
    next_files = files->with_added(done.merged);
  } else if (done.kind == upkeep_kind::file_merge) {
    next_files = files->with_replaced(*files->position_of(oldest), count, done.merged);
  }
  serve_snapshot(std::move(next), std::move(next_files));
}

void index_coordinator_state::retire(std::vector<segment_ptr> segments) {
  if (manifests) self->send(manifests, retired_segments{std::move(segments)});
}

void index_coordinator_state::truncate_log() {
  if (!log) return;
  self->request(log, caf::infinite, truncate_atom_v, current->file_version())
      .then(
          [this](uint64_t bytes) { set_oplog_bytes(bytes); },
          [this](const caf::error& e) { env->log->warn("{}: truncating the log: {}", index_name(), text_of(e)); });
}

void index_coordinator_state::job_failed(job_slot& slot, const caf::error& why,
                                         const std::vector<damaged_input>& damaged) {
  const auto kind = slot->kind;
  forget_job(slot);
  if (!is_serving() || code_of(why) == errc::cancelled) return;
  metrics->task_failed(task_of(kind));
  std::vector<segment_info> barred;
  for (const auto& d : damaged) barred.push_back(d.segment);
  planner->failed(kind, error(code_of(why), text_of(why)), barred, served, now());
  env->log->error("{}: {} failed: {}", index_name(), to_string(kind), text_of(why));
  if (fail_if_unreadable()) return;
  for (const auto& d : damaged) note_damage(d.segment, "merge", d.reason);
  if (kind == upkeep_kind::checkpoint) {
    for (auto& promise : std::exchange(checkpoint_promises, {})) promise.deliver(why);
  }
  schedule_maintenance();
  start_batch();
}

void index_coordinator_state::refuse_maintenance(const caf::error& why) {
  for (auto& promise : std::exchange(checkpoint_promises, {})) promise.deliver(why);
  for (auto& [round, promise] : std::exchange(merge_promises, {})) promise.deliver(why);
  if (planner) planner->forget_requests();
}

void index_coordinator_state::forget_job(job_slot& slot) {
  if (slot) {
    metrics->task_dropped(task_of(slot->kind));
    planner->dropped(slot->kind);
  }
  slot.reset();
}

void index_coordinator_state::forget_jobs() {
  for (auto& slot : job_slots) forget_job(slot);
  unstored.clear();
  storing = false;
  refuse_maintenance(not_ready_error());
}

void index_coordinator_state::arm_timer() {
  // Without the manifest actor there is no upkeep.
  auto wanted = can_store() ? planner->next_look(served, now()) : std::nullopt;
  if (probe_at && (!wanted || *probe_at < *wanted)) wanted = *probe_at;
  // Nothing is due, or what is due waits for a job whose end brings it about.
  if (!wanted) return;
  if (timer_at && *timer_at <= *wanted) return;
  timer_at = *wanted;
  const auto wait = std::max<caf::timespan>(*wanted - now(), std::chrono::milliseconds(1));
  self->delayed_send(index_coordinator_handle(self), wait, tick_atom_v);
}

void index_coordinator_state::after_tick() {
  if (timer_at && *timer_at <= now()) timer_at = caf::none;
  probe_log();
  schedule_maintenance();
}

maintenance_reply index_coordinator_state::maintenance_state() const {
  const auto num_files = static_cast<uint32_t>(current->num_file_segments());
  return {current->version(), current->file_version(), num_files,
          static_cast<uint32_t>(current->entries().size()) - num_files};
}

void index_coordinator_state::request_checkpoint(maintenance_promise promise) {
  if (!manifests) {
    promise.deliver(write_block);
    return;
  }
  checkpoint_promises.push_back(promise);
  planner->request_checkpoint(served, now());
  schedule_maintenance();
}

void index_coordinator_state::request_merge(maintenance_promise promise) {
  if (!manifests) {
    promise.deliver(write_block);
    return;
  }
  merge_promises.emplace(planner->request_merge(served, now()), promise);
  schedule_maintenance();
}

void index_coordinator_state::answer_maintenance() {
  if (!checkpoint_promises.empty() && planner->checkpoint_request_is_met(served)) {
    for (auto& promise : std::exchange(checkpoint_promises, {})) promise.deliver(maintenance_state());
  }
  for (const auto& [round, hindrance] : planner->finished_merges()) {
    const auto [first, last] = merge_promises.equal_range(round);
    for (auto it = first; it != last; ++it) {
      if (hindrance) {
        it->second.deliver(make_error(hindrance->code(), hindrance->what()));
      } else {
        it->second.deliver(maintenance_state());
      }
    }
    merge_promises.erase(first, last);
  }
}

// -- Scrubbing
// ------------------------------------------------------------------------------------------------------

caf::result<scrub_target> index_coordinator_state::scrub() const {
  if (!is_serving()) return not_ready_error();
  return scrub_target{index_name(), setup.folders.data, current, metrics};
}

bool index_coordinator_state::serves_file_of(const segment_info& segment) const {
  return std::ranges::any_of(files->entries(),
                             [&](const snapshot::entry& e) { return e.segment->info() == segment; });
}

void index_coordinator_state::on_scrubbed(const segment_scrubbed& scrubbed) {
  // What is being closed, or was merged away meanwhile, is nobody's business.
  if (!is_serving() || !serves_file_of(scrubbed.segment)) return;
  const auto& segment = scrubbed.segment;
  if (scrubbed.damage) {
    note_damage(segment, "scrub", text_of(scrubbed.damage));
  } else if (damage.erase(segment.commits().start()) > 0) {
    metrics->set_damaged_segments(damage.size());
    env->log->info("{}: scrub: segment {}-{} is right again", index_name(), segment.first_commit,
                   segment.last_commit);
    planner->mended(segment, now());
    schedule_maintenance();
  }
}

void index_coordinator_state::note_damage(const segment_info& segment, const char* finder,
                                          const std::string& text) {
  if (!serves_file_of(segment)) return;
  damage[segment.commits().start()] = {segment, text};
  metrics->set_damaged_segments(damage.size());
  env->log->error(
      "{}: {}: damaged segment: {}; searches and writes go on, it is left out of merges, backups and the next "
      "start may fail: see the README on damage (fpctl check, a backup)",
      index_name(), finder, text);
}

void index_coordinator_state::forget_damage() {
  std::erase_if(damage, [this](const auto& d) { return !serves_file_of(d.second.segment); });
  metrics->set_damaged_segments(damage.size());
}

}  // namespace fp
