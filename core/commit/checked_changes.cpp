#include "core/commit/checked_changes.hpp"

namespace fp {

checked_changes::checked_changes(std::vector<uint8_t> bytes, const changes_limits& limits)
    : checked_changes(std::make_shared<const std::vector<uint8_t>>(std::move(bytes)), limits) {}

checked_changes::checked_changes(changes_ptr bytes, const changes_limits& limits) : bytes_(std::move(bytes)) {
  try {
    validate_changes(*bytes_, limits);
  } catch (const error& e) {
    problem_ = e;
  }
}

}  // namespace fp
