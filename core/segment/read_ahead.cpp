#include "core/segment/read_ahead.hpp"

#include <algorithm>

namespace fp {

void read_ahead::ask(const std::byte* at) noexcept {
  const std::byte* const from = std::max(at, asked_);
  const std::byte* const to = static_cast<size_t>(end_ - at) <= 2 * window_ ? end_ : at + 2 * window_;
  if (from < to) of_.will_read({from, to});
  asked_ = std::max(asked_, to);
  next_ = to == end_ ? end_ : to - window_;
  if (next_ <= at) next_ = at + 1;
}

}  // namespace fp
