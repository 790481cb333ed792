#pragma once

#include "core/base/cancel.hpp"
#include "core/base/error.hpp"

namespace fp {

/// How long one call of a changelog may take.
struct call_limits {
  steady_clock::time_point deadline = steady_clock::time_point::max();
  const cancel_flag* interrupted = nullptr;

  /// Between two pieces of work. Throws `request_timeout`.
  void check() const {
    if (is_cancelled(interrupted)) throw error(errc::request_timeout, "the call was interrupted");
    if (steady_clock::now() >= deadline) throw error(errc::request_timeout, "there was not enough time for it");
  }
};

}  // namespace fp
