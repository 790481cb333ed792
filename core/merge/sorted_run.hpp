#pragma once

#include <cstddef>
#include <cstdint>

namespace fp {

/// Keys in ascending order, none of them 0, of which any stretch can be read. Several threads may read at once.
class sorted_run {
 public:
  virtual ~sorted_run() = default;

  /// How many keys there are.
  virtual uint64_t size() const noexcept = 0;
  /// Of the first key that is not below `key`: 0 to `size()`.
  virtual uint64_t position_of(uint64_t key) const noexcept = 0;
  /// Writes the keys from position `first` to before `last`, or some of them, to `out`, which has room for all, and
  /// answers how many. `from`: a key whose position is `first`.
  virtual size_t read(uint64_t from, uint64_t first, uint64_t last, uint64_t* out) const = 0;
  /// What begins at such a place will be read next: of one thread at a time.
  virtual void prepare(uint64_t from, uint64_t first) noexcept = 0;
};

}  // namespace fp
