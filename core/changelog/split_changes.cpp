#include "core/changelog/split_changes.hpp"

namespace fp {

void split_changes::add(std::span<const uint8_t> encoded) {
  changes_reader reader(encoded);
  change_view change;
  for (size_t begin = 0; reader.next(change); begin = reader.offset()) {
    const bool is_of_document = change.kind == change_kind::insert || change.kind == change_kind::erase;
    pieces.push_back(encoded.subspan(begin, reader.offset() - begin));
    documents.push_back(is_of_document ? std::optional(change.id) : std::nullopt);
  }
}

}  // namespace fp
