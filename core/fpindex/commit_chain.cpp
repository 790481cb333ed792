#include "core/fpindex/commit_chain.hpp"

#include <algorithm>

#include "core/base/error.hpp"

namespace fp::fpindex {

commit_range commit_chain::take(uint64_t first, uint64_t version, bool is_whole, const std::string& place) {
  const bool goes_on = !last_.ends_whole();
  const bool is_oldest = last_ == commit_range{};
  if (goes_on ? version != last_.last : version < last_.last || (version == last_.last && !is_oldest)) {
    throw error(errc::corrupt_data,
                place + ": version " + std::to_string(version) + " follows version " + std::to_string(last_.last));
  }
  commit_range range;
  if (goes_on) {
    range.previous = last_.first == last_.last ? last_.previous : last_.last - 1;
    range.first = version;
    range.first_part = last_.last_part;
  } else {
    range.previous = last_.last;
    range.first = std::clamp(first, last_.last + (version > 0 ? 1 : 0), version);
  }
  range.last = version;
  range.last_part = is_whole ? 0 : range.first_part + 1;
  // A version 0 that is complete and one that nothing is of look alike: the next one is larger than both.
  last_ = range;
  return range;
}

}  // namespace fp::fpindex
