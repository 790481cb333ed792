#pragma once

#include <cstddef>
#include <cstdint>

namespace fp {

/// A place in a run: its first key that is not below `key` is at `position`.
struct run_place {
  uint64_t key = 0, position = 0;
};

/// Keys in ascending order, none of them 0, of which any stretch can be read. Several threads may read at once.
class sorted_run {
 public:
  virtual ~sorted_run() = default;

  /// How many keys there are.
  virtual uint64_t size() const noexcept = 0;
  /// Of the first key that is not below `key`, which is not below `from.key`; one that is `limit` behind
  /// `from.position` or more stands for all of those.
  virtual uint64_t position_of(uint64_t key, const run_place& from, uint64_t limit) const noexcept = 0;
  /// Writes the keys from a place to before position `last`, or some of them, to `out`, which has room for all, and
  /// answers how many.
  virtual size_t read(const run_place& from, uint64_t last, uint64_t* out) const = 0;
  /// What begins at such a place will be read next: of one thread at a time.
  virtual void prepare(const run_place& from) noexcept = 0;
};

}  // namespace fp
