#include "tests/core/support/driven_engine.hpp"

#include <algorithm>
#include <utility>

#include "core/fs/write_probe.hpp"
#include "core/index/manifest.hpp"
#include "core/merge/merge.hpp"
#include "tests/core/support/failing_allocation.hpp"

namespace fp::test {

namespace {

/// While JSON is written or read no allocation fails: the library's values allocate when they are destroyed, so
/// that a failure there ends the process, like a kill.
using json_at_work = reliable_allocation;

/// What actors log and go on from.
template <class Operation>
void try_to(const Operation& operation) {
  try {
    operation();
  } catch (const std::exception&) {
    // The next start does it.
  }
}

/// What an operation throws, as actors hand it on; nothing when it throws nothing.
template <class Operation>
std::optional<error> error_of_operation(const Operation& operation) {
  try {
    operation();
    return std::nullopt;
  } catch (const error& e) {
    const reliable_allocation reliable;
    return e;
  } catch (...) {
    const reliable_allocation reliable;
    return error(errc::internal_error, "not one of ours");
  }
}

}  // namespace

driven_engine::driven_engine(file_system& fs, path data, path log, const options& o)
    : engine({"a", o.max_queued_updates, o.max_queued_bytes, o.upkeep}, make_local_order(), *this),
      fs_(fs),
      data_(std::move(data)),
      log_folder_(std::move(log)) {
  manifest named;
  {
    const json_at_work reliable;
    named = read_manifest(fs_, data_);
  }
  std::vector<segment_ptr> segments;
  for (const auto& [name, info] : named.segments) segments.push_back(open_segment(fs_, data_ / name, &info));
  engine.files_loaded(std::move(segments));
  std::vector<segment_ptr> replayed;
  oplog_replay report;
  log_ = oplog::open(
      fs_, log_folder_, {o.log_file_bytes, o.files}, served().file_version(),
      [&](commit&& c) {
        replayed.push_back(build_memory_segment({&c, 1}));
      },
      report);
  engine.log_loaded(replayed, report.num_commits, report.num_bytes, now);
  try_to([&] { sweep_data_folder(fs_, data_, named); });
  engine.start(now);
  engine.can_store(true, now);
}

uint64_t driven_engine::update(changes_ptr changes, std::optional<commit_id> expected_version) {
  const uint64_t number = ++num_updates_;
  try {
    engine.update({number, std::move(changes), expected_version}, now);
  } catch (const error& e) {
    refuse(number, e);
  }
  return number;
}

void driven_engine::checkpoint() {
  engine.request_checkpoint(now);
  engine.look(now);
}

uint64_t driven_engine::merge_all() {
  const uint64_t round = engine.request_merge(now);
  engine.look(now);
  return round;
}

std::vector<driven_engine::worker> driven_engine::busy() const {
  std::vector<worker> found;
  for (size_t w = 0; w < num_workers; w++) {
    if (!work_[w].empty()) found.push_back(static_cast<worker>(w));
  }
  return found;
}

void driven_engine::carry_out(worker w) {
  const auto job = std::move(work_[w].front());
  work_[w].pop_front();
  job();
}

void driven_engine::run() {
  for (auto who = busy(); !who.empty(); who = busy()) carry_out(who.front());
}

void driven_engine::advance(milliseconds by) {
  const auto end = now + by;
  while (wake_ && *wake_ <= end) {
    now = std::max(now, *wake_);
    wake_.reset();
    engine.look(now);
    run();
  }
  now = end;
}

void driven_engine::work(worker w, std::function<void()> job) { work_[w].push_back(std::move(job)); }

void driven_engine::append(uint64_t batch, const commit_batch_ptr& commits) {
  work(the_log, [=, this] {
    const auto why = error_of_operation([&] {
      if (log_->is_broken()) throw error(errc::read_only, "the log is damaged; reload the index");
      log_->append(*commits);
    });
    if (why) {
      engine.log_failed(batch, *why, now);
    } else {
      engine.log_appended(batch, now);
    }
  });
}

void driven_engine::build(uint64_t batch, const commit_batch_ptr& commits) {
  work(the_builder, [=, this] {
    segment_ptr built;
    const auto why = error_of_operation([&] { built = build_memory_segment(*commits); });
    if (why) {
      engine.build_failed(batch, *why, now);
    } else {
      engine.segment_built(batch, built, now);
    }
  });
}

void driven_engine::probe_log() {
  work(the_log, [this] {
    const auto why = error_of_operation([&] {
      if (log_->is_broken()) throw error(errc::read_only, "the log is damaged; reload the index");
      probe_writing(fs_, log_folder_, 512);
    });
    engine.log_probed(!why, now);
  });
}

void driven_engine::merge(const merge_task& task) {
  if (refuse_merge) {
    if (const auto why = refuse_merge(task)) throw *why;
  }
  constexpr worker mergers[] = {checkpointer, memory_merger, file_merger};
  work(mergers[static_cast<size_t>(task.kind)], [=, this] {
    segment_ptr result;
    const auto why = error_of_operation([&] {
      result = task.file_name.empty() ? merge_to_memory(*task.index, task.first, task.count)
                                      : merge_to_file(*task.index, task.first, task.count, fs_,
                                                      data_ / task.file_name, load_mode::map);
    });
    if (why) {
      engine.merge_failed(task.job, *why, {}, now);
    } else {
      engine.merged(task.job, result, now);
    }
  });
}

void driven_engine::store(const manifest_task& task) {
  work(the_manifest, [=, this] {
    const auto why = error_of_operation([&] {
      const json_at_work reliable;
      write_manifest(fs_, data_, *task.names);
    });
    if (why) {
      engine.store_failed(task.job, *why, now);
      return;
    }
    for (const auto& file : *task.obsolete) {
      if (std::ranges::find(task.names->segments, file, &manifest_entry::file_name) == task.names->segments.end()) {
        try_to([&] { fs_.remove(data_ / file); });
      }
    }
    engine.manifest_stored(task.job, now);
  });
}

void driven_engine::truncate_log(commit_id in_files) {
  work(the_log, [=, this] { try_to([&] { log_->truncate(in_files); }); });
}

void driven_engine::accept(uint64_t update, commit_id version) {
  const reliable_allocation reliable;
  answers[update].version = version;
}

void driven_engine::refuse(uint64_t update, const error& why) {
  const reliable_allocation reliable;
  answers[update].why = why;
}

void driven_engine::hindrance_changed(const error* why) {
  const reliable_allocation reliable;
  hindrance = why == nullptr ? std::nullopt : std::optional(*why);
}

void driven_engine::job_failed(const running_job& job, const error& why) {
  const reliable_allocation reliable;
  failures.emplace_back(job.kind, why.what());
}

void driven_engine::checkpoint_ended(const error* why_not) {
  const reliable_allocation reliable;
  checkpoints_ended.push_back(why_not == nullptr ? std::nullopt : std::optional(*why_not));
}

void driven_engine::merge_ended(uint64_t round, const error* why_not) {
  const reliable_allocation reliable;
  merges_ended[round] = why_not == nullptr ? std::nullopt : std::optional(*why_not);
}

void driven_engine::requests_refused(const error& why) {
  const reliable_allocation reliable;
  requests_given_up = why;
}

void driven_engine::wake_at(index_engine::time_point when) {
  if (!wake_ || when < *wake_) wake_ = when;
}

}  // namespace fp::test
