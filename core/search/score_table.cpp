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

template <class Slot>
constexpr uint64_t bytes_of(uint64_t num_slots) {
  return num_slots * sizeof(Slot);
}

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

template <class Slot>
void basic_score_table<Slot>::clear(uint64_t expected, uint64_t max_bytes, stop_condition& stop) {
  best_ = 0;
  // Beside a full table there is half of it while it grows, and 5/8 while ids are dropped.
  max_slots_ = std::bit_floor(static_cast<size_t>(max_bytes / (bytes_of<Slot>(8) + bytes_of<Slot>(5)) * 8));
  if (memory_.bytes().size() > bytes_of<Slot>(max_slots_)) memory_ = aligned_memory();
  if (!other_.bytes().empty()) other_ = aligned_memory();
  const auto wanted = std::clamp<uint64_t>(expected * 2, min_slots, std::min(max_cached_slots, max_slots_));
  lay_out(std::bit_ceil(static_cast<size_t>(wanted)), stop);
}

template <class Slot>
void basic_score_table<Slot>::lay_out(size_t num_slots, stop_condition& stop) {
  if (memory_.bytes().size() < bytes_of<Slot>(num_slots)) {
    memory_ = aligned_memory();
    memory_ = aligned_memory(bytes_of<Slot>(num_slots));
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

template <class Slot>
void basic_score_table<Slot>::put(const slot& s) noexcept {
  size_t at = home(s.id);
  while (slots_[at].count > 0) at = (at + 1) & mask_;
  slots_[at] = s;
  used_++;
}

template <class Slot>
void basic_score_table<Slot>::grow(stop_condition& stop) {
  const std::span<const Slot> old = slots();
  other_ = std::move(memory_);
  memory_ = aligned_memory();
  lay_out(std::min(old.size() * 4, max_slots_), stop);
  for_each_slot(old, stop, [&](const slot& s) {
    if (s.count > 0) put(s);
  });
  other_ = aligned_memory();
}

template <class Slot>
bool basic_score_table<Slot>::make_room(size_t num_ids, stop_condition& stop) {
  while (used_ + num_ids > capacity(mask_ + 1)) {
    if (mask_ + 1 >= max_slots_) return false;
    grow(stop);
  }
  return true;
}

template <class Slot>
void basic_score_table<Slot>::add(std::span<const hit> hits) {
  if (mask_ >= max_cached_slots) {
    for (const hit h : hits) __builtin_prefetch(&slots_[home(Slot::id_of(h))], 1);
  }
  uint32_t best = best_;
  for (const hit h : hits) {
    const document_id id = Slot::id_of(h);
    size_t at = home(id);
    while (slots_[at].count > 0 && slots_[at].id != id) at = (at + 1) & mask_;
    used_ += slots_[at].count == 0;
    slots_[at].id = id;
    slots_[at].add(h);
    best = std::max(best, slots_[at].count);
  }
  best_ = best;
}

template <class Slot>
document_id basic_score_table<Slot>::drop_larger_half(stop_condition& stop) {
  std::vector<document_id> sample;
  // The slots are in the order of a hash: as good as drawn.
  for (const slot& s : slots()) {
    if (s.count > 0) sample.push_back(s.id);
    if (sample.size() == max_sample) break;
  }
  const auto median = sample.begin() + static_cast<std::ptrdiff_t>(sample.size() / 2);
  std::nth_element(sample.begin(), median, sample.end());
  const document_id bound = *median;

  other_ = aligned_memory(bytes_of<Slot>(used_));
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

template <class Slot>
uint64_t basic_score_table<Slot>::displacement() const noexcept {
  uint64_t sum = 0;
  for (size_t at = 0; at <= mask_; at++) {
    if (slots_[at].count > 0) sum += (at - home(slots_[at].id)) & mask_;
  }
  return sum;
}

template class basic_score_table<score_slot>;
template class basic_score_table<near_slot>;

}  // namespace fp
