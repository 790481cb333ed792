#include "core/index/document_union.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace fp {

namespace {

constexpr unsigned bits_a_word = 64;
constexpr size_t ids_at_once = 1024;  ///< ids that go into a set at once

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
size_t document_union::for_each_bit(const doc_set& ids, size_t count, const F& keep) {
  if (some_.size() < count) some_.resize(count);
  // In variables of their own: the compiler cannot know that what is written leaves the members alone.
  uint64_t* const words = words_.data();
  document_id* const some = some_.data();
  const document_id first = first_;
  ids.toUint32Array(some);
  size_t num_kept = 0;
  for (size_t i = 0; i < count; i++) {
    const document_id id = some[i], place = id - first;
    some[num_kept] = id;
    num_kept += keep(words[place / bits_a_word], place % bits_a_word);
  }
  return num_kept;
}

doc_set document_union::join(const segment& s) {
  if (!has_few(s)) {
    fold();
    doc_set common = s.documents() & set_;
    set_ |= s.documents();
    return common;
  }
  words_used_ = true;
  const size_t num_common = for_each_bit(s.documents(), s.info().num_documents, [](uint64_t& word, unsigned bit) {
    const uint64_t before = word;
    word = before | uint64_t{1} << bit;
    return before >> bit & 1;
  });
  doc_set common = maker_.make(std::span(some_).first(num_common));
  if (!set_.isEmpty()) common |= s.documents() & set_;
  return common;
}

void document_union::add(const segment& s) {
  if (!has_few(s)) {
    set_ |= s.documents();
    return;
  }
  words_used_ = true;
  for_each_bit(s.documents(), s.info().num_documents, [](uint64_t& word, unsigned bit) {
    word |= uint64_t{1} << bit;
    return 0;
  });
}

doc_set document_union::tombstones_without(const segment& s) {
  if (!has_few(s)) {
    fold();
    return s.tombstones() - set_;
  }
  const size_t num_alone = for_each_bit(s.tombstones(), s.info().num_tombstones,
                                        [](const uint64_t& word, unsigned bit) { return ~word >> bit & 1; });
  doc_set alone = maker_.make(std::span(some_).first(num_alone));
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
    if (ids.size() < ids_at_once && i + 1 < words_.size()) continue;
    set_.addMany(ids.size(), ids.data());
    ids.clear();
  }
}

}  // namespace fp
