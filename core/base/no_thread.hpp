#pragma once

#include <system_error>

#include "core/base/error.hpp"

namespace fp {

/// The error of who wanted a thread that the system does not give: `overloaded`, with the reason.
inline error no_thread(const std::system_error& why) {
  return {errc::overloaded, "cannot start a thread: " + why.code().message()};
}

}  // namespace fp
