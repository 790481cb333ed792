#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "core/changelog/local_changelog.hpp"
#include "tests/core/support/commits.hpp"

namespace fp::test {

inline constexpr auto no_deadline = changelog::time_point::max();

inline append_id numbered_append(uint64_t number) {
  append_id id{};
  for (size_t i = 0; i < 8; i++) id[i] = static_cast<uint8_t>((number * 0x9e3779b97f4a7c15) >> (8 * i));
  id[15] = 1;
  return id;
}

/// Encoded changes, each by itself.
inline std::vector<std::vector<uint8_t>> split_changes(std::span<const uint8_t> changes) {
  std::vector<std::vector<uint8_t>> result;
  changes_reader reader(changes);
  change_view change;
  for (size_t begin = 0; reader.next(change); begin = reader.offset()) {
    const auto one = changes.subspan(begin, reader.offset() - begin);
    result.emplace_back(one.begin(), one.end());
  }
  return result;
}

/// A changelog as plain as it can be.
struct changelog_model {
  struct log {
    std::vector<std::vector<uint8_t>> changes;  ///< of position i + 1
    feed_position floor = 0;
    std::map<append_id, feed_position> ids;
  };
  std::map<std::string, uint64_t> generations;
  std::vector<meta_operation> operations;
  std::map<lineage, log> logs;

