#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/base/error.hpp"
#include "core/segment/segment.hpp"

namespace fp {

/// A merge failed because of what it was to merge: these inputs are not what they were when they were opened, or
/// cannot be read any more.
class damaged_inputs_error : public error {
 public:
  damaged_inputs_error(errc code, const std::string& message, std::vector<segment_info> inputs)
      : error(code, message), inputs_(std::move(inputs)) {}
  /// Oldest first.
  const std::vector<segment_info>& inputs() const noexcept { return inputs_; }

 private:
  std::vector<segment_info> inputs_;
};

}  // namespace fp
