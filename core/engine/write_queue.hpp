#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "core/base/error.hpp"
#include "core/commit/changes.hpp"
#include "core/commit/commit_order.hpp"

namespace fp {

/// An update that waits to become a commit. Its number is the caller's.
struct queued_update {
  uint64_t number = 0;
  changes_ptr changes;
  std::optional<commit_id> expected_version;  ///< of the index, as the writer knows it
  /// What the commit is to be called, where somebody else orders commits.
  std::optional<commit_id> position = std::nullopt;
};

/// Updates that become durable together.
struct write_batch {
  struct refusal {
    uint64_t update = 0;
    error why;
  };
  commit_batch_ptr commits;       ///< may be empty
  std::vector<uint64_t> updates;  ///< numbers of what became commits, in the order of these
  /// What cannot follow the commits before it. To be told only when those are durable, which it was compared with.
  std::vector<refusal> refused;
};

/// Gathers updates and makes batches of them, in the order in which they came.
class write_queue {
 public:
  /// `index`: its name, for messages.
  write_queue(std::string index, size_t max_updates, size_t max_bytes)
      : index_(std::move(index)), max_updates_(max_updates), max_bytes_(max_bytes) {}

  /// Throws `overloaded` when too many wait, or too much.
  void push(queued_update update);
  /// The next ones of those that wait as commits behind `version`: as many as one sync should serve.
  write_batch next(commit_id version, commit_order& order);
  /// Numbers of all that waited; none do now.
  std::vector<uint64_t> clear();

  bool empty() const noexcept { return waiting_.empty(); }
  size_t size() const noexcept { return waiting_.size(); }
  size_t num_bytes() const noexcept { return bytes_; }

 private:
  std::string index_;
  size_t max_updates_, max_bytes_;
  std::deque<queued_update> waiting_;
  size_t bytes_ = 0;
};

}  // namespace fp
