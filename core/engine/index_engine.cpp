#include "core/engine/index_engine.hpp"

#include <algorithm>
#include <utility>

namespace fp {

index_engine::index_engine(const options& o, std::unique_ptr<commit_order> order, engine_effects& effects)
    : index_(o.index),
      order_(std::move(order)),
      effects_(effects),
      queue_(o.index, o.max_queued_updates, o.max_queued_bytes),
      planner_(o.upkeep) {}

void index_engine::files_loaded(std::vector<segment_ptr> segments) {
  const auto files = snapshot::from_segments(std::move(segments));
  effects_.serving_changed(served_.serve(files, files));
}

void index_engine::log_loaded(std::span<const segment_ptr> segments, uint64_t num_commits, uint64_t log_bytes,
                              time_point now) {
  auto whole = served_.whole();
  for (const auto& s : segments) whole = whole->with_added(s);
  effects_.serving_changed(served_.serve(std::move(whole), served_.files()));
  planner_.loaded(served_.segments(), num_commits, log_bytes, now);
}

void index_engine::start(time_point now) {
  activity_ = activity::serving;
  gate_.loaded();
  told_hindrance_.clear();
  look(now);
}

void index_engine::stop(const error& why) {
  activity_ = activity::stopped;
  can_store_ = false;
  const auto nothing = std::make_shared<const snapshot>();
  effects_.serving_changed(served_.serve(nothing, nothing));
  drop_jobs(why);
  refuse_queued(why);
}

void index_engine::close(time_point now) {
  activity_ = activity::closing;
  start_batch(now);
}

void index_engine::drop_jobs(const error& why) {
  for (const auto& job : jobs_.forget_all()) {
    planner_.dropped(job.kind);
    effects_.job_dropped(job);
  }
  refuse_requests(why);
}

void index_engine::refuse_updates(const error& why) {
  refuse_queued(why);
  if (!batch_) return;
  const auto given_up = std::move(*batch_);
  batch_.reset();
  answer_batch(given_up, why);
}

void index_engine::update(queued_update update, time_point now) {
  if (const auto& why = gate_.block()) throw *why;
  queue_.push(std::move(update));
  start_batch(now);
}

void index_engine::start_batch(time_point now) {
  if (batch_) return;
  // When the index is closed, there is no upkeep any more to wait for.
  if (!queue_.empty() && activity_ == activity::serving) {
    switch (planner_.may_write(served_.segments())) {
      case writers::go:
        break;
      case writers::refused:
        refuse_queued(memory_error());
        return;
      case writers::wait:
        look(now);
        return;
    }
  }
  if (queue_.empty()) return;
  auto next = queue_.next(served_.whole()->version(), *order_);
  if (next.commits->empty()) {
    for (const auto& [update, why] : next.refused) effects_.refuse(update, why);
    return;
  }
  batch_.emplace();
  static_cast<write_batch&>(*batch_) = std::move(next);
  batch_->number = ++batches_;
  effects_.append(batch_->number, batch_->commits);
  effects_.build(batch_->number, batch_->commits);
}

void index_engine::log_appended(uint64_t batch, time_point now) {
  if (!is_of_batch(batch)) return;
  batch_->durable = true;
  finish_batch_if_done(now);
}

void index_engine::segment_built(uint64_t batch, segment_ptr segment, time_point now) {
  if (!is_of_batch(batch)) return;
  batch_->segment = std::move(segment);
  finish_batch_if_done(now);
}

void index_engine::finish_batch_if_done(time_point now) {
  if (!batch_->durable || !batch_->segment) return;
  // When the index is loaded anew, the log brings these commits.
  if (activity_ != activity::stopped) {
    try {
      served_.add(batch_->segment);
    } catch (const std::exception& e) {
      build_failed(batch_->number, error(errc::internal_error, e.what()), now);
      return;
    }
    effects_.serving_changed(false);
    uint64_t bytes = 0;
    for (const auto& c : *batch_->commits) bytes += c.changes->size();
    planner_.committed(batch_->commits->size(), bytes, now);
  }
  const auto done = std::move(*batch_);
  batch_.reset();
  counts_.updates += done.updates.size();
  for (size_t i = 0; i < done.updates.size(); i++) effects_.accept(done.updates[i], (*done.commits)[i].id);
  for (const auto& [update, why] : done.refused) effects_.refuse(update, why);
  gate_.log_worked();
  look(now);
  start_batch(now);
}

void index_engine::log_failed(uint64_t batch, const error& why, time_point now) {
  if (is_of_batch(batch)) fail_batch(why, now);
}

void index_engine::build_failed(uint64_t batch, const error& why, time_point now) {
  if (!is_of_batch(batch)) return;
  // The log may hold these commits by now: only a replay can make log and memory agree again.
  block_writes("indexing a commit failed (" + std::string(why.what()) + "); reload the index");
  fail_batch(*gate_.block(), now);
}

void index_engine::fail_batch(const error& cause, time_point now) {
  // For writers it is an index that takes no writes now, whatever its disk says.
  const bool is_of_disk = cause.code() == errc::io_error || cause.code() == errc::no_space;
  const error why(is_of_disk ? errc::read_only : cause.code(), cause.what());
  const auto failed = std::move(*batch_);
  batch_.reset();
  answer_batch(failed, why);
  refuse_queued(why);
  if (activity_ != activity::serving) return;
  gate_.log_failed(why, now);
  look_at_gate();
  wake_for_probe();
}

void index_engine::answer_batch(const batch_in_flight& failed, const error& why) {
  for (const auto update : failed.updates) effects_.refuse(update, why);
  for (const auto& [update, mismatch] : failed.refused) effects_.refuse(update, why);
}

bool index_engine::log_probed(bool works, time_point now) {
  const bool recovered = gate_.probed(works, now, has_batch());
  look_at_gate();
  wake_for_probe();
  return recovered;
}

void index_engine::wake_for_probe() {
  if (const auto at = gate_.probe_at()) effects_.wake_at(*at);
}

void index_engine::block_writes(const std::string& why) {
  gate_.block(error(errc::read_only, "index " + index_ + ": " + why));
  look_at_gate();
  refuse_queued(*gate_.block());
}

void index_engine::refuse_queued(const error& why) {
  for (const auto update : queue_.clear()) effects_.refuse(update, why);
}

error index_engine::memory_error() const {
  return error(errc::read_only, "index " + index_ + ": memory is full and cannot be written out: " +
                                    planner_.state_of(upkeep_kind::checkpoint).error());
}

void index_engine::look_at_gate() {
  if (activity_ != activity::serving) return;
  std::optional<error> memory_is_full;
  if (planner_.may_write(served_.segments()) == writers::refused) memory_is_full = memory_error();
  gate_.memory_is_full(memory_is_full);
  const error* why = gate_.hindrance();
  const std::string text = why == nullptr ? "" : why->what();
  if (text != told_hindrance_) {
    told_hindrance_ = text;
    effects_.hindrance_changed(why);
  }
  if (memory_is_full) refuse_queued(*memory_is_full);
}

void index_engine::can_store(bool can, time_point now) {
  can_store_ = can;
  if (can) look(now);
}

void index_engine::configure(const upkeep_options& upkeep, time_point now) {
  planner_.configure(upkeep);
  look(now);
}

void index_engine::look(time_point now) {
  if (activity_ != activity::serving) return;
  if (gate_.begin_probe(now, has_batch())) effects_.probe_log();
  while (can_store_) {
    const auto chosen = planner_.next(served_.segments(), now);
    if (!chosen) break;
    const merge_task task = jobs_.begin(*chosen, served_, now);
    try {
      effects_.merge(task);
    } catch (const error& e) {
      fail_job(task.job, e, {}, now);
    } catch (const std::exception& e) {
      fail_job(task.job, error(errc::internal_error, e.what()), {}, now);
    }
  }
  answer_requests();
  look_at_gate();
  // Without manifests there is no upkeep.
  auto wanted = can_store_ ? planner_.next_look(served_.segments(), now) : std::nullopt;
  const auto probe = gate_.probe_at();
  if (probe && (!wanted || *probe < *wanted)) wanted = probe;
  // Nothing is due, or what is due waits for a job whose end brings it about.
  if (wanted) effects_.wake_at(*wanted);
}

void index_engine::merged(uint64_t job, segment_ptr result, time_point now) {
  switch (jobs_.merged(job, std::move(result))) {
    case upkeep_jobs::next_step::none:
      break;
    case upkeep_jobs::next_step::serve:
      publish(job, now);
      look(now);
      start_batch(now);
      break;
    case upkeep_jobs::next_step::store:
      store_next();
      break;
  }
}

void index_engine::store_next() {
  if (activity_ != activity::serving) return;
  if (const auto task = jobs_.next_manifest(*served_.files())) effects_.store(*task);
}

void index_engine::manifest_stored(uint64_t job, time_point now) {
  if (!jobs_.manifest_done(job)) return;
  publish(job, now);
  store_next();
  look(now);
  start_batch(now);
}

void index_engine::publish(uint64_t job, time_point now) {
  auto done = jobs_.end(job).value();
  effects_.serving_changed(served_.replace(done.inputs, done.merged));
  planner_.succeeded(done.kind, now);
  switch (done.kind) {
    case upkeep_kind::checkpoint:
      counts_.checkpoints++;
      break;
    case upkeep_kind::memory_merge:
      counts_.memory_merges++;
      break;
    case upkeep_kind::file_merge:
      counts_.file_merges++;
      break;
  }
  effects_.job_done(done);
  effects_.retire(std::move(done.inputs));
  if (done.kind == upkeep_kind::checkpoint) effects_.truncate_log(served_.whole()->file_version());
}

void index_engine::merge_failed(uint64_t job, const error& why, std::span<const damaged_input> damaged,
                                time_point now) {
  fail_job(job, why, damaged, now);
  look(now);
  start_batch(now);
}

void index_engine::store_failed(uint64_t job, const error& why, time_point now) {
  if (!jobs_.manifest_done(job)) return;
  fail_job(job, why, {}, now);
  store_next();
  look(now);
  start_batch(now);
}

void index_engine::fail_job(uint64_t number, const error& why, std::span<const damaged_input> damaged,
                            time_point now) {
  const auto job = jobs_.end(number);
  if (!job) return;
  if (activity_ != activity::serving || why.code() == errc::cancelled) {
    planner_.dropped(job->kind);
    effects_.job_dropped(*job);
    return;
  }
  std::vector<segment_info> barred;
  for (const auto& d : damaged) barred.push_back(d.segment);
  planner_.failed(job->kind, why, barred, served_.segments(), now);
  effects_.job_failed(*job, why);
  if (job->kind == upkeep_kind::checkpoint && std::exchange(checkpoint_requested_, false)) {
    effects_.checkpoint_ended(&why);
  }
}

void index_engine::mended(const segment_info& segment, time_point now) {
  planner_.mended(segment, now);
  look(now);
}

void index_engine::request_checkpoint(time_point now) {
  checkpoint_requested_ = true;
  planner_.request_checkpoint(served_.segments(), now);
}

uint64_t index_engine::request_merge(time_point now) { return planner_.request_merge(served_.segments(), now); }

void index_engine::refuse_requests(const error& why) {
  planner_.forget_requests();
  checkpoint_requested_ = false;
  effects_.requests_refused(why);
}

void index_engine::answer_requests() {
  if (checkpoint_requested_ && planner_.checkpoint_request_is_met(served_.segments())) {
    checkpoint_requested_ = false;
    effects_.checkpoint_ended(nullptr);
  }
  for (const auto& [round, hindrance] : planner_.finished_merges()) {
    effects_.merge_ended(round, hindrance ? &*hindrance : nullptr);
  }
}

}  // namespace fp
