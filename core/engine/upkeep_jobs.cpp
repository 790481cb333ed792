#include "core/engine/upkeep_jobs.hpp"

#include <algorithm>
#include <utility>

namespace fp {

namespace {

auto has_number(uint64_t job) {
  return [job](const std::unique_ptr<running_job>& slot) { return slot && slot->number == job; };
}

}  // namespace

std::unique_ptr<running_job>* upkeep_jobs::slot_of(uint64_t job) {
  const auto it = std::ranges::find_if(slots_, has_number(job));
  return it == slots_.end() ? nullptr : &*it;
}

bool upkeep_jobs::is_running(uint64_t job) const { return std::ranges::any_of(slots_, has_number(job)); }

merge_task upkeep_jobs::begin(const upkeep_job& chosen, const served_index& served,
                              std::chrono::steady_clock::time_point now) {
  const bool merges_files = chosen.kind == upkeep_kind::file_merge;
  merge_task task;
  task.kind = chosen.kind;
  task.index = merges_files ? served.files() : served.whole();
  task.first = chosen.first;
  task.count = chosen.count;
  auto job = std::make_unique<running_job>();
  job->kind = chosen.kind;
  job->began = now;
  for (const auto& e : task.index->entries().subspan(chosen.first, chosen.count)) job->inputs.push_back(e.segment);
  if (chosen.kind != upkeep_kind::memory_merge) {
    job->file_name = task.file_name = merged_file_name(*job->inputs.front(), *job->inputs.back());
  }
  if (merges_files) {
    // What the next checkpoint writes, and as much again in the meantime.
    for (const auto& e : served.whole()->entries().subspan(served.whole()->num_file_segments())) {
      task.spare_bytes += 2 * e.segment->info().num_bytes;
    }
  }
  task.job = job->number = ++last_;
  slots_[static_cast<size_t>(chosen.kind)] = std::move(job);
  return task;
}

upkeep_jobs::next_step upkeep_jobs::merged(uint64_t job, segment_ptr result) {
  auto* slot = slot_of(job);
  if (slot == nullptr) return next_step::none;
  (*slot)->merged = std::move(result);
  if ((*slot)->file_name.empty()) return next_step::serve;
  unstored_.push_back(job);
  return next_step::store;
}

std::optional<manifest_task> upkeep_jobs::next_manifest(const snapshot& files) {
  if (is_storing() || unstored_.empty()) return std::nullopt;
  const running_job& job = **slot_of(unstored_.front());
  auto names = std::make_shared<manifest>();
  auto obsolete = std::make_shared<std::vector<std::string>>();
  const auto add_merged = [&] { names->segments.push_back({job.file_name, job.merged->info()}); };
  for (const auto& e : files.entries()) {
    if (std::ranges::find(job.inputs, e.segment) == job.inputs.end()) {
      names->segments.push_back({segment_file_name(*e.segment), e.segment->info()});
    } else {
      obsolete->push_back(segment_file_name(*e.segment));
      if (e.segment == job.inputs.front()) add_merged();
    }
  }
  if (job.inputs.front()->is_memory()) add_merged();
  storing_ = job.number;
  unstored_.pop_front();
  return manifest_task{storing_, std::move(names), std::move(obsolete)};
}

bool upkeep_jobs::manifest_done(uint64_t job) {
  if (job != storing_) return false;
  storing_ = 0;
  return true;
}

std::optional<running_job> upkeep_jobs::end(uint64_t job) {
  auto* slot = slot_of(job);
  if (slot == nullptr) return std::nullopt;
  std::erase(unstored_, job);
  return std::move(*std::exchange(*slot, nullptr));
}

std::vector<running_job> upkeep_jobs::forget_all() {
  std::vector<running_job> forgotten;
  for (auto& slot : slots_) {
    if (slot) forgotten.push_back(std::move(*slot));
    slot.reset();
  }
  unstored_.clear();
  storing_ = 0;
  return forgotten;
}

}  // namespace fp
