#pragma once

#include <algorithm>
#include <bit>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "core/base/types.hpp"
#include "core/commit/changes.hpp"
#include "core/search/search.hpp"
#include "core/segment/segment.hpp"

namespace fp::test {

/// What an index is meant to do, written as plainly as possible: the model that tests compare with.
class naive_index {
 public:
  struct document {
    std::set<hash_value> hashes;
    commit_id commit = 0;
  };

  void apply(const commit& c) {
    changes_reader reader(*c.changes);
    change_view change;
    while (reader.next(change)) {
      if (change.kind == change_kind::set_metadata) {
        metadata_[std::string(change.key)] = std::string(change.value);
        continue;
      }
      if (change.kind == change_kind::remove_metadata) {
        metadata_.erase(std::string(change.key));
        continue;
      }
      documents_.erase(change.id);
      if (change.kind == change_kind::erase) continue;
      document& d = documents_[change.id];
      d.commit = c.id;
      for (size_t i = 0; i < change.num_hashes(); i++) d.hashes.insert(change.hash(i));
    }
    version_ = c.id;
  }

  std::vector<search_result> search(std::span<const hash_value> query, const search_options& options) const {
    const std::set<hash_value> distinct(query.begin(), query.end());
    std::vector<search_result> results;
    uint64_t best = 0;
    for (const auto& [id, d] : documents_) {
      uint32_t score = 0;
      for (const hash_value h : distinct) score += holds_near(d, h, options.probes);
      if (score > 0) results.push_back({id, score});
      best = std::max<uint64_t>(best, score);
    }
    const uint64_t min_score = options.min_score ? *options.min_score : (query.size() + 19) / 20;
    std::erase_if(results, [&](const search_result& r) {
      return r.score < std::max<uint64_t>(min_score, best * options.score_pct / 100);
    });
    std::sort(results.begin(), results.end(), [](const search_result& a, const search_result& b) {
      return a.score != b.score ? a.score > b.score : a.id < b.id;
    });
    if (results.size() > options.limit) results.resize(options.limit);
    return results;
  }

  std::optional<document_state> find(document_id id) const {
    const auto found = documents_.find(id);
    if (found == documents_.end()) return std::nullopt;
    return document_state{found->second.commit, false};
  }

  const std::map<document_id, document>& documents() const { return documents_; }
  const metadata_map& metadata() const { return metadata_; }
  commit_id version() const { return version_; }

 private:
  static bool holds_near(const document& d, hash_value wanted, unsigned probes) {
    if (probes == 0) return d.hashes.contains(wanted);
    return std::any_of(d.hashes.begin(), d.hashes.end(),
                       [&](hash_value h) { return std::popcount(h ^ wanted) <= static_cast<int>(probes); });
  }

  std::map<document_id, document> documents_;
  metadata_map metadata_;
  commit_id version_ = 0;
};

}  // namespace fp::test
