#include "core/index/document_union.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

namespace fp {

namespace {

constexpr unsigned bits_a_word = 64;
constexpr size_t block = 1024;  ///< ids that are taken out of a set at once

}  // namespace

document_union::document_union(std::span<const segment_ptr> coming) {
  document_id first = UINT32_MAX, last = 0;
  for (const auto& s : coming) {
    if (s->documents().isEmpty()) continue;
    first = std::min(first, s->documents().minimum());
    last = std::max(last, s->documents().maximum());
  }
  if (first > last) return;
  const size_t num_words = size_t{last - first} / bits_a_word + 1;
  uint64_t of_few = 0;
  for (const auto& s : coming) {
    if (s->info().num_documents <= num_words) of_few += s->info().num_documents;
  }
  if (num_words > max_words || num_words > of_few) return;
  first_ = first;
  words_.resize(num_words);
}

template <class F>
void document_union::for_each_bit(const doc_set& ids, const F& f) {
  // In variables of their own: the compiler cannot know that what `f` writes leaves the members alone.
  uint64_t* const words = words_.data();
  const document_id first = first_;
  std::array<document_id, block> some;
  roaring_uint32_iterator_t at;
  roaring_init_iterator(&ids.roaring, &at);
  for (uint32_t count = block; count == block;) {
    count = roaring_read_uint32_iterator(&at, some.data(), block);
    for (uint32_t i = 0; i < count; i++) {
      const document_id place = some[i] - first;
      f(some[i], words[place / bits_a_word], place % bits_a_word);
    }
  }
}

doc_set document_union::join(const segment& s) {
  if (!has_few(s)) {
    fold();
    doc_set common = s.documents() & set_;
    set_ |= s.documents();
    return common;
  }
  words_used_ = true;
  if (found_.size() <= s.info().num_documents) found_.resize(s.info().num_documents + 1);
  document_id* const found = found_.data();
  size_t num_found = 0;
  for_each_bit(s.documents(), [&](document_id id, uint64_t& word, unsigned bit) {
    const uint64_t before = word;
    found[num_found] = id;
    num_found += before >> bit & 1;
    word = before | uint64_t{1} << bit;
  });
  doc_set common = maker_.make(std::span(found_).first(num_found));
  if (!set_.isEmpty()) common |= s.documents() & set_;
  return common;
}

void document_union::add(const segment& s) {
  if (!has_few(s)) {
    set_ |= s.documents();
    return;
  }
  words_used_ = true;
  for_each_bit(s.documents(), [](document_id, uint64_t& word, unsigned bit) { word |= uint64_t{1} << bit; });
}

doc_set document_union::tombstones_without(const segment& s) {
  if (!has_few(s)) {
    fold();
    return s.tombstones() - set_;
  }
  if (found_.size() <= s.info().num_tombstones) found_.resize(s.info().num_tombstones + 1);
  size_t num_found = 0;
  for_each_bit(s.tombstones(), [&](document_id id, uint64_t& word, unsigned bit) {
    found_[num_found] = id;
    num_found += ~word >> bit & 1;
  });
  doc_set alone = maker_.make(std::span(found_).first(num_found));
  if (!set_.isEmpty()) alone -= set_;
  return alone;
}

void document_union::fold() {
  if (!words_used_) return;
  words_used_ = false;
  std::vector<document_id> ids;
  for (size_t i = 0; i < words_.size(); i++) {
    for (uint64_t word = std::exchange(words_[i], 0); word != 0; word &= word - 1) {
      ids.push_back(first_ + static_cast<document_id>(i * bits_a_word) +
                    static_cast<document_id>(std::countr_zero(word)));
    }
    if (ids.size() < block && i + 1 < words_.size()) continue;
    set_.addMany(ids.size(), ids.data());
    ids.clear();
  }
}

}  // namespace fp
