#pragma once

#include <algorithm>
#include <cstdint>

namespace fp {

/// Bounds what second questions add to the load: to so many in a hundred first ones, some of which may come at
/// once.
class hedge_budget {
 public:
  hedge_budget(uint32_t percent, uint32_t at_once)
      : percent_(percent), most_(uint64_t{at_once} * 100), left_(most_) {}

  void asked() noexcept { left_ = std::min(most_, left_ + percent_); }
  /// Whether a second question may be asked, which it is then.
  bool take() noexcept {
    if (left_ < 100) return false;
    left_ -= 100;
    return true;
  }

 private:
  uint64_t percent_, most_, left_;  ///< the last two in hundredths of a question
};

}  // namespace fp
