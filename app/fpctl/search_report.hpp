#pragma once

#include <map>
#include <optional>
#include <string>

#include "app/fpctl/format.hpp"
#include "app/fpctl/json_output.hpp"
#include "core/text/fingerprint_text.hpp"

namespace fp::ctl {

/// What one of many queries found.
struct query_outcome {
  std::string label;
  std::optional<document_id> expected;
  std::optional<search_result> best;
  uint32_t margin = 0;  ///< score of the best document above that of the second best

  bool is_as_expected() const { return best && expected && best->id == *expected; }
};

query_outcome outcome_of(const text_fingerprint& query, const result_list& results);

/// Collects the outcomes of many queries.
class search_report {
 public:
  struct group {
    uint64_t queries = 0;  ///< that name an expected document
    uint64_t matched = 0;  ///< of these, those whose best match is that document
  };

  void add(const query_outcome& o);

  uint64_t queries() const noexcept { return queries_; }
  uint64_t unmatched() const noexcept { return unmatched_; }
  const std::map<std::string, group>& groups() const noexcept { return groups_; }
  /// The share of queries, per label and over all, whose best match is the expected document.
  table expectation_table() const;
  json expectation_json() const;

 private:
  uint64_t queries_ = 0, unmatched_ = 0;
  std::map<std::string, group> groups_;
};

table outcome_table();
void add_row(table& t, const query_outcome& o);
json as_json(const query_outcome& o);

}  // namespace fp::ctl
