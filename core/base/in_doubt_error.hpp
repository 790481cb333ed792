#pragma once

#include "core/base/error.hpp"

namespace fp {

/// A change failed, and undoing it failed too: the next start may find what was before, or what was to be.
class in_doubt_error : public error {
 public:
  using error::error;
};

}  // namespace fp
