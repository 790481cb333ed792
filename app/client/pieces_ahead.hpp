#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <utility>

#include "messages/backup.hpp"

namespace fp {

/// Pieces of a stream, of which one is on its way while another one is worked on.
class pieces_ahead {
 public:
  static constexpr size_t window = 2;

  /// `ask_next` asks for the next piece, and returns what waits for it.
  explicit pieces_ahead(std::function<std::function<backup_piece()>()> ask_next) : ask_next_(std::move(ask_next)) {}

  /// Throws what the stream ends with.
  backup_piece next() {
    while (asked_.size() < window) asked_.push_back(ask_next_());
    const auto oldest = std::move(asked_.front());
    asked_.pop_front();
    return oldest();
  }

 private:
  std::function<std::function<backup_piece()>()> ask_next_;
  std::deque<std::function<backup_piece()>> asked_;
};

}  // namespace fp
