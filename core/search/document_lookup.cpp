#include "core/search/document_lookup.hpp"

#include <algorithm>

#include "core/search/stoppable_partition_point.hpp"

namespace fp {

namespace {

constexpr uint64_t least_step = 8;
constexpr uint32_t units_of_a_guess = 8;

}  // namespace

void document_lookup::make(guess& g, document_id id) const noexcept {
  const bracket& in = g.in;
  g.at = in.first;
  // Whatever the postings have turned into since they were checked, the guess lies among them.
  if (in.smallest <= id && id <= in.largest && in.smallest < in.largest)
    g.at += uint64_t{id - in.smallest} * (in.last - in.first) / (in.largest - in.smallest);
  run_.prefetch(g.at);
}

void document_lookup::narrow(guess& g, document_id id) const noexcept {
  const document_id found = run_.at(g.at);
  if (found <= id) {
    g.in.first = g.at;
    g.in.smallest = found;
  }
  if (found >= id) {
    g.in.last = g.at;
    g.in.largest = found;
  }
}

bool document_lookup::holds(const guess& g, document_id id, stop_condition& stop) const {
  auto [first, last, smallest, largest] = g.in;
  uint64_t step = least_step;
  if (g.at == first) {
    while (last - first > step && run_.at(first + step) < id) {
      first += step;
      step *= 4;
      stop.worked(units_of_a_guess);
    }
    last = std::min(last, first + step);
  } else {
    while (last - first > step && run_.at(last - step) > id) {
      last -= step;
      step *= 4;
      stop.worked(units_of_a_guess);
    }
    first = std::max(first, last - std::min(last, step));
  }
  const auto below = [&](uint64_t i) { return run_.at(i) < id; };
  return run_.at(stoppable_partition_point(first, last, stop, below)) == id;
}

uint32_t document_lookup::find(std::span<const document_id> ids, stop_condition& stop) const {
  std::array<guess, max_ids> guesses;
  for (size_t i = 0; i < ids.size(); i++) {
    guesses[i].in = all_;
    make(guesses[i], ids[i]);
  }
  for (size_t i = 0; i < ids.size(); i++) {
    narrow(guesses[i], ids[i]);
    make(guesses[i], ids[i]);
    stop.worked(units_of_a_guess);
  }
  uint32_t held = 0;
  for (size_t i = 0; i < ids.size(); i++) {
    if (ids[i] < all_.smallest || ids[i] > all_.largest) continue;
    narrow(guesses[i], ids[i]);
    stop.worked(units_of_a_guess);
    held |= uint32_t{holds(guesses[i], ids[i], stop)} << i;
  }
  return held;
}

}  // namespace fp
