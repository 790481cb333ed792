#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace fp {

/// A stream of bytes that is made as fast as it is asked for, chunk by chunk. Serves one thread at a time.
class chunk_producer {
 public:
  virtual ~chunk_producer() = default;

  virtual size_t max_chunk_bytes() const noexcept = 0;
  /// Bytes that `next` has returned so far.
  virtual uint64_t num_bytes() const noexcept = 0;
  /// The next bytes, valid until the next call. None at the end, and when there was work of some milliseconds that
  /// makes none: `at_end` tells which. After it has thrown it throws `internal_error`.
  virtual std::span<const std::byte> next() = 0;
  virtual bool at_end() const noexcept = 0;
};

}  // namespace fp
