#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/doc_set.hpp"

namespace fp::fpindex {

/// A set of document ids, quick enough to be asked for every item of a segment. Ids that lie close together are
/// kept in plain bitmaps of bounded size.
class document_marks {
 public:
  bool contains(document_id id) const noexcept {
    const auto* const page = pages_[id / page_ids].get();
    return page != nullptr ? page->contains(id % page_ids) : num_pages_ == max_pages && rest_.contains(id);
  }
  void add(document_id id) {
    auto& page = pages_[id / page_ids];
    if (page == nullptr && num_pages_ == max_pages) {
      rest_.add(id);
      return;
    }
    if (page == nullptr) {
      page = std::make_unique<bitmap>();
      num_pages_++;
    }
    page->add(id % page_ids);
  }

 private:
  static constexpr uint32_t page_ids = 1u << 16;
  static constexpr size_t max_pages = 2048;  // 16 MB

  struct bitmap {
    bool contains(uint32_t i) const noexcept { return (words[i / 64] >> (i % 64) & 1) != 0; }
    void add(uint32_t i) noexcept { words[i / 64] |= uint64_t{1} << (i % 64); }
    uint64_t words[page_ids / 64] = {};
  };

  std::vector<std::unique_ptr<bitmap>> pages_ = std::vector<std::unique_ptr<bitmap>>(page_ids);
  size_t num_pages_ = 0;
  doc_set rest_;
};

}  // namespace fp::fpindex
