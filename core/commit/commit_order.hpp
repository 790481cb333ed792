#pragma once

#include <memory>
#include <optional>

#include "core/base/types.hpp"

namespace fp {

/// Who gives an index's commits their ids. They ascend and may jump; whoever stores commits relies on no more.
class commit_order {
 public:
  virtual ~commit_order() = default;
  /// The id of the commit that follows version `version`; nothing when none can.
  virtual std::optional<commit_id> next(commit_id version) = 0;
};

/// Commits are ordered where they are made: 1, 2, 3, ... without gaps.
std::unique_ptr<commit_order> make_local_order();

}  // namespace fp
