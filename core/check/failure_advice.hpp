#pragma once

#include <string>

#include "core/base/error.hpp"

namespace fp {

/// What an operator does about an index that failed to load for such a cause; one line that ends with the command
/// that loads it again.
std::string failure_advice(errc cause, const std::string& index);

/// The same for a replica that its changelog contradicts.
std::string parked_advice(const std::string& index);

}  // namespace fp
