#include "actors/index_coordinator.hpp"
#include "actors/manifest_actor.hpp"
#include "actors/oplog_actor.hpp"
#include "actors/spawn_blocking.hpp"

namespace fp {

namespace {

constexpr size_t max_observers = 64;

}  // namespace

void index_coordinator_state::begin_attempt() {
  tracker.begin(index_name(), ++attempts, now());
  metrics->task_started(index_task::load);
  set_state(index_state::loading, "");
}

void index_coordinator_state::start_load() {
  if (!folder) folder = setup.gate->try_take();
  if (!folder) {
    awaits_folder = true;
    env->log->warn("{}: waits for the actors that still use its folder", index_name());
    set_state(index_state::loading, "waits for the actors that still use its folder");
    setup.gate->take_when_free(self);
    return;
  }
  load_cancel = std::make_shared<cancel_flag>(false);
  upkeep_cancel = std::make_shared<cancel_flag>(false);
  const auto error = capture_error([this] {
    manifests =
        adopt(spawn_blocking(self, *env, blocking_work::logs, manifest_actor,
                             manifest_setup{setup.env, index_name(), tracker.attempt(), setup.folders.data,
                                            index_coordinator_handle(self), setup.budget, load_cancel, folder}),
              "manifest_actor");
  });
  if (error) {
    fail_load(error);
    return;
  }
  tell_observers();
}

void index_coordinator_state::on_folder_free(const folder_lease_ptr& lease) {
  awaits_folder = false;
  folder = lease;
  if (state != index_state::loading) return;
  set_state(index_state::loading, "");
  start_load();
}

void index_coordinator_state::on_plan(const load_plan& plan) {
  if (!is_current(plan.attempt)) return;
  tracker.plan(plan);
  const auto total = plan.segments->segments.size();
  if (plan.strategy != load_strategy::none) {
    metrics->load_planned(plan.strategy == load_strategy::parallel, total);
    env->log->info("{}: using {} loading for {} segments, {} bytes", index_name(), to_string(plan.strategy), total,
                   plan.segments->num_bytes());
  }
  tell_observers();
  if (total == 0) open_oplog();
}

void index_coordinator_state::on_segment(const segment_loaded& loaded) {
  if (!is_current(loaded.attempt)) return;
  if (auto e = capture_error([&] { tracker.place(loaded.position, loaded.segment); })) {
    fail_load(e);
    return;
  }
  const auto progress = tracker.progress(now());
  const auto& facts = loaded.segment->info();
  metrics->segment_loaded(facts.num_bytes, loaded.took);
  env->log->info("{}: loaded segment {}-{} ({}/{})", index_name(), facts.first_commit, facts.last_commit,
                 progress.segments_done, progress.segments_total);
  tell_observers();
  if (tracker.all_in()) open_oplog();
}

void index_coordinator_state::on_advanced(const load_advanced& advanced) {
  if (!is_current(advanced.attempt)) return;
  tracker.advance(advanced.bytes);
  if (tracker.worth_telling()) tell_observers();
}

void index_coordinator_state::on_load_failed(const load_failed& failed) {
  if (!is_current(failed.attempt)) return;
  if (failed.of_segment) metrics->segment_load_failed();
  fail_load(failed.reason);
}

void index_coordinator_state::open_oplog() {
  tracker.segments_in(now());
  auto error = capture_error([this] { engine->files_loaded(tracker.take_segments()); });
  if (error) {
    fail_load(error);
    return;
  }
  error = capture_error([this] {
    log = adopt(
        spawn_blocking(self, *env, blocking_work::logs, oplog_actor,
                       oplog_setup{setup.env, index_name(), tracker.attempt(), setup.folders.oplog,
                                   current()->file_version(), index_coordinator_handle(self), load_cancel, folder}),
        "oplog_actor");
  });
  if (error) fail_load(error);
}

void index_coordinator_state::on_oplog(const oplog_opened& opened) {
  if (!is_current(opened.attempt)) return;
  auto error = capture_error(
      [&] { engine->log_loaded(opened.segments, opened.report.num_commits, opened.report.num_bytes, now()); });
  if (error) {
    fail_load(error);
    return;
  }
  tracker.replayed(opened.report.num_commits);
  tracker.end(index_state::ready, "", now());
  set_oplog_bytes(opened.report.num_bytes);
  if (opened.report.torn_bytes > 0) {
    env->log->warn("{}: cut {} bytes of an unfinished write from the end of the log", index_name(),
                   opened.report.torn_bytes);
  }
  if (opened.report.ends_early_at) {
    env->log->warn(
        "{}: the log ends with commit {}, before file segments do: nothing is lost, but something removed its end",
        index_name(), *opened.report.ends_early_at);
  }
  count_unverified();
  spawn_workers();
  sweep();
  log_hindrance.clear();
  filling = must_fill();
  show_served_state();
  const auto p = tracker.progress(now());
  metrics->started_up(std::chrono::microseconds(p.elapsed_us));
  env->log->info("{}: ready at version {}: {} segments, {} bytes, {} commits replayed, in {} ms", index_name(),
                 current()->version(), p.segments_total, p.bytes_total, p.replayed_commits, p.elapsed_us / 1000);
  tell_observers();
  tell_engine([this](index_engine& e) { e.start(now()); });
  follow();
  if (is_serving()) answer_waiting();
}

void index_coordinator_state::sweep() {
  // Upkeep waits: to the sweep, a file that it has begun is one that the manifest does not name.
  const auto finish = [this, attempt = tracker.attempt()] {
    if (tracker.attempt() != attempt) return;
    if (manifests) tell_engine([this](index_engine& e) { e.can_store(true, now()); });
  };
  self->request(manifests, caf::infinite, sweep_atom_v)
      .then([finish](done_atom) { finish(); }, [finish](const caf::error&) { finish(); });
}

void index_coordinator_state::fail_load(const caf::error& why) {
  const auto text = text_of(why);
  env->log->error("{}: loading failed: {}", index_name(), text);
  tracker.end(index_state::failed, text, now());
  metrics->task_failed(index_task::load);
  fail(why);
}

void index_coordinator_state::fail(const caf::error& why) {
  set_failed(why);
  // A batch in flight gets its answer from the log, which is asked before it ends.
  stop_engine();
  end_children();
  tell_observers();
  refuse_waiting(not_ready_error());
}

void index_coordinator_state::stop_engine() {
  filling = false;
  log_hindrance.clear();
  const auto why = not_ready_error();
  engine->stop(to_core_error(why));
  note_queues();
}

bool index_coordinator_state::fail_if_unreadable() {
  // What is being closed says nothing more, and of what is not served any more nobody is told anything.
  if (!is_serving()) return false;
  const auto why = capture_error([this] { current()->require_readable(); });
  if (!why) return false;
  env->log->error("{}: failed: {}", index_name(), text_of(why));
  fail(why);
  return true;
}

caf::result<index_status> index_coordinator_state::reload() {
  switch (state) {
    case index_state::failed:
      if (setup.record.generation == 0) return reload_with_record();
      break;
    case index_state::read_only:
      break;
    case index_state::closing:
      return not_ready_error();
    default:
      return status();
  }
  begin_reload();
  return status();
}

caf::result<index_status> index_coordinator_state::reload_with_record() {
  if (!setup.records) return not_ready_error();
  auto promise = self->make_response_promise<index_status>();
  self->request(setup.records, caf::infinite, record_atom_v, index_name())
      .then(
          [this, promise](const index_record& record) mutable {
            // Somebody else may have asked meanwhile.
            if (state == index_state::failed && setup.record.generation == 0) {
              setup.record = record;
              setup.folders = env->folders_of(record);
              begin_reload();
            }
            promise.deliver(status());
          },
          [this, promise](const caf::error& e) mutable {
            if (state == index_state::failed && setup.record.generation == 0) {
              env->log->error("{}: loading failed: {}", index_name(), text_of(e));
              set_failed(e);
            }
            promise.deliver(not_ready_error());
          });
  return promise;
}

void index_coordinator_state::begin_reload() {
  // The attempt has its number from now on, so that late messages of the last one are known as such, but starts
  // when all actors of the last one are gone.
  reload_wanted = true;
  begin_attempt();
  // A batch in flight gets its answer from the log, which is asked before it ends.
  stop_engine();
  if (!ending_children) end_children();
}

caf::result<load_progress> index_coordinator_state::subscribe(const progress_observer& observer) {
  if (!observer) return make_error(errc::bad_request, "no observer");
  if (observers.size() >= max_observers) {
    return make_error(errc::overloaded, std::to_string(max_observers) + " observers watch already");
  }
  if (observers.insert(observer).second) self->monitor(observer);
  return tracker.progress(now());
}

void index_coordinator_state::tell_observers() {
  if (observers.empty()) return;
  const auto progress = tracker.progress(now());
  for (const auto& observer : observers) self->send(observer, progress);
}

}  // namespace fp
