#pragma once

#include <algorithm>
#include <bit>
#include <map>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "app/audio/band_filter.hpp"
#include "app/audio/fingerprinter.hpp"
#include "app/identify/identifier.hpp"

namespace fp::test {

/// Recordings that are searched by looking at every hash.
class recordings_in_memory : public known_recordings {
 public:
  void add(hash_form form, document_id id, std::vector<hash_value> hashes) {
    documents_[form][id] = std::move(hashes);
  }
  void add_sound(hash_form form, document_id id, std::span<const int16_t> sound) {
    pcm own(sound.begin(), sound.end());
    if (form == hash_form::phone) band_filter().apply(own);
    add(form, id, fingerprinter().fingerprint(own));
  }
  /// Documents whose fingerprints are not known.
  std::set<document_id> unnamed;
  std::vector<hash_form> searched;  ///< forms of the searches so far

  bool has(hash_form form) override { return documents_.contains(form); }
  std::vector<std::vector<search_result>> search(hash_form form, std::vector<query> queries) override {
    searched.push_back(form);
    std::vector<std::vector<search_result>> all;
    for (const auto& q : queries) {
      const std::set<hash_value> distinct(q.hashes.begin(), q.hashes.end());
      std::vector<search_result> results;
      for (const auto& [id, stored] : documents_[form]) {
        const auto held = document_in_form(stored, form);
        uint32_t score = 0;
        for (const auto hash : distinct) {
          score += std::any_of(held.begin(), held.end(),
                               [&](hash_value h) { return std::popcount(h ^ hash) <= static_cast<int>(q.probes); });
        }
        if (score >= q.min_score) results.push_back({id, score});
      }
      std::stable_sort(results.begin(), results.end(),
                       [](const search_result& a, const search_result& b) { return a.score > b.score; });
      if (results.size() > q.limit) results.resize(q.limit);
      all.push_back(std::move(results));
    }
    return all;
  }
  std::optional<std::vector<hash_value>> fingerprint(hash_form form, document_id id) override {
    if (unnamed.contains(id)) return std::nullopt;
    return documents_[form].at(id);
  }

 private:
  std::map<hash_form, std::map<document_id, std::vector<hash_value>>> documents_;
};

}  // namespace fp::test
