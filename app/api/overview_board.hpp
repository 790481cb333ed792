#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/api/body_decoder.hpp"
#include "app/api/node_overview.hpp"
#include "app/gateway/gateway_bridge.hpp"

namespace fp {

/// Asks a node and all of its indexes for their status. Whoever asks while that goes on shares the result, and so
/// does whoever asks soon after: many browsers cost as much as one. All calls come from inside one bridge.
class overview_board : public std::enable_shared_from_this<overview_board> {
 public:
  using receiver = std::function<void(std::string body)>;

  /// Overviews tell that documents may have names. Before the first is asked for.
  void set_has_names() { has_names_ = true; }
  /// The same of sound that clients send.
  void set_takes_sound() { takes_sound_ = true; }

  /// Hands the encoded overview to `then`, at the latest when the time for answers is over.
  void get(bridge_state& bridge, body_format format, receiver then, bridge_state::failure fail);

 private:
  struct waiter {
    body_format format;
    receiver then;
    bridge_state::failure fail;
  };
  void start(bridge_state& bridge);
  void ask_indexes(bridge_state& bridge, uint64_t number, const node_status& status);
  void index_told(bridge_state& bridge, uint64_t number, const std::string& name, const index_status* status);
  void finish(bridge_state& bridge);
  void give_up(const caf::error& why);
  const std::string& body(body_format format);
  bool is_current(uint64_t number) const { return gathering_ && number == gatherings_; }

  std::vector<waiter> waiters_;
  uint64_t gatherings_ = 0;
  bool gathering_ = false, node_known_ = false, has_names_ = false, takes_sound_ = false;
  node_overview next_;
  size_t missing_ = 0;  ///< indexes of `next_` that have said nothing yet

  std::string json_, msgpack_;  ///< of the newest overview, each made when it is first asked for
  node_overview newest_;
  bool is_there_ = false;
  caf::actor_clock::time_point gathered_;
};

}  // namespace fp
