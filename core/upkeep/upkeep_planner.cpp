#include "core/upkeep/upkeep_planner.hpp"

#include <algorithm>

namespace fp {

namespace {

// Writers are held while memory grows beyond these multiples of what upkeep aims for. So many segments come up
// within one merge of many small ones, whatever their aim.
constexpr uint64_t held_memory_factor = 4;
constexpr size_t min_held_segments = 64;

// So many searches do not notice.
constexpr uint32_t few_memory_segments = 3;

// Whoever writes now and then shall not cause a checkpoint each time.
constexpr int idle_checkpoint_factor = 4;

size_t num_files(upkeep_planner::segments served) {
  const auto in_memory = std::ranges::find(served, false, &upkeep_segment::in_file);
  return static_cast<size_t>(in_memory - served.begin());
}

commit_id version_of(upkeep_planner::segments served) { return served.empty() ? 0 : served.back().last_commit; }

commit_id file_version_of(upkeep_planner::segments served) { return version_of(served.first(num_files(served))); }

/// Postings in memory that upkeep aims for. Whoever wants each commit in a file at once does not want writers to
/// wait for that.
uint64_t memory_aim(const upkeep_options& options) {
  return options.checkpoint_threshold > 0 ? options.checkpoint_threshold : upkeep_options{}.checkpoint_threshold;
}

uint64_t memory_postings(upkeep_planner::segments served) {
  uint64_t sum = 0;
  for (const auto& s : served.subspan(num_files(served))) sum += s.size.stored;
  return sum;
}

}  // namespace

std::string_view to_string(upkeep_kind kind) noexcept {
  switch (kind) {
    case upkeep_kind::checkpoint:
      return "checkpoint";
    case upkeep_kind::memory_merge:
      return "merge in memory";
    case upkeep_kind::file_merge:
      return "merge of files";
  }
  return "unknown";
}

// -- Events

void upkeep_planner::loaded(segments served, uint64_t num_commits, uint64_t log_bytes, time_point now) {
  *this = upkeep_planner(options_);
  if (num_files(served) < served.size()) uncovered_ = {num_commits, log_bytes};
  oldest_in_memory_ = last_write_ = last_checkpoint_ = now;
}

void upkeep_planner::committed(uint64_t num_commits, uint64_t log_bytes, time_point now) {
  if (uncovered_.commits == 0) oldest_in_memory_ = now;
  uncovered_.commits += num_commits;
  uncovered_.log_bytes += log_bytes;
  last_write_ = now;
}

void upkeep_planner::succeeded(upkeep_kind kind, time_point now) {
  lane& l = of(kind);
  l.running = false;
  // It says nothing of the larger one that failed.
  if (!l.is_small) l.tries.succeeded();
  if (kind == upkeep_kind::checkpoint) {
    uncovered_.commits -= in_checkpoint_.commits;
    uncovered_.log_bytes -= in_checkpoint_.log_bytes;
    oldest_in_memory_ = last_checkpoint_ = now;
    // What could not be merged in memory is in files. Without that it would have been tried again by now.
    if (retry& merges = of(upkeep_kind::memory_merge).tries; merges.may_run(now)) merges.succeeded();
  } else if (kind == upkeep_kind::file_merge) {
    fails_by_bars_ = false;
    if (!l.is_small) room_.reset();
    if (l.is_full_merge && full_merge_.is_running()) full_merge_.made(l.inputs.front().start);
  }
}

void upkeep_planner::failed(upkeep_kind kind, const error& why, std::span<const segment_info> damaged,
                            segments served, time_point now) {
  lane& l = of(kind);
  l.running = false;
  l.tries.failed(why.what(), now);
  const bool is_of_round = l.is_full_merge && full_merge_.is_running();
  if (kind == upkeep_kind::file_merge) {
    // Where there is no room even for nothing, no merge is small enough to be tried before its time.
    const bool has_some_room = why.code() == errc::no_space && l.live > 0;
    room_ = has_some_room ? std::optional(std::min(room_.value_or(l.live), l.live / 2)) : std::nullopt;
  }
  if (kind == upkeep_kind::file_merge && (!damaged.empty() || why.code() == errc::corrupt_data)) {
    for (const segment_info& s : damaged) barred_.insert_or_assign(s.commits().start(), bar{s.last_commit, why});
    if (damaged.empty()) {
      for (const input& i : l.inputs) barred_.insert_or_assign(i.start, bar{i.last_commit, why});
    }
    fails_by_bars_ = true;
    // What is left is another job.
    l.tries.hurry(now);
  } else if (is_of_round || (kind == upkeep_kind::checkpoint && waits_for_checkpoint(served))) {
    full_merge_.hinder(why);
    finished_.push_back(full_merge_.finish());
  }
  if (kind == upkeep_kind::checkpoint) checkpoint_goal_ = 0;
}

void upkeep_planner::mended(const segment_info& segment, time_point now) {
  const auto known = barred_.find(segment.commits().start());
  if (known == barred_.end() || known->second.last_commit != segment.last_commit) return;
  barred_.erase(known);
  lift_bars(now);
}

void upkeep_planner::forget_gone_bars(segments served, time_point now) {
  const size_t before = barred_.size();
  std::erase_if(barred_, [&](const auto& b) {
    const auto s = std::ranges::lower_bound(served, b.first, {}, &upkeep_segment::start);
    return s == served.end() || s->start() != b.first || s->last_commit != b.second.last_commit;
  });
  if (barred_.size() < before) lift_bars(now);
}

void upkeep_planner::lift_bars(time_point now) {
  lane& l = of(upkeep_kind::file_merge);
  l.tries.hurry(now);
  if (!fails_by_bars_ || !barred_.empty()) return;
  fails_by_bars_ = false;
  l.tries.succeeded();
}

// -- Requests

void upkeep_planner::request_checkpoint(segments served, time_point now) {
  checkpoint_goal_ = version_of(served);
  of(upkeep_kind::checkpoint).tries.hurry(now);
}

uint64_t upkeep_planner::request_merge(segments served, time_point now) {
  of(upkeep_kind::checkpoint).tries.hurry(now);
  of(upkeep_kind::file_merge).tries.hurry(now);
  return full_merge_.request(version_of(served));
}

void upkeep_planner::forget_requests() {
  checkpoint_goal_ = 0;
  while (full_merge_.is_running()) full_merge_.finish();
  finished_.clear();
}

bool upkeep_planner::checkpoint_request_is_met(segments served) const {
  return file_version_of(served) >= checkpoint_goal_;
}

// -- Decisions

std::optional<upkeep_job> upkeep_planner::next(segments served, time_point now) {
  forget_gone_bars(served, now);
  end_round_if_done(served);
  std::optional<upkeep_job> job;
  if (checkpoint_is_due(served, now)) {
    const size_t first = num_files(served);
    in_checkpoint_ = uncovered_;
    job = upkeep_job{upkeep_kind::checkpoint, first, served.size() - first};
  }
  if (!job && of(upkeep_kind::memory_merge).tries.may_run(now)) job = choose_memory_merge(served);
  if (!job) job = choose_file_merge(served, now);
  if (!job) return job;
  lane& l = of(job->kind);
  l.running = true;
  l.is_full_merge = job->kind == upkeep_kind::file_merge && full_merge_.is_running();
  l.inputs.clear();
  l.live = 0;
  for (const auto& s : served.subspan(job->first, job->count)) {
    l.inputs.push_back({s.start(), s.last_commit});
    l.live += s.size.live;
  }
  l.is_small = job->kind == upkeep_kind::file_merge && room_ && l.live <= *room_;
  return job;
}

std::optional<upkeep_planner::time_point> upkeep_planner::next_look(segments served, time_point now) const {
  std::optional<time_point> earliest;
  const auto consider = [&](time_point at) {
    if (at > now && (!earliest || at < *earliest)) earliest = at;
  };
  const lane& checkpoints = of(upkeep_kind::checkpoint);
  const lane& memory_merges = of(upkeep_kind::memory_merge);
  const lane& file_merges = of(upkeep_kind::file_merge);
  // What is due beside a job that is running waits for its end.
  if (!checkpoints.running && !memory_merges.running && num_files(served) < served.size()) {
    if (checkpoints.tries.is_failing()) {
      consider(checkpoints.tries.retry_at(is_full(served)));
    }
    if (const auto at = checkpoint_at()) consider(*at);
  }
  if (!memory_merges.running && memory_merges.tries.is_failing()) consider(memory_merges.tries.retry_at());
  if (!file_merges.running) {
    if (file_merges.tries.is_failing()) consider(file_merges.tries.retry_at());
    if (options_.idle_after.count() > 0 && num_files(served) > 0) consider(last_write_ + options_.idle_after);
  }
  return earliest;
}

writers upkeep_planner::may_write(segments served) const {
  if (!is_full(served)) return writers::go;
  return of(upkeep_kind::checkpoint).tries.is_failing() ? writers::refused : writers::wait;
}

std::string upkeep_planner::errors() const {
  std::string text;
  for (const auto kind : {upkeep_kind::checkpoint, upkeep_kind::memory_merge, upkeep_kind::file_merge}) {
    std::string why = state_of(kind).error();
    // Merges that succeed beside it do not mend a segment that is left alone.
    if (why.empty() && kind == upkeep_kind::file_merge && !barred_.empty())
      why = barred_.begin()->second.why.what();
    if (why.empty()) continue;
    if (!text.empty()) text += "; ";
    text += std::string(to_string(kind)) + ": " + why;
  }
  return text;
}

bool upkeep_planner::is_full(segments served) const {
  const size_t in_memory = served.size() - num_files(served);
  return in_memory >= std::max<size_t>(min_held_segments, held_memory_factor * options_.max_memory_segments) ||
         memory_postings(served) >= held_memory_factor * memory_aim(options_);
}

bool upkeep_planner::is_idle(time_point now) const {
  return options_.idle_after.count() > 0 && now >= last_write_ + options_.idle_after;
}

bool upkeep_planner::waits_for_checkpoint(segments served) const {
  return full_merge_.is_running() && file_version_of(served) < full_merge_.goal();
}

std::optional<upkeep_planner::time_point> upkeep_planner::checkpoint_at() const {
  std::optional<time_point> at;
  if (options_.checkpoint_age.count() > 0) at = oldest_in_memory_ + options_.checkpoint_age;
  if (options_.idle_after.count() > 0) {
    const auto idle_at = std::max(last_write_ + options_.idle_after,
                                  last_checkpoint_ + idle_checkpoint_factor * options_.idle_after);
    at = at ? std::min(*at, idle_at) : idle_at;
  }
  return at;
}

bool upkeep_planner::checkpoint_is_due(segments served, time_point now) const {
  const lane& memory_merges = of(upkeep_kind::memory_merge);
  const size_t in_memory = served.size() - num_files(served);
  // A merge in memory has some of the same inputs.
  if (in_memory == 0 || of(upkeep_kind::checkpoint).running || memory_merges.running) return false;
  if (!of(upkeep_kind::checkpoint).tries.may_run(now, is_full(served))) return false;
  if (file_version_of(served) < checkpoint_goal_ || waits_for_checkpoint(served)) return true;
  if (memory_postings(served) >= options_.checkpoint_threshold || is_full(served)) return true;
  // What cannot be merged in memory is to be merged in files.
  if (!memory_merges.tries.may_run(now) && in_memory > options_.max_memory_segments) return true;
  if (options_.checkpoint_commits > 0 && uncovered_.commits >= options_.checkpoint_commits) return true;
  if (options_.checkpoint_log_bytes > 0 && uncovered_.log_bytes >= options_.checkpoint_log_bytes) return true;
  const auto at = checkpoint_at();
  return at && now >= *at;
}

std::optional<upkeep_job> upkeep_planner::choose_memory_merge(segments served) const {
  if (of(upkeep_kind::memory_merge).running) return std::nullopt;
  // What a checkpoint is writing out stays as it is.
  const lane& checkpoints = of(upkeep_kind::checkpoint);
  const size_t first = num_files(served) + (checkpoints.running ? checkpoints.inputs.size() : 0);
  const segments in_memory = served.subspan(first);
  // Each of them costs a search about as much as a file does.
  if (in_memory.size() <= std::min(few_memory_segments, options_.max_memory_segments / 2)) return std::nullopt;
  merge_policy_options policy;
  policy.min_segment_size = std::max<uint64_t>(1, memory_aim(options_) / 256);
  policy.max_segment_size = memory_aim(options_);
  policy.segments_per_level = few_memory_segments;
  policy.segments_per_merge = std::max(16u, options_.max_memory_segments);
  policy.max_segments = options_.max_memory_segments;
  std::vector<merge_candidate> sizes;
  for (const auto& s : in_memory) sizes.push_back(s.size);
  const auto range = choose_merge(sizes, policy);
  if (!range) return std::nullopt;
  return upkeep_job{upkeep_kind::memory_merge, first + range->first, range->count};
}

std::vector<merge_candidate> upkeep_planner::candidates(segments files) const {
  std::vector<merge_candidate> sizes;
  sizes.reserve(files.size());
  for (const auto& s : files) {
    sizes.push_back(s.size);
    if (is_barred(s.start())) sizes.back().mergeable = false;
  }
  return sizes;
}

std::optional<upkeep_job> upkeep_planner::choose_file_merge(segments served, time_point now) {
  lane& merges = of(upkeep_kind::file_merge);
  const bool may_all_run = merges.tries.may_run(now);
  if (merges.running || (!may_all_run && !room_)) return std::nullopt;
  if (full_merge_.is_running()) {
    if (!may_all_run) return std::nullopt;
    // What would be merged before its checkpoint would be merged again behind it.
    return waits_for_checkpoint(served) ? std::nullopt : choose_full(served);
  }
  const size_t files = num_files(served);
  auto sizes = candidates(served.first(files));
  auto policy = options_.merge;
  if (!may_all_run) {
    policy.max_segment_size = std::min(policy.max_segment_size, *room_);
    for (auto& s : sizes) s.mergeable &= s.live <= *room_;
  }
  // Merged on behind the checkpoint, so that what is in memory is merged along.
  const bool is_at_rest = files == served.size() && is_idle(now);
  const auto range = is_at_rest ? choose_idle_merge(sizes, policy) : choose_merge(sizes, policy);
  if (range) return upkeep_job{upkeep_kind::file_merge, range->first, range->count};
  if (may_all_run && room_) {
    // What there was no room for is wanted no more.
    room_.reset();
    merges.tries.succeeded();
  }
  return std::nullopt;
}

upkeep_planner::segments upkeep_planner::asked_for(segments served) const {
  const auto files = served.first(num_files(served));
  const auto later = std::ranges::upper_bound(files, full_merge_.goal(), {}, &upkeep_segment::first_commit);
  return files.first(static_cast<size_t>(later - files.begin()));
}

std::optional<upkeep_job> upkeep_planner::choose_full(segments served) const {
  const auto files = asked_for(served);
  auto sizes = candidates(files);
  for (size_t i = 0; i < sizes.size(); i++) {
    if (full_merge_.has_made(files[i].start())) sizes[i].mergeable = false;
  }
  const auto range = choose_full_merge(sizes, options_.merge);
  if (!range) return std::nullopt;
  return upkeep_job{upkeep_kind::file_merge, range->first, range->count};
}

void upkeep_planner::end_round_if_done(segments served) {
  while (full_merge_.is_running() && !of(upkeep_kind::file_merge).running && !waits_for_checkpoint(served) &&
         !choose_full(served)) {
    for (const auto& s : asked_for(served)) {
      if (const auto barred = barred_.find(s.start()); barred != barred_.end()) {
        full_merge_.hinder(barred->second.why);
      }
    }
    finished_.push_back(full_merge_.finish());
  }
}

}  // namespace fp
