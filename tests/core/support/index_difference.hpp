#pragma once

#include <string>
#include <vector>

#include "core/index/snapshot.hpp"
#include "core/search/search.hpp"
#include "tests/core/support/naive_index.hpp"

namespace fp::test {

/// How an index that is served differs from the model; empty when it does not.
inline std::string difference(const snapshot& found, const naive_index& expected) {
  if (found.version() != expected.version()) {
    return "version " + std::to_string(found.version()) + " for " + std::to_string(expected.version());
  }
  if (found.metadata().to_map() != expected.metadata()) return "other metadata";
  if (found.stats().num_documents != expected.documents().size()) {
    return std::to_string(found.stats().num_documents) + " documents for " +
           std::to_string(expected.documents().size());
  }
  searcher search;
  size_t number = 0;
  for (const auto& [id, document] : expected.documents()) {
    const auto state = found.find(id);
    if (!state || state->commit != document.commit) return "document " + std::to_string(id);
    if (number++ % 4 != 0) continue;
    const std::vector<hash_value> query(document.hashes.begin(), document.hashes.end());
    search_options options;
    options.min_score = 1;
    options.score_pct = 0;
    options.limit = 1000;
    if (search.search(found, query, options).results != expected.search(query, options)) {
      return "a search for document " + std::to_string(id);
    }
  }
  return {};
}

}  // namespace fp::test
