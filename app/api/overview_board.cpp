#include "app/api/overview_board.hpp"

#include <algorithm>

#include "app/api/answer_bodies.hpp"

namespace fp {

namespace {

using namespace std::chrono_literals;

// The page asks four times a second while something loads.
constexpr auto fresh_for = 200ms;
constexpr std::chrono::milliseconds time_for_answers = 2s;

}  // namespace

void overview_board::get(bridge_state& bridge, body_format format, receiver then, bridge_state::failure fail) {
  if (is_there_ && bridge.self->clock().now() < gathered_ + fresh_for) {
    then(body(format));
    return;
  }
  waiters_.push_back({format, std::move(then), std::move(fail)});
  if (!gathering_) start(bridge);
}

void overview_board::start(bridge_state& bridge) {
  const auto number = ++gatherings_;
  gathering_ = true;
  node_known_ = false;
  next_ = {};
  next_.has_names = has_names_;
  next_.takes_sound = takes_sound_;
  const auto board = shared_from_this();
  bridge.self->delayed_send(bridge.self, time_for_answers, bridge_call{[board, number](bridge_state& b) {
                              if (!board->is_current(number)) return;
                              if (board->node_known_) {
                                board->finish(b);
                              } else {
                                board->give_up(make_error(errc::overloaded, "the node does not answer in time"));
                              }
                            }});
  bridge.ask_node<node_status>(
      time_for_answers, [board, number, &bridge](const node_status& s) { board->ask_indexes(bridge, number, s); },
      [board, number](const caf::error& e) {
        if (board->is_current(number)) board->give_up(e);
      },
      status_atom_v);
}

void overview_board::ask_indexes(bridge_state& bridge, uint64_t number, const node_status& status) {
  if (!is_current(number)) return;
  node_known_ = true;
  next_.node = status;
  for (const auto& entry : status.indexes.indexes) {
    index_status known;
    known.name = entry.name;
    known.generation = entry.generation;
    known.state = entry.state;
    known.reason = entry.reason;
    next_.indexes.push_back({std::move(known), false});
  }
  missing_ = next_.indexes.size();
  if (missing_ == 0) {
    finish(bridge);
    return;
  }
  const auto board = shared_from_this();
  for (const auto& entry : status.indexes.indexes) {
    bridge.ask_index<index_status>(
        entry.name, time_for_answers,
        [board, number, &bridge](const index_status& s) { board->index_told(bridge, number, s.name, &s); },
        [board, number, &bridge, name = entry.name](const caf::error&) {
          board->index_told(bridge, number, name, nullptr);
        },
        status_atom_v);
  }
}

void overview_board::index_told(bridge_state& bridge, uint64_t number, const std::string& name,
                                const index_status* status) {
  if (!is_current(number)) return;
  const auto it = std::lower_bound(next_.indexes.begin(), next_.indexes.end(), name,
                                   [](const auto& i, const auto& wanted) { return i.status.name < wanted; });
  if (it == next_.indexes.end() || it->status.name != name) return;
  if (status != nullptr) *it = {*status, true};
  if (--missing_ == 0) finish(bridge);
}

void overview_board::finish(bridge_state& bridge) {
  gathering_ = false;
  newest_ = std::exchange(next_, {});
  json_.clear();
  msgpack_.clear();
  is_there_ = true;
  gathered_ = bridge.self->clock().now();
  for (const auto& w : std::exchange(waiters_, {})) w.then(body(w.format));
}

void overview_board::give_up(const caf::error& why) {
  gathering_ = false;
  for (const auto& w : std::exchange(waiters_, {})) w.fail(why);
}

const std::string& overview_board::body(body_format format) {
  auto& encoded = format == body_format::json ? json_ : msgpack_;
  if (encoded.empty()) encoded = encode_overview(newest_, format);
  return encoded;
}

}  // namespace fp
