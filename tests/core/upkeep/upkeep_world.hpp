#pragma once

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <vector>

#include "core/upkeep/upkeep_planner.hpp"

namespace fp::test {

/// An index without contents for a planner: segments are numbers, jobs take time and may fail, and the clock moves
/// when told to.
class upkeep_world {
 public:
  using time_point = upkeep_planner::time_point;
  using milliseconds = std::chrono::milliseconds;

  explicit upkeep_world(const upkeep_options& options) : planner(options) { planner.loaded(segments, 0, 0, now); }

  /// How long a job takes.
  std::function<milliseconds(const upkeep_job&)> duration = [](const upkeep_job&) { return milliseconds(1); };
  /// Why a job fails; none: it does not. May name damaged inputs.
  std::function<std::optional<error>(const upkeep_job&, std::vector<segment_info>& damaged)> fault;
  /// Sees each job as it starts.
  std::function<void(const upkeep_job&)> started;

  void commit(uint64_t postings, uint64_t log_bytes = 10) {
    version++;
    segments.push_back({version, version, false, {postings, postings}});
    written += postings;
    planner.committed(1, log_bytes, now);
    work();
  }
  /// Runs what is due, and what becomes due, until then.
  void advance(milliseconds by) {
    const auto end = now + by;
    for (;;) {
      work();
      auto next = planner.next_look(segments, now);
      for (const auto& r : running) {
        if (r && (!next || r->end < *next)) next = r->end;
      }
      if (!next || *next > end) break;
      now = std::max(now, *next);
      looks++;
    }
    now = end;
    work();
  }
  size_t num_files() const {
    return static_cast<size_t>(std::ranges::count(segments, true, &upkeep_segment::in_file));
  }
  size_t num_in_memory() const { return segments.size() - num_files(); }

  upkeep_planner planner;
  std::vector<upkeep_segment> segments;
  time_point now{std::chrono::hours(1)};
  commit_id version = 0;
  uint64_t written = 0;                     ///< by commits, in postings
  std::array<uint64_t, 3> done{}, tried{};  ///< jobs, by kind
  std::array<uint64_t, 3> postings_done{};  ///< that jobs wrote
  std::vector<full_merge::outcome> merges;  ///< that were requested and have ended
  uint64_t looks = 0;                       ///< how often the clock rang

  uint64_t of(const std::array<uint64_t, 3>& counts, upkeep_kind kind) const {
    return counts[static_cast<size_t>(kind)];
  }

  void work() {
    for (bool again = true; again;) {
      again = false;
      for (auto& r : running) {
        if (!r || r->end > now) continue;
        end(*r);
        r.reset();
        again = true;
      }
      while (const auto job = planner.next(segments, now)) {
        begin(*job);
        again = true;
      }
      for (auto& m : planner.finished_merges()) merges.push_back(std::move(m));
    }
  }

 private:
  struct running_job {
    upkeep_job job;
    segment_start oldest, newest;  ///< of the inputs
    time_point end;
  };

  void begin(const upkeep_job& job) {
    auto& slot = running[static_cast<size_t>(job.kind)];
    if (slot) throw std::logic_error("two jobs of one kind");
    if (job.count == 0 || job.first + job.count > segments.size())
      throw std::logic_error("inputs that are not there");
    for (size_t i = job.first; i < job.first + job.count; i++) {
      if (segments[i].in_file != (job.kind == upkeep_kind::file_merge))
        throw std::logic_error("inputs of another kind");
      if (planner.is_barred(segments[i].start())) throw std::logic_error("a damaged input");
    }
    running_job r{job, segments[job.first].start(), segments[job.first + job.count - 1].start(),
                  now + duration(job)};
    for (const auto& other : running) {
      if (other && r.oldest <= other->newest && other->oldest <= r.newest) {
        throw std::logic_error("two jobs with one input");
      }
    }
    tried[static_cast<size_t>(job.kind)]++;
    if (started) started(job);
    slot = r;
  }

  void end(const running_job& r) {
    const auto kind = r.job.kind;
    std::vector<segment_info> damaged;
    const auto why = fault ? fault(r.job, damaged) : std::nullopt;
    if (why) {
      planner.failed(kind, *why, damaged, segments, now);
      return;
    }
    const auto first = std::ranges::find(segments, r.oldest, &upkeep_segment::start);
    const auto last = std::ranges::find(segments, r.newest, &upkeep_segment::start);
    upkeep_segment merged{
        first->first_commit, last->last_commit, kind != upkeep_kind::memory_merge, {}, first->first_part};
    for (auto s = first; s <= last; ++s) {
      merged.size.stored += s->size.live;
      merged.size.live += s->size.live;
    }
    done[static_cast<size_t>(kind)]++;
    postings_done[static_cast<size_t>(kind)] += merged.size.stored;
    segments.insert(segments.erase(first, last + 1), merged);
    planner.succeeded(kind, now);
  }

  std::array<std::optional<running_job>, 3> running;
};

}  // namespace fp::test
