#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/changelog/changelog.hpp"

namespace fp::test {

/// What all the engines of one changelog have in common, in memory: one position a change, without gaps.
struct model_log {
  struct entry {
    feed_position position = 0;
    std::vector<uint8_t> change;  ///< encoded
    uint64_t tag = 0;
  };
  struct changes {
    std::vector<entry> entries;
    std::map<append_id, feed_position> known;
    feed_position floor = 0;

    feed_position newest() const { return entries.empty() ? floor : entries.back().position; }
  };

  /// What a feed sends of all that an index is at one position.
  struct bootstrap {
    feed_position position = 0;
    std::vector<std::vector<uint8_t>> parts;
    bool is_cut = false;
  };

  std::map<lineage, changes> lineages;
  std::map<lineage, bootstrap> bootstraps;
  std::vector<meta_operation> meta;
  uint64_t num_tags = 0;
  bool tells_newest = true;
  std::map<std::string, int> num_calls;
  /// Asked before each call, by its name; what it answers other than `done` is the call's answer. An append that is
  /// `in_doubt` has been taken.
  std::function<changelog_answer(const std::string& call)> fault;

  changelog_answer meet(const std::string& call) {
    num_calls[call]++;
    return fault ? fault(call) : changelog_answer{};
  }
  lineage lineage_of(const std::string& index) const {
    for (auto it = meta.rbegin(); it != meta.rend(); ++it) {
      if (it->index == index && it->what == meta_operation::kind::create) return {index, it->position};
    }
    return {index, 0};
  }
};

class model_changelog : public changelog {
 public:
  explicit model_changelog(std::shared_ptr<model_log> log) : log_(std::move(log)) {}

  const std::string& name() const noexcept override { return name_; }
  bool resolves_doubt() const noexcept override { return true; }

  std::vector<append_answer> append(const lineage& l, std::span<const feed_append> appends, time_point) override {
    const auto met = log_->meet("append");
    std::vector<append_answer> answers(appends.size());
    for (size_t i = 0; i < appends.size(); i++) {
      static_cast<changelog_answer&>(answers[i]) = met;
      if (met.is_done() || met.status == changelog_status::in_doubt) {
        const auto taken = take(l, appends[i]);
        if (met.is_done()) answers[i] = taken;
      }
    }
    return answers;
  }

  feed_changes read(const lineage& l, feed_position after, const read_limits& limits, std::optional<uint64_t> tag,
                    time_point) override {
    feed_changes answer;
    static_cast<changelog_answer&>(answer) = log_->meet("read");
    if (!answer.is_done()) return answer;
    const auto found = log_->lineages.find(l);
    if (found == log_->lineages.end()) return refused<feed_changes>(changelog_status::no_lineage, "no lineage");
    const auto& log = found->second;
    if (after < log.floor) return refused<feed_changes>(changelog_status::below_retention, "dropped");
    if (after > log.newest()) return refused<feed_changes>(changelog_status::ahead_of_log, "the log is shorter");
    for (const auto& e : log.entries) {
      if (e.position == after && tag && *tag != e.tag) {
        return refused<feed_changes>(changelog_status::diverged, "another log");
      }
      if (e.position <= after || answer.positions.size() == limits.max_changes) continue;
      answer.positions.push_back(e.position);
      answer.changes.insert(answer.changes.end(), e.change.begin(), e.change.end());
      answer.tag = e.tag;
    }
    answer.newest = log.newest();
    return answer;
  }

  feed_bounds bounds(const lineage& l, time_point) override { return bounds_of(l); }

  newest_answer newest(std::span<const lineage> lineages, time_point) override {
    newest_answer answer;
    static_cast<changelog_answer&>(answer) = log_->meet("newest");
    if (!log_->tells_newest) answer.status = changelog_status::unsupported;
    for (const auto& l : lineages) answer.lineages.push_back(bounds_of(l));
    return answer;
  }

  changelog_answer truncate(const lineage& l, feed_position floor, time_point) override {
    auto& log = log_->lineages[l];
    log.floor = std::max(log.floor, floor);
    std::erase_if(log.entries, [&](const auto& e) { return e.position <= log.floor; });
    return {};
  }

  bootstrap_answer open_bootstrap(const lineage& l, time_point) override {
    const auto found = log_->bootstraps.find(l);
    if (found == log_->bootstraps.end()) return refused<bootstrap_answer>(changelog_status::unsupported, "none");
    bootstrap_answer answer;
    answer.stream = std::make_unique<stream>(found->second);
    return answer;
  }

