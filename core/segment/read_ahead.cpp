#include "core/segment/read_ahead.hpp"

#include <algorithm>

namespace fp {

void read_ahead::ask(const std::byte* at) noexcept {
  const std::byte* const end = of_.bytes().data() + of_.bytes().size();
  const std::byte* const from = std::max(at, asked_);
  const std::byte* const to = static_cast<size_t>(end - at) <= 2 * window ? end : at + 2 * window;
  if (from < to) of_.will_read({from, to});
  asked_ = std::max(asked_, to);
  next_ = to == end ? end : to - window;
  if (next_ <= at) next_ = at + 1;
}

}  // namespace fp
