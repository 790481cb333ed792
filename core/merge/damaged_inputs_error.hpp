#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/base/error.hpp"
#include "core/segment/segment_info.hpp"

namespace fp {

/// An input of a merge that is not what it was when it was opened, or cannot be read any more.
struct damaged_input {
  segment_info segment;
  std::string reason;  ///< with file and offset
};

/// A merge failed because of what it was to merge. `what()` tells of the first, and how many there are.
class damaged_inputs_error : public error {
 public:
  /// Of at least one.
  damaged_inputs_error(errc code, std::vector<damaged_input> inputs)
      : error(code, text_of(inputs)), inputs_(std::move(inputs)) {}
  /// Oldest first.
  const std::vector<damaged_input>& inputs() const noexcept { return inputs_; }

 private:
  static std::string text_of(const std::vector<damaged_input>& inputs) {
    if (inputs.size() == 1) return inputs.front().reason;
    return inputs.front().reason + " (the first of " + std::to_string(inputs.size()) + " damaged inputs)";
  }

  std::vector<damaged_input> inputs_;
};

}  // namespace fp
