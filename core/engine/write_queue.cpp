#include "core/engine/write_queue.hpp"

#include <utility>

namespace fp {

namespace {

// Large enough that one sync serves many writers, small enough that the first writer of a batch does not wait long
// for the last.
constexpr size_t max_batch_updates = 1024;
constexpr size_t max_batch_bytes = size_t{8} << 20;

}  // namespace

void write_queue::push(queued_update update) {
  if (waiting_.size() >= max_updates_ || bytes_ + update.changes->size() > max_bytes_) {
    throw error(errc::overloaded,
                "index " + index_ + ": " + std::to_string(waiting_.size()) + " updates are queued already");
  }
  const size_t bytes = update.changes->size();
  waiting_.push_back(std::move(update));
  bytes_ += bytes;
}

write_batch write_queue::next(commit_id version, commit_order& order) {
  write_batch batch;
  commit_batch commits;
  size_t bytes = 0;
  while (!waiting_.empty() && commits.size() < max_batch_updates && bytes < max_batch_bytes) {
    const queued_update update = std::move(waiting_.front());
    waiting_.pop_front();
    bytes_ -= update.changes->size();
    if (update.expected_version && *update.expected_version != version) {
      batch.refused.push_back(
          {update.number,
           error(errc::version_mismatch, "index " + index_ + " is at version " + std::to_string(version) +
                                             ", not " + std::to_string(*update.expected_version))});
      continue;
    }
    const auto id = update.position ? update.position : order.next(version);
    if (!id) {
      batch.refused.push_back(
          {update.number, error(errc::read_only, "index " + index_ + " is at version " + std::to_string(version) +
                                                     ", the last one that there can be")});
      continue;
    }
    if (*id <= version || *id > max_commit_id) {
      batch.refused.push_back(
          {update.number, error(errc::bad_request, "index " + index_ + " is at version " + std::to_string(version) +
                                                       ": no commit " + std::to_string(*id) + " follows it")});
      continue;
    }
    bytes += update.changes->size();
    commits.push_back({version, *id, update.changes});
    batch.updates.push_back(update.number);
    version = *id;
  }
  batch.commits = std::make_shared<const commit_batch>(std::move(commits));
  return batch;
}

std::vector<uint64_t> write_queue::clear() {
  std::vector<uint64_t> numbers;
  for (const auto& update : waiting_) numbers.push_back(update.number);
  waiting_.clear();
  bytes_ = 0;
  return numbers;
}

}  // namespace fp
