#include "core/commit/commit_order.hpp"

namespace fp {

namespace {

class local_order final : public commit_order {
 public:
  std::optional<commit_id> next(commit_id version) override {
    if (version >= max_commit_id) return std::nullopt;
    return version + 1;
  }
};

}  // namespace

std::unique_ptr<commit_order> make_local_order() { return std::make_unique<local_order>(); }

}  // namespace fp
