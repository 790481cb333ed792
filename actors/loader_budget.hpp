#pragma once

#include <caf/all.hpp>
#include <deque>

#include "messages/internal.hpp"

namespace fp {

class loader_permit {
 public:
  explicit loader_permit(loader_budget_handle budget) : budget_(std::move(budget)) {}
  loader_permit(const loader_permit&) = delete;
  loader_permit& operator=(const loader_permit&) = delete;
  ~loader_permit() { caf::anon_send(budget_, release_atom_v); }

 private:
  loader_budget_handle budget_;
};

/// Bounds the segment loaders of a whole node, however many indexes load at once:
///
///     manifest_actor --acquire--> loader_budget --permit--> manifest_actor --permit--> segment_loader
///                                      ^----------------release (the permit's end)-----------'
struct loader_budget_state {
  static inline const char* name = "loader_budget";

  loader_budget_handle::stateful_pointer<loader_budget_state> self;
  uint32_t allowed = 1, running = 0;
  std::deque<caf::typed_response_promise<permit_ptr>> waiting;

  caf::result<permit_ptr> acquire();
  void release();
  void grant_waiting();
};

loader_budget_handle::behavior_type loader_budget(loader_budget_handle::stateful_pointer<loader_budget_state> self,
                                                  uint32_t allowed);

}  // namespace fp