  feed_position create(const std::string& index) {
    const auto it = generations.find(index);
    if (it != generations.end()) return it->second;
    operations.push_back({operations.size() + 1, meta_operation::kind::create, index});
    logs[{index, operations.size()}] = {};
    return generations[index] = operations.size();
  }
  feed_position erase(const std::string& index) {
    const auto it = generations.find(index);
    if (it == generations.end()) return operations.size();
    logs.erase({index, it->second});
    generations.erase(it);
    operations.push_back({operations.size() + 1, meta_operation::kind::erase, index});
    return operations.size();
  }
  append_answer append(const lineage& l, const feed_append& a) {
    append_answer answer;
    log& to = logs.at(l);
    if (to.ids.count(a.id) > 0) {
      answer.position = to.ids.at(a.id);
      return answer;
    }
    answer.position = to.changes.size();
    if (a.expected && *a.expected != answer.position) {
      answer.status = changelog_status::mismatch;
      return answer;
    }
    for (auto& change : split_changes(*a.changes)) to.changes.push_back(std::move(change));
    return to.ids[a.id] = answer.position = to.changes.size(), answer;
  }
  /// What all of a lineage has made: the last change of each document and key, at its position.
  static std::map<feed_position, std::vector<uint8_t>> fold(const log& of, feed_position after = 0) {
    std::map<std::string, feed_position> last;
    std::vector<std::string> subjects;
    for (const auto& bytes : of.changes) {
      change_view change;
      changes_reader(bytes).next(change);
      const bool is_key = change.kind == change_kind::set_metadata || change.kind == change_kind::remove_metadata;
      subjects.push_back(is_key ? "key " + std::string(change.key) : std::to_string(change.id));
    }
    for (size_t i = 0; i < subjects.size(); i++) last[subjects[i]] = i + 1;
    std::map<feed_position, std::vector<uint8_t>> result;
    for (const auto& [subject, position] : last) {
      if (position > after) result[position] = of.changes[position - 1];
    }
    return result;
  }
};

/// All changes behind `after`, read in pieces.
inline feed_changes read_all(changelog& log, const lineage& l, feed_position after, read_limits limits) {
  feed_changes all;
  for (;;) {
    feed_changes piece = log.read(l, after, limits, std::nullopt, no_deadline);
    if (!piece.is_done()) return piece;
    EXPECT_LE(piece.positions.size(), limits.max_changes);
    EXPECT_TRUE(piece.changes.size() <= limits.max_bytes || piece.positions.size() == 1);
    if (piece.positions.empty()) return all;
    all.positions.insert(all.positions.end(), piece.positions.begin(), piece.positions.end());
    all.changes.insert(all.changes.end(), piece.changes.begin(), piece.changes.end());
    after = piece.positions.back();
  }
}

/// Whether a changelog holds what the model holds; `step` says how much is read at a time.
inline ::testing::AssertionResult holds_model(changelog& log, const changelog_model& model, uint32_t step = 7) {
  const auto failure = [] { return ::testing::AssertionFailure(); };
  std::vector<meta_operation> operations;
  for (;;) {
    const auto piece = log.read_meta(operations.empty() ? 0 : operations.back().position, step, no_deadline);
    if (!piece.is_done()) return failure() << "the meta feed: " << piece.why;
    if (piece.operations.empty()) break;
    operations.insert(operations.end(), piece.operations.begin(), piece.operations.end());
  }
  if (operations.size() != model.operations.size()) return failure() << operations.size() << " operations";
  for (size_t i = 0; i < operations.size(); i++) {
    const auto &a = operations[i], &b = model.operations[i];
    if (a.position != b.position || a.what != b.what || a.index != b.index) return failure() << "operation " << i;
  }
  for (const auto& [l, expected] : model.logs) {
    const auto bounds = log.bounds(l, no_deadline);
    if (!bounds.is_done() || bounds.newest != expected.changes.size() || bounds.floor != expected.floor) {
      return failure() << to_string(l) << ": " << bounds.floor << " to " << bounds.newest << " instead of "
                       << expected.floor << " to " << expected.changes.size() << ". " << bounds.why;
    }
    for (const bool with_dropped : {false, true}) {
      const feed_position after = with_dropped ? 0 : expected.floor;
      const auto found = read_all(log, l, after, {.max_changes = step, .with_dropped = with_dropped});
      if (!found.is_done()) return failure() << to_string(l) << ": " << found.why;
      std::map<feed_position, std::vector<uint8_t>> wanted;
      if (with_dropped) {
        changelog_model::log dropped = expected;
        dropped.changes.resize(expected.floor);
        wanted = changelog_model::fold(dropped);
      }
      for (feed_position p = expected.floor + 1; p <= expected.changes.size(); p++) {
        wanted[p] = expected.changes[p - 1];
      }
      const auto changes = split_changes(found.changes);
      if (changes.size() != wanted.size() || found.positions.size() != wanted.size()) {
        return failure() << to_string(l) << ": " << changes.size() << " changes instead of " << wanted.size();
      }
      size_t i = 0;
      for (const auto& [position, bytes] : wanted) {
        if (found.positions[i] != position || changes[i] != bytes) {
          return failure() << to_string(l) << ": position " << position;
        }
        i++;
      }
    }
  }
  return ::testing::AssertionSuccess();
}

/// Updates of a few random changes.
class random_updates {
 public:
  explicit random_updates(uint64_t seed) : data_(seed), random_(seed) {}

  /// One without zeros that could be taken for what a torn write leaves: a log rather reports those.
  feed_append next_without_zeros(size_t max_changes, size_t max_hashes) {
    const auto number = [&] { return static_cast<uint32_t>(random_()) | 0x01010101; };
    changes_encoder changes;
    for (uint64_t i = 1 + random_() % max_changes; i > 0; i--) {
      std::vector<hash_value> hashes(1 + random_() % max_hashes);
      for (auto& h : hashes) h = number();
      changes.insert(random_() % 2 == 0 ? number() : 0x01010101 * (1 + random_() % 5), hashes);
    }
    changes.set_metadata("key" + std::to_string(random_() % 5), std::to_string(1000 + random_() % 9000));
    feed_append a;
    a.changes = std::make_shared<const std::vector<uint8_t>>(changes.take());
    a.id = numbered_append(++num_);
    return a;
  }

  feed_append next(size_t max_changes = 5, size_t max_hashes = 40) {
    feed_append a;
    do {
      a.changes = data_.next_commit(1, max_changes, max_hashes).changes;
    } while (a.changes->empty());
    a.id = numbered_append(++num_);
    return a;
  }

 private:
  random_data data_;
  std::mt19937_64 random_;
  uint64_t num_ = 0;
};

}  // namespace fp::test
