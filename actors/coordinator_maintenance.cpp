#include "actors/index_coordinator.hpp"

#include <algorithm>

namespace fp {

namespace {

std::vector<merge_candidate> candidates_of(std::span<const snapshot::entry> entries) {
  std::vector<merge_candidate> candidates;
  for (const auto& e : entries) candidates.push_back(candidate_of(e));
  return candidates;
}

}  // namespace

void index_coordinator_state::schedule_maintenance() {
  if (!is_serving() || ending_children) return;
  answer_maintenance();
  if (can_store() && (maintenance_error.empty() || now() >= maintenance_retry_at)) {
    if (!memory_job && !checkpoint_job && checkpoint_due()) start_checkpoint();
    if (!memory_job) start_memory_merge();
    if (!file_job) start_file_merge();
  }
  answer_maintenance();
  arm_timer();
}

bool index_coordinator_state::checkpoint_due() const {
  if (current->entries().size() == current->num_file_segments()) return false;
  if (!checkpoint_promises.empty()) return true;
  const auto& settings = env->settings;
  if (memory_postings() >= settings.checkpoint_threshold) return true;
  return settings.checkpoint_age_ms > 0 &&
         now() - oldest_memory_commit >= std::chrono::milliseconds(settings.checkpoint_age_ms);
}

void index_coordinator_state::start_job(job_slot& slot, index_task kind, size_t first, size_t count) {
  auto j = std::make_unique<maintenance_job>();
  j->kind = kind;
  const auto entries = current->entries().subspan(first, count);
  for (const auto& e : entries) j->inputs.push_back(e.segment);
  merge_job work{current, first, count, {}, maintenance_cancel};
  if (kind != index_task::memory_merge) {
    j->file_name = merged_file_name(*entries.front().segment, *entries.back().segment);
    work.file = setup.folders.data / j->file_name;
  }
  j->number = ++jobs;
  slot = std::move(j);
  metrics->task_started(kind);
  merge_handle worker;
  if (const auto error = capture_error([&] { worker = worker_for(kind); })) {
    job_failed(slot, error);
    return;
  }
  const auto number = slot->number;
  auto* where = &slot;
  self->request(worker, caf::infinite, std::move(work))
      .then(
          [=, this](const segment_ptr& merged) {
            if (*where && (*where)->number == number) job_done(*where, merged);
          },
          [=, this](const caf::error& e) {
            if (*where && (*where)->number == number) job_failed(*where, e);
          });
}

void index_coordinator_state::start_checkpoint() {
  const auto first = current->num_file_segments();
  start_job(checkpoint_job, index_task::checkpoint, first, current->entries().size() - first);
}

void index_coordinator_state::start_memory_merge() {
  const auto entries = current->entries();
  // What a checkpoint is writing out stays as it is.
  const size_t first = current->num_file_segments() + (checkpoint_job ? checkpoint_job->inputs.size() : 0);
  const size_t count = entries.size() - first;
  const auto& settings = env->settings;
  if (count < 2 || count <= settings.max_memory_segments / 2) return;
  merge_policy_options policy;
  policy.min_segment_size = std::max<uint64_t>(1, settings.checkpoint_threshold / 256);
  policy.max_segment_size = settings.checkpoint_threshold;
  policy.segments_per_level = 4;
  policy.segments_per_merge = settings.max_memory_segments;
  policy.max_segments = settings.max_memory_segments;
  if (const auto range = choose_merge(candidates_of(entries.subspan(first)), policy)) {
    start_job(memory_job, index_task::memory_merge, first + range->first, range->count);
  }
}

void index_coordinator_state::start_file_merge() {
  const auto files = current->entries().first(current->num_file_segments());
  const auto candidates = candidates_of(files);
  const auto range = full_merge_wanted ? choose_full_merge(candidates, env->settings.merge)
                                       : choose_merge(candidates, env->settings.merge);
  if (full_merge_wanted && !range) full_merge_wanted = false;
  // A finished checkpoint or merge that the manifest does not name yet holds segments of its own.
  if (range) start_job(file_job, index_task::file_merge, range->first, range->count);
}

void index_coordinator_state::job_done(job_slot& slot, const segment_ptr& merged) {
  slot->merged = merged;
  if (!slot->file_name.empty()) {
    unstored.push_back(&slot);
    store_next_manifest();
    return;
  }
  const auto done = std::move(slot);
  const auto first = current->position_of(done->inputs.front().get());
  publish(current->with_replaced(*first, done->inputs.size(), done->merged));
  retire(std::move(done->inputs));
  counters.memory_merges++;
  metrics->task_done(done->kind, steady_clock::now() - done->started);
  // It says nothing about the disk that a checkpoint has failed for.
  if (failed_job == &slot) maintenance_error.clear();
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
  const auto first = current->position_of(j.inputs.front().get());
  const auto next = current->with_replaced(*first, j.inputs.size(), j.merged);
  auto names = std::make_shared<manifest>();
  for (const auto& e : next->entries().first(next->num_file_segments())) {
    names->segments.push_back({segment_file_name(*e.segment), e.segment->info()});
  }
  auto obsolete = std::make_shared<std::vector<std::string>>();
  for (const auto& s : j.inputs) {
    if (!s->is_memory()) obsolete->push_back(segment_file_name(*s));
  }
  const auto number = j.number;
  self->request(manifests, caf::infinite, store_atom_v, manifest_ptr(names), file_names_ptr(obsolete))
      .then(
          [=, this](done_atom) {
            if (*slot && (*slot)->number == number) manifest_stored(*slot);
          },
          [=, this](const caf::error& e) {
            if (!*slot || (*slot)->number != number) return;
            storing = false;
            job_failed(*slot, e);
            store_next_manifest();
            continue_closing();
          });
}

void index_coordinator_state::manifest_stored(job_slot& slot) {
  storing = false;
  const auto done = std::move(slot);
  const bool is_checkpoint = done->kind == index_task::checkpoint;
  // Commits may have been published meanwhile; the job's own segments have not moved among themselves.
  const auto first = current->position_of(done->inputs.front().get());
  publish(current->with_replaced(*first, done->inputs.size(), done->merged));
  retire(std::move(done->inputs));
  maintenance_error.clear();
  metrics->task_done(done->kind, steady_clock::now() - done->started);
  const auto& facts = done->merged->info();
  env->log->info("{}: {} {}-{}: {} documents, {} postings, {} bytes", index_name(),
                 is_checkpoint ? "checkpoint" : "merged segment", facts.first_commit, facts.last_commit,
                 facts.num_documents, facts.num_postings, facts.num_bytes);
  if (is_checkpoint) {
    counters.checkpoints++;
    oldest_memory_commit = now();
    truncate_log();
  } else {
    counters.file_merges++;
  }
  store_next_manifest();
  schedule_maintenance();
  start_batch();
  continue_closing();
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

void index_coordinator_state::job_failed(job_slot& slot, const caf::error& why) {
  const auto kind = slot->kind;
  forget_job(slot);
  if (!is_serving() || code_of(why) == errc::cancelled) return;
  metrics->task_failed(kind);
  if (fail_if_unreadable()) return;
  failed_job = &slot;
  maintenance_error = text_of(why);
  maintenance_retry_at = now() + retry_delay;
  env->log->error("{}: upkeep failed, retried in {} s: {}", index_name(), retry_delay.count(), maintenance_error);
  refuse_maintenance(why);
  arm_timer();
  start_batch();
}

void index_coordinator_state::refuse_maintenance(const caf::error& why) {
  for (auto& promise : std::exchange(checkpoint_promises, {})) promise.deliver(why);
  for (auto& promise : std::exchange(merge_promises, {})) promise.deliver(why);
  full_merge_wanted = false;
}

void index_coordinator_state::forget_job(job_slot& slot) {
  if (slot) metrics->task_dropped(slot->kind);
  slot.reset();
}

void index_coordinator_state::forget_jobs() {
  forget_job(checkpoint_job);
  forget_job(memory_job);
  forget_job(file_job);
  unstored.clear();
  storing = false;
  refuse_maintenance(not_ready_error());
}

void index_coordinator_state::arm_timer() {
  auto wanted = clock_time::max();
  const auto age = std::chrono::milliseconds(env->settings.checkpoint_age_ms);
  const bool has_memory = current->entries().size() > current->num_file_segments();
  if (!can_store()) {
    // Upkeep has to wait for the manifest actor anyway.
  } else if (!maintenance_error.empty() && maintenance_retry_at > now()) {
    wanted = maintenance_retry_at;
  } else if (has_memory && age.count() > 0 && !checkpoint_job && !memory_job) {
    wanted = oldest_memory_commit + age;
  }
  if (probe_at) wanted = std::min(wanted, *probe_at);
  // Nothing is due, or what is due waits for a job whose end brings it about.
  if (wanted == clock_time::max()) return;
  if (timer_at && *timer_at <= wanted) return;
  timer_at = wanted;
  const auto wait = std::max<caf::timespan>(wanted - now(), std::chrono::milliseconds(1));
  self->delayed_send(index_coordinator_handle(self), wait, tick_atom_v);
}

void index_coordinator_state::after_tick() {
  if (timer_at && *timer_at <= now()) timer_at = caf::none;
  probe_log();
  schedule_maintenance();
}

maintenance_reply index_coordinator_state::maintenance_state() const {
  const auto files = static_cast<uint32_t>(current->num_file_segments());
  return {current->version(), current->file_version(), files,
          static_cast<uint32_t>(current->entries().size()) - files};
}

void index_coordinator_state::request_checkpoint(maintenance_promise promise) {
  if (!manifests) {
    promise.deliver(write_block);
    return;
  }
  checkpoint_promises.push_back(promise);
  checkpoint_goal = current->version();
  maintenance_retry_at = now();
  schedule_maintenance();
}

void index_coordinator_state::request_merge(maintenance_promise promise) {
  if (!manifests) {
    promise.deliver(write_block);
    return;
  }
  merge_promises.push_back(promise);
  full_merge_wanted = true;
  maintenance_retry_at = now();
  schedule_maintenance();
}

void index_coordinator_state::answer_maintenance() {
  if (!checkpoint_promises.empty() && current->file_version() >= checkpoint_goal) {
    for (auto& promise : std::exchange(checkpoint_promises, {})) promise.deliver(maintenance_state());
  }
  if (!merge_promises.empty() && !full_merge_wanted && !file_job) {
    for (auto& promise : std::exchange(merge_promises, {})) promise.deliver(maintenance_state());
  }
}

// -- Scrubbing
// ------------------------------------------------------------------------------------------------------

caf::result<scrub_target> index_coordinator_state::scrub() const {
  if (!is_serving()) return not_ready_error();
  return scrub_target{index_name(), setup.folders.data, current, metrics};
}

bool index_coordinator_state::serves_file_of(const segment_info& segment) const {
  const auto files = current->entries().first(current->num_file_segments());
  return std::ranges::any_of(files, [&](const snapshot::entry& e) { return e.segment->info() == segment; });
}

void index_coordinator_state::on_scrubbed(const segment_scrubbed& scrubbed) {
  // What is being closed, or was merged away meanwhile, is nobody's business.
  if (!is_serving() || !serves_file_of(scrubbed.segment)) return;
  const auto first_commit = scrubbed.segment.first_commit;
  const auto known = damage.find(first_commit);
  const bool is_mended = known != damage.end() && !scrubbed.damage;
  if (is_mended) damage.erase(known);
  if (scrubbed.damage) damage[first_commit] = {scrubbed.segment, text_of(scrubbed.damage)};
  metrics->set_damaged_segments(damage.size());
  if (scrubbed.damage) {
    env->log->error(
        "{}: scrub: damaged segment: {}; searches go on with what is loaded, merges, backups and the next start "
        "may "
        "fail: see the README on damage (fpctl check, a backup)",
        index_name(), damage[first_commit].text);
  } else if (is_mended) {
    env->log->info("{}: scrub: segment {}-{} is right again", index_name(), first_commit,
                   scrubbed.segment.last_commit);
  }
}

void index_coordinator_state::forget_damage() {
  std::erase_if(damage, [this](const auto& d) { return !serves_file_of(d.second.segment); });
  metrics->set_damaged_segments(damage.size());
}

}  // namespace fp
