#include "core/search/score_table.hpp"

namespace fp {

void score_table::clear(uint64_t expected) {
  if (slots_.size() > kept_slots) {
    slots_.clear();
    slots_.shrink_to_fit();
  }
  used_ = 0;
  best_ = 0;
  resize(std::bit_ceil(static_cast<size_t>(std::clamp<uint64_t>(expected * 2, min_slots, max_cached_slots))));
}

void score_table::resize(size_t num_slots) {
  if (slots_.size() < num_slots) slots_.resize(num_slots);
  std::fill_n(slots_.begin(), num_slots, slot{0, 0});
  mask_ = num_slots - 1;
  shift_ = 32 - static_cast<unsigned>(std::countr_zero(num_slots));
}

void score_table::grow() {
  std::vector<slot> taken;
  taken.reserve(used_);
  for (const slot& s : slots()) {
    if (s.count > 0) taken.push_back(s);
  }
  resize((mask_ + 1) * 4);
  for (const slot& s : taken) {
    size_t at = home(s.id);
    while (slots_[at].count > 0) at = (at + 1) & mask_;
    slots_[at] = s;
  }
}

void score_table::add(std::span<const document_id> ids) {
  while (used_ + ids.size() > (mask_ + 1) / 8 * 5) grow();
  if (mask_ >= max_cached_slots) {
    for (const document_id id : ids) __builtin_prefetch(&slots_[home(id)], 1);
  }
  uint32_t best = best_;
  for (const document_id id : ids) {
    size_t at = home(id);
    while (slots_[at].count > 0 && slots_[at].id != id) at = (at + 1) & mask_;
    used_ += slots_[at].count == 0;
    slots_[at].id = id;
    best = std::max(best, ++slots_[at].count);
  }
  best_ = best;
}

}  // namespace fp
