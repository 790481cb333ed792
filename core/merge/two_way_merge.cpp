#include "core/merge/two_way_merge.hpp"

#include <algorithm>

#include "core/base/partition_point.hpp"

namespace fp {

namespace {

/// How many of the `count` smallest keys of two ascending lists, which hold as many, are of the first one. See
/// Odeh, Green, Mwassi, Shmueli, Birk: "Merge path" (2012).
size_t share_of_first(std::span<const uint64_t> a, std::span<const uint64_t> b, size_t count) noexcept {
  return partition_point(count - std::min(count, b.size()), std::min(count, a.size()),
                         [&](uint64_t i) { return a[i] < b[count - 1 - i]; });
}

/// Puts the smallest keys to the front, and the largest to the back: without a branch on their order, of which each
/// step depends on nothing but how many keys are of the first list so far.
struct both_ends {
  const uint64_t *a_front, *b_front, *a_back, *b_back;
  uint64_t *front, *back;
  std::ptrdiff_t a_smallest = 0, a_largest = 0;

  both_ends(std::span<const uint64_t> a, std::span<const uint64_t> b, uint64_t* out) noexcept
      : a_front(a.data()),
        b_front(b.data()),
        a_back(a_front + a.size() - 1),
        b_back(b_front + b.size() - 1),
        front(out),
        back(out + a.size() + b.size() - 1) {}

  /// The step behind as many others.
  [[gnu::always_inline]] void step(std::ptrdiff_t steps) noexcept {
    const uint64_t x = a_front[a_smallest], y = b_front[steps - a_smallest];
    const bool a_is_smaller = x < y;
    front[steps] = a_is_smaller ? x : y;
    a_smallest += a_is_smaller;
    const uint64_t v = a_back[-a_largest], w = b_back[a_largest - steps];
    const bool a_is_larger = v >= w;
    back[-steps] = a_is_larger ? v : w;
    a_largest += a_is_larger;
  }
  /// The keys in the middle, two at most, behind as many steps.
  void finish(std::ptrdiff_t steps) noexcept {
    if (back - front == 2 * steps + 1) step(steps++);
    if (back - front != 2 * steps) return;
    const uint64_t* const a = a_front + a_smallest;
    front[steps] = a <= a_back - a_largest ? *a : b_front[steps - a_smallest];
  }
};

}  // namespace

void merge_two(std::span<const uint64_t> a, std::span<const uint64_t> b, uint64_t* out) noexcept {
  // Each step of an end waits for what the one before has read: four ends take little longer than one.
  const size_t half = (a.size() + b.size()) / 2;
  const size_t of_a = share_of_first(a, b, half), of_b = half - of_a;
  both_ends low(a.first(of_a), b.first(of_b), out);
  both_ends high(a.subspan(of_a), b.subspan(of_b), out + half);
  const auto steps = static_cast<std::ptrdiff_t>(half / 2);
  for (std::ptrdiff_t i = 0; i < steps; i++) {
    low.step(i);
    high.step(i);
  }
  low.finish(steps);
  high.finish(steps);
}

}  // namespace fp
