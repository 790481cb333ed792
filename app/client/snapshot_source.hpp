#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "app/client/pieces_ahead.hpp"
#include "core/fpindex/byte_source.hpp"

namespace fp {

/// The bytes of a snapshot in fpindex's format, as a node sends them. The client that it is of must outlive it.
class snapshot_source final : public fpindex::byte_source {
 public:
  /// `ask_next` asks for the next piece, and returns what waits for it; `end` ends the stream.
  snapshot_source(std::function<std::function<backup_piece()>()> ask_next, std::function<void()> end)
      : pieces_(std::move(ask_next)), end_(std::move(end)) {}
  ~snapshot_source() override { end_(); }
  snapshot_source(const snapshot_source&) = delete;
  snapshot_source& operator=(const snapshot_source&) = delete;

  /// Throws what the stream ends with, and `corrupt_data` when a piece is missing.
  size_t read(std::span<std::byte> out) override;

 private:
  pieces_ahead pieces_;
  std::function<void()> end_;
  backup_piece piece_;
  size_t taken_ = 0;     ///< of the piece
  uint64_t offset_ = 0;  ///< of what is read next
  bool at_end_ = false;
};

}  // namespace fp
