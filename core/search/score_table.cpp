#include "core/search/score_table.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

namespace fp {

namespace {

constexpr size_t slots_a_slice = 1024;  ///< between two looks at the clock
constexpr size_t slots_cleared_a_unit = 4;
constexpr size_t max_sample = 1023;  ///< ids whose median stands for that of all

constexpr uint64_t bytes_of(uint64_t num_slots) { return num_slots * sizeof(score_table::slot); }

/// Calls `f` for each of `slots`.
template <class Slot, class F>
void for_each_slot(std::span<Slot> slots, stop_condition& stop, const F& f) {
  for (size_t at = 0; at < slots.size(); at += slots_a_slice) {
    const auto some = slots.subspan(at, std::min(slots_a_slice, slots.size() - at));
    for (Slot& s : some) f(s);
    stop.worked(static_cast<uint32_t>(some.size()));
  }
}

}  // namespace

void score_table::clear(uint64_t expected, uint64_t max_bytes, stop_condition& stop) {
  best_ = 0;
  // Beside a full table there is half of it while it grows, and 5/8 while ids are dropped.
  max_slots_ = std::bit_floor(static_cast<size_t>(max_bytes / (bytes_of(8) + bytes_of(5)) * 8));
  if (memory_.bytes().size() > bytes_of(max_slots_)) memory_ = aligned_memory();
  if (!other_.bytes().empty()) other_ = aligned_memory();
  const auto wanted = std::clamp<uint64_t>(expected * 2, min_slots, std::min(max_cached_slots, max_slots_));
  lay_out(std::bit_ceil(static_cast<size_t>(wanted)), stop);
}

void score_table::lay_out(size_t num_slots, stop_condition& stop) {
  if (memory_.bytes().size() < bytes_of(num_slots)) {
    memory_ = aligned_memory();
    memory_ = aligned_memory(bytes_of(num_slots));
  }
  slots_ = reinterpret_cast<slot*>(memory_.bytes().data());
  mask_ = num_slots - 1;
  shift_ = 64 - static_cast<unsigned>(std::countr_zero(num_slots));
  used_ = 0;
  for (size_t at = 0; at < num_slots; at += slots_a_slice) {
    const size_t some = std::min(slots_a_slice, num_slots - at);
    std::memset(slots_ + at, 0, some * sizeof(slot));
    stop.worked(static_cast<uint32_t>(some / slots_cleared_a_unit));
  }
}

void score_table::put(const slot& s) noexcept {
  size_t at = home(s.id);
  while (slots_[at].count > 0) at = (at + 1) & mask_;
  slots_[at] = s;
  used_++;
}

void score_table::grow(stop_condition& stop) {
  const std::span<const slot> old = slots();
  other_ = std::move(memory_);
  memory_ = aligned_memory();
  lay_out(std::min(old.size() * 4, max_slots_), stop);
  for_each_slot(old, stop, [&](const slot& s) {
    if (s.count > 0) put(s);
  });
  other_ = aligned_memory();
}

bool score_table::make_room(size_t num_ids, stop_condition& stop) {
  while (used_ + num_ids > capacity(mask_ + 1)) {
    if (mask_ + 1 >= max_slots_) return false;
    grow(stop);
  }
  return true;
}

void score_table::add(std::span<const document_id> ids) {
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

document_id score_table::drop_larger_half(stop_condition& stop) {
  std::vector<document_id> sample;
  // The slots are in the order of a hash: as good as drawn.
  for (const slot& s : slots()) {
    if (s.count > 0) sample.push_back(s.id);
    if (sample.size() == max_sample) break;
  }
  const auto median = sample.begin() + static_cast<std::ptrdiff_t>(sample.size() / 2);
  std::nth_element(sample.begin(), median, sample.end());
  const document_id bound = *median;

  other_ = aligned_memory(bytes_of(used_));
  auto* const kept = reinterpret_cast<slot*>(other_.bytes().data());
  size_t num_kept = 0;
  for_each_slot(std::span<const slot>(slots()), stop, [&](const slot& s) {
    if (s.count > 0 && s.id < bound) kept[num_kept++] = s;
  });
  lay_out(mask_ + 1, stop);
  for_each_slot(std::span<const slot>(kept, num_kept), stop, [&](const slot& s) { put(s); });
  other_ = aligned_memory();
  return bound;
}

uint64_t score_table::displacement() const noexcept {
  uint64_t sum = 0;
  for (size_t at = 0; at <= mask_; at++) {
    if (slots_[at].count > 0) sum += (at - home(slots_[at].id)) & mask_;
  }
  return sum;
}

}  // namespace fp
