#include "app/api/recording_namer.hpp"

#include <algorithm>

namespace fp {

named_results without_names(const std::vector<search_result>& found) {
  named_results out;
  for (const auto& r : found) out.documents.push_back({r.id, r.score, false, {}, {}, 0, {}});
  return out;
}

named_results recording_namer::name(const std::string& index, uint64_t generation,
                                    const std::vector<hash_value>& hashes,
                                    const std::vector<search_result>& found) const {
  auto out = without_names(found);
  recording_library library(file_, recording_library::access::read_only);
  const auto known = library.index(index);
  if (!known || known->generation != generation) return out;
  const auto against = content_of(hashes).reason_against();
  out.why = against != doubt::none ? against : doubt::nothing_alike;
  aligner lay(hashes);
  // The verdict's candidates refer to them.
  std::vector<std::vector<hash_value>> fingerprints;
  fingerprints.reserve(found.size());
  std::vector<candidate> candidates;
  for (auto& document : out.documents) {
    const auto facts = library.find(index, document.id);
    if (!facts) continue;
    document.is_known = true;
    document.title = shown_title(*facts);
    document.artist = facts->artist;
    document.duration_s = facts->duration_s;
    auto stored = library.fingerprint(index, document.id);
    if (against != doubt::none || !stored) continue;
    document.where = lay.best(fingerprints.emplace_back(std::move(*stored)));
    if (document.where) {
      candidates.push_back({document.id, lay.query(), fingerprints.back(), *document.where, 0});
    }
  }
  if (candidates.empty()) return out;
  const auto decided = judge(candidates);
  out.how = decided.how;
  out.why = decided.why;
  if (out.how == certainty::none) return out;
  const auto named = std::ranges::find(out.documents, decided.candidates.front().id, &named_result::id);
  std::rotate(out.documents.begin(), named, named + 1);
  return out;
}

}  // namespace fp
