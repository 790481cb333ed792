#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/library/recording_library.hpp"
#include "core/identify/verdict.hpp"
#include "core/index/snapshot.hpp"
#include "core/search/search.hpp"

namespace fp {

/// A document that a search found, with what a library knows of it.
struct named_result {
  document_id id = 0;
  uint32_t score = 0;
  bool is_known = false;  ///< to the library; else the rest is unset
  std::string title, artist;
  double duration_s = 0;
  std::optional<alignment> where;  ///< how the query lies in it; none where nothing of it is alike
};

/// What a query is, as far as bits tell.
struct named_results {
  certainty how = certainty::none;
  doubt why = doubt::nothing_alike;
  std::vector<named_result> documents;  ///< when it has a name, that comes first; else as they were found
};

/// What a search has found, where nothing is known of it.
named_results without_names(const std::vector<search_result>& found);

/// Names what a search has found, and says how sure that is, by the recordings and ordered fingerprints of a
/// library
/// (`judge`). The library is opened for each question: it may come, go or be replaced while a node runs.
class recording_namer {
 public:
  explicit recording_namer(std::string library_file) : file_(std::move(library_file)) {}

  /// `hashes` in the order of the recording. Documents of an index that the library knows by another generation
  /// have no names. Throws as `recording_library`.
  named_results name(const std::string& index, uint64_t generation, const std::vector<hash_value>& hashes,
                     const std::vector<search_result>& found) const;

 private:
  std::string file_;
};

}  // namespace fp
