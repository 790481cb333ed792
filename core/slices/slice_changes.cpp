#include "core/slices/slice_changes.hpp"

#include "core/changelog/split_changes.hpp"

namespace fp {

std::vector<uint8_t> changes_of_slice(std::span<const uint8_t> encoded, const slice& part) {
  split_changes all;
  all.add(encoded);
  std::vector<uint8_t> kept;
  for (size_t i = 0; i < all.pieces.size(); ++i) {
    if (all.documents[i] && !part.contains(*all.documents[i])) continue;
    kept.insert(kept.end(), all.pieces[i].begin(), all.pieces[i].end());
  }
  return kept;
}

}  // namespace fp
