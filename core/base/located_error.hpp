#pragma once

#include <cstdint>
#include <string>

#include "core/base/error.hpp"

namespace fp {

/// An error with the place in its file, which the message names too.
class located_error : public error {
 public:
  located_error(errc code, const std::string& message, uint64_t offset) : error(code, message), offset_(offset) {}
  uint64_t offset() const noexcept { return offset_; }

 private:
  uint64_t offset_;
};

}  // namespace fp
