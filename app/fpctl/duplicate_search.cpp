#include "app/fpctl/duplicate_search.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <unordered_set>

#include "app/fpctl/index_form.hpp"
#include "core/identify/alignment.hpp"

namespace fp::ctl {

std::vector<recording_pair> duplicate_search::run() {
  form_ = form_of(node_.info(options_.index, {options_.ready_wait_ms}), options_.index);
  std::vector<recording_pair> found;
  auto all = library_.list(options_.index);
  std::ranges::sort(all, {}, &recording::id);
  std::unordered_set<document_id> crowded;
  uint64_t done = 0;
  for (const auto& r : all) {
    on_progress(done++, all.size());
    const auto hashes = fingerprint(r.id);
    if (hashes.empty()) continue;
    std::optional<aligner> query;
    const auto others = candidates(r.id, hashes);
    if (others.size() + 1 >= max_candidates) crowded.insert(r.id);
    for (const auto other : others) {
      // A pair is looked at from its smaller id, a recording that is long holds shorter ones either way, unless
      // that one had more candidates than it was told of.
      if (other < r.id && !crowded.contains(other)) continue;
      const auto stored = fingerprint(other);
      if (stored.empty()) continue;
      if (!query) query.emplace(hashes);
      const auto best = query->best(stored);
      if (best && 1 - best->error() >= options_.min_equal_bits) {
        found.push_back({std::min(r.id, other), std::max(r.id, other), 1 - best->error()});
      }
    }
  }
  on_progress(all.size(), all.size());
  const auto ids_of = [](const recording_pair& p) { return std::pair(p.first, p.second); };
  std::ranges::sort(found, {}, ids_of);
  const auto again = std::ranges::unique(found, {}, ids_of);
  found.erase(again.begin(), again.end());
  return found;
}

std::vector<hash_value> duplicate_search::fingerprint(document_id id) {
  // Not of this library, or damaged: nothing to compare with.
  return library_.whole_fingerprint(options_.index, id, on_note).value_or(std::vector<hash_value>());
}

std::vector<document_id> duplicate_search::candidates(document_id id, const std::vector<hash_value>& hashes) {
  auto sounding = hashes;
  std::erase(sounding, silence_hash);
  sounding.resize(std::min(sounding.size(), max_query_hashes));
  if (sounding.empty()) return {};
  search_request request;
  request.query = query_in_form(sounding, form_);
  request.limit = max_candidates;
  // Half a hop of more silence at the beginning leaves a seventh of the hashes, and a lossy codec half of these.
  request.score_pct = 3;
  request.timeout_ms = request.ready_wait_ms = options_.ready_wait_ms;
  std::vector<document_id> ids;
  const auto results = node_.search(options_.index, request).results;
  for (size_t i = 0; i < results.size(); i++) {
    if (results[i].id != id) ids.push_back(results[i].id);
  }
  return ids;
}

std::vector<std::vector<document_id>> group_pairs(const std::vector<recording_pair>& pairs) {
  std::map<document_id, document_id> leader;
  const auto find = [&](document_id id) {
    leader.emplace(id, id);
    while (leader[id] != id) id = leader[id];
    return id;
  };
  for (const auto& p : pairs) {
    const auto a = find(p.first), b = find(p.second);
    leader[std::max(a, b)] = std::min(a, b);
  }
  std::map<document_id, std::vector<document_id>> groups;
  for (const auto& [id, above] : leader) groups[find(id)].push_back(id);
  std::vector<std::vector<document_id>> all;
  for (auto& [id, members] : groups) all.push_back(std::move(members));
  return all;
}

}  // namespace fp::ctl
