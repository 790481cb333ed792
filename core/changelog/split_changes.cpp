#include "core/changelog/split_changes.hpp"

namespace fp {

namespace {

/// See `changes_encoder` for the layout.
size_t encoded_size(const change_view& change) noexcept {
  const size_t body = change.hash_bytes.size() + change.key.size() + change.value.size();
  return 3 * sizeof(uint32_t) + (body + 3) / 4 * 4;
}

}  // namespace

void split_changes::add(std::span<const uint8_t> encoded) {
  changes_reader reader(encoded);
  change_view change;
  size_t begin = 0;
  while (reader.next(change)) {
    const auto size = encoded_size(change);
    const bool is_of_document = change.kind == change_kind::insert || change.kind == change_kind::erase;
    pieces.push_back(encoded.subspan(begin, size));
    documents.push_back(is_of_document ? std::optional(change.id) : std::nullopt);
    begin += size;
  }
}

}  // namespace fp