  meta_operations read_meta(feed_position after, uint32_t max_operations, time_point) override {
    meta_operations answer;
    static_cast<changelog_answer&>(answer) = log_->meet("read_meta");
    if (!answer.is_done()) return answer;
    for (const auto& operation : log_->meta) {
      if (operation.position > after && answer.operations.size() < max_operations) {
        answer.operations.push_back(operation);
      }
    }
    return answer;
  }

  meta_answer create_index(const std::string& index, time_point) override {
    meta_answer answer;
    static_cast<changelog_answer&>(answer) = log_->meet("create");
    if (!answer.is_done()) return answer;
    answer.position = live(index);
    if (answer.position == 0) {
      answer.position = push(meta_operation::kind::create, index);
      log_->lineages[{index, answer.position}];
    }
    return answer;
  }

  meta_answer delete_index(const std::string& index, time_point) override {
    meta_answer answer;
    static_cast<changelog_answer&>(answer) = log_->meet("delete");
    if (!answer.is_done()) return answer;
    const auto generation = live(index);
    if (generation == 0) {
      answer.position = log_->meta.empty() ? 0 : log_->meta.back().position;
      return answer;
    }
    log_->lineages.erase({index, generation});
    answer.position = push(meta_operation::kind::erase, index);
    return answer;
  }

  void interrupt() noexcept override {}

 private:
  class stream : public bootstrap_stream {
   public:
    explicit stream(model_log::bootstrap all) : all_(std::move(all)) {}
    feed_position position() const noexcept override { return all_.position; }
    part next(time_point) override {
      part p;
      if (at_ == all_.parts.size()) {
        if (all_.is_cut) p = refused<part>(changelog_status::unavailable, "cut short");
        return p;
      }
      p.changes = all_.parts[at_++];
      return p;
    }

   private:
    model_log::bootstrap all_;
    size_t at_ = 0;
  };

  append_answer take(const lineage& l, const feed_append& append) {
    const auto found = log_->lineages.find(l);
    if (found == log_->lineages.end()) return refused<append_answer>(changelog_status::no_lineage, "no lineage");
    auto& log = found->second;
    append_answer answer;
    if (const auto known = log.known.find(append.id); known != log.known.end()) {
      answer.position = known->second;
      return answer;
    }
    if (append.expected && *append.expected != log.newest()) {
      answer = refused<append_answer>(changelog_status::mismatch, "mismatch");
      answer.position = log.newest();
      return answer;
    }
    changes_reader reader(*append.changes);
    change_view change;
    while (reader.next(change)) {
      changes_encoder one;
      switch (change.kind) {
        case change_kind::insert: {
          std::vector<hash_value> hashes(change.num_hashes());
          for (size_t i = 0; i < hashes.size(); i++) hashes[i] = change.hash(i);
          one.insert(change.id, hashes);
          break;
        }
        case change_kind::erase:
          one.erase(change.id);
          break;
        case change_kind::set_metadata:
          one.set_metadata(change.key, change.value);
          break;
        case change_kind::remove_metadata:
          one.remove_metadata(change.key);
          break;
      }
      const feed_position next = log.newest() + 1;
      log.entries.push_back({next, one.take(), ++log_->num_tags});
    }
    answer.position = log.newest();
    log.known[append.id] = answer.position;
    return answer;
  }

  feed_bounds bounds_of(const lineage& l) const {
    const auto found = log_->lineages.find(l);
    if (found == log_->lineages.end()) return refused<feed_bounds>(changelog_status::no_lineage, "no lineage");
    feed_bounds b;
    b.floor = found->second.floor;
    b.newest = found->second.newest();
    return b;
  }

  feed_position live(const std::string& index) const {
    for (auto it = log_->meta.rbegin(); it != log_->meta.rend(); ++it) {
      if (it->index == index) return it->what == meta_operation::kind::create ? it->position : 0;
    }
    return 0;
  }

  feed_position push(meta_operation::kind what, const std::string& index) {
    const feed_position next = log_->meta.empty() ? 1 : log_->meta.back().position + 1;
    log_->meta.push_back({next, what, index});
    return next;
  }

  std::shared_ptr<model_log> log_;
  std::string name_ = "the model changelog";
};

}  // namespace fp::test
