#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "core/index/snapshot.hpp"

namespace fp {

/// A snapshot as a stream of bytes that is made as fast as it is asked for, chunk by chunk. Holds the snapshot.
/// Serves one thread at a time.
class chunk_producer {
 public:
  virtual ~chunk_producer() = default;
  chunk_producer(const chunk_producer&) = delete;
  chunk_producer& operator=(const chunk_producer&) = delete;

  size_t max_chunk_bytes() const noexcept { return max_chunk_bytes_; }
  /// Bytes that `next` has returned so far.
  uint64_t num_bytes() const noexcept { return num_bytes_; }
  /// The next bytes, valid until the next call. None at the end, and when there was work of some milliseconds that
  /// makes none: `at_end` tells which. Throws `corrupt_data`, or `io_error` when a page of the snapshot cannot be
  /// read, rather than complete the stream, and `internal_error` after that.
  std::span<const std::byte> next();
  bool at_end() const noexcept { return !failed_ && is_complete(); }

 protected:
  /// Name and generation (not 0) are those of the index; `what` is made of it, for messages. Throws
  /// `invalid_index_name` or `generation_not_allowed`.
  chunk_producer(snapshot_ptr from, const char* what, const std::string& index_name, uint64_t generation,
                 size_t max_chunk_bytes);

  const snapshot& source() const noexcept { return *from_; }
  /// Begins messages about a segment.
  std::string name_of(const segment& s) const;

 private:
  virtual std::span<const std::byte> make_next() = 0;
  virtual bool is_complete() const noexcept = 0;

  snapshot_ptr from_;
  std::string name_;
  size_t max_chunk_bytes_;
  uint64_t num_bytes_ = 0;
  bool failed_ = false;
};

}  // namespace fp
