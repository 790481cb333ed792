#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "core/backup/backup_format.hpp"
#include "core/changelog/held_segments.hpp"
#include "core/changelog/replica_base.hpp"

namespace fp {

/// A backup of which a peer sends the rest: of a segment that is held, entry and header page. What is behind them
/// comes from the folder, so that who reads gets the whole stream, with the checksum of all that the peer has read.
/// A segment is dropped from the folder once it has been read.
class completed_base final : public base_stream {
 public:
  /// `held` must outlive it.
  completed_base(std::unique_ptr<base_stream> rest, held_segments& held) : rest_(std::move(rest)), held_(held) {}

  /// Throws `corrupt_data` for a stream that is none, too, and `io_error`.
  size_t read(std::span<std::byte> out, std::chrono::steady_clock::time_point deadline) override;

 private:
  enum class part : uint8_t { stream_header, entry, page, sections, trailer, end };

  /// Takes what has been made ready.
  size_t take_ready(std::span<std::byte> out);
  size_t read_held(std::span<std::byte> out);
  /// Reads all of a header, an entry, a page or the trailer, and sees what follows.
  void make_ready(std::chrono::steady_clock::time_point deadline);
  void segment_ends();

  std::unique_ptr<base_stream> rest_;
  held_segments& held_;
  part next_ = part::stream_header;
  std::vector<std::byte> ready_;
  size_t ready_taken_ = 0;
  backup_format::stream_header header_;
  uint64_t offset_ = 0;        ///< in the whole stream, of what is made ready next
  uint64_t num_segments_ = 0;  ///< that are over
  uint64_t left_ = 0;          ///< bytes of the current segment
  uint64_t segment_bytes_ = 0;
  uint64_t held_id_ = 0;
  std::unique_ptr<readable_file> from_;  ///< of the current segment; null: it comes from the peer
};

}  // namespace fp
