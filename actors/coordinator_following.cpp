#include "actors/feed_follower.hpp"
#include "actors/index_coordinator.hpp"

namespace fp {

void index_coordinator_state::follow() {
  replica = {};
  if (!is_replica()) {
    if (setup.feed) {
      block_writes("the index is this node's own, and the node follows " + setup.feed.name);
    }
    return;
  }
  if (!setup.feed) {
    block_writes("the index is a replica, and the node follows no changelog");
    return;
  }
  spawn_follower();
}

void index_coordinator_state::spawn_follower() {
  if (follower || !parked.empty() || (!is_serving() && !filling)) return;
  feed_follower_setup s;
  s.env = setup.env;
  s.of = {index_name(), setup.record.lineage};
  s.applied = current()->version();
  s.filled = !filling;
  s.feed = setup.feed;
  s.part = part();
  if (setup.backups) s.restores = replica_restorer(setup.backups);
  s.owner = replica_handle(index_coordinator_handle(self));
  s.metrics = metrics;
  follower = adopt(self->spawn<caf::linked + caf::monitored>(feed_follower, std::move(s)), "feed_follower");
}

void index_coordinator_state::on_feed_commit(caf::typed_response_promise<update_reply>& promise,
                                             const feed_commit& changes) {
  const auto number = ++num_updates;
  writers.emplace(number, waiting_writer{promise});
  try {
    tell_engine([&](index_engine& e) {
      e.update({number, changes.changes, changes.after, changes.position}, now());
    });
  } catch (const error& e) {
    refuse(number, e);
  }
}

void index_coordinator_state::on_replica_changed(const replica_changed& changed) {
  replica = changed.report;
  base = changed.base;
  const bool is_loaded = is_serving() || filling;
  if (!is_loaded || !parked.empty()) return;
  const bool fills_no_more = filling && replica.state == replica_state::following;
  if (fills_no_more) {
    filling = false;
    env->log->info("{}: filled at position {}", index_name(), current()->version());
  }
  show_served_state();
  if (fills_no_more) {
    tell_observers();
    answer_waiting();
  }
}

void index_coordinator_state::on_parked(const std::string& why) {
  parked = why;
  if (!is_serving() && !filling) return;
  if (!parked.empty() && follower) self->send_exit(follower, caf::exit_reason::user_shutdown);
  if (parked.empty() && is_replica() && setup.feed) spawn_follower();
  show_served_state();
}

std::optional<error> index_coordinator_state::write_hindrance() const {
  if (!parked.empty()) return error(errc::read_only, parked);
  if (!is_replica() || !setup.feed) return std::nullopt;
  if (replica.state == replica_state::parked) return error(errc::read_only, replica.why);
  if (!log_hindrance.empty()) return error(errc::read_only, log_hindrance);
  if (!follower) return error(errc::read_only, "index " + index_name() + " is not followed at the moment");
  return std::nullopt;
}

void index_coordinator_state::show_served_state() {
  index_state next = index_state::ready;
  std::string why;
  if (filling) {
    next = index_state::loading;
    why = "it is filled from " + setup.feed.name;
    if (replica.newest > 0) {
      why += ", position " + std::to_string(current()->version()) + " of " + std::to_string(replica.newest);
    }
    if (!replica.why.empty()) why += ": " + replica.why;
  } else if (!parked.empty()) {
    next = index_state::read_only;
    why = parked;
  } else if (!log_hindrance.empty()) {
    next = index_state::read_only;
    why = log_hindrance;
  } else if (is_replica() && setup.feed && replica.state == replica_state::parked) {
    next = index_state::read_only;
    why = replica.why;
  }
  if (next != state || why != reason) set_state(next, why);
}

}  // namespace fp
