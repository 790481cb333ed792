#include <algorithm>

#include "actors/feed_follower.hpp"
#include "actors/index_coordinator.hpp"

namespace fp {

caf::result<resync_reply> index_coordinator_state::resync(const replica_resync& wanted) {
  if (state == index_state::closing) return not_ready_error();
  if (!setup.backups) return make_error(errc::internal_error, "nobody takes restores");
  if (filling && parked.empty() && replica.state != replica_state::parked) {
    return make_error(errc::index_not_ready, "index " + index_name() + " is being filled already: " + reason);
  }
  const bool is_new = !copy || copy->of != wanted.of || copy->part != wanted.part;
  if (is_new) {
    env->log->warn("{}: another copy of generation {} is wanted in the place of this one, at version {}",
                   index_name(), wanted.of.generation, current()->version());
    copy = std::make_unique<wanted_copy>();
    copy->of = wanted.of;
    copy->part = wanted.part;
    copy->delays = backoff(std::random_device()());
  }
  copy->next_try = now();
  if (!copy->fetch) fetch_copy();
  return resync_reply{wanted.of.generation, is_serving()};
}

void index_coordinator_state::fetch_copy() {
  if (!copy || copy->fetch || state == index_state::closing || now() < copy->next_try) return;
  base_loader_setup s;
  s.env = setup.env;
  s.of = copy->of;
  s.replaced = setup.record.lineage;
  s.part = copy->part;
  // What it holds of that itself need not come from elsewhere.
  const bool holds_more = is_serving() && s.part != part() && part().contains(s.part);
  if (holds_more && copy->of.generation == setup.record.lineage) s.own = current();
  s.may_replay = true;
  s.restores = replica_restorer(setup.backups);
  s.owner = base_listener(index_coordinator_handle(self));
  copy->fetch.start(self, setup.feed, std::move(s));
}

void index_coordinator_state::on_base_progress(const base_progress& progress) {
  if (!copy) return;
  copy->progress = progress;
  metrics->set_base(progress.bytes, progress.total);
}

void index_coordinator_state::on_base_failed(const std::string& why) {
  if (!copy || !copy->fetch) return;
  env->log->warn("{}: no other copy could be taken: {}", index_name(), why);
  copy->fetch.ended();
  copy->progress = {};
  copy->failure = why;
  metrics->set_base(0, 0);
  const auto delay = copy->delays.next();
  metrics->set_attempts(copy->delays.failures());
  copy->next_try = now() + delay;
  self->delayed_send(index_coordinator_handle(self), delay, resync_atom_v);
}

caf::error index_coordinator_state::no_donor_error(uint64_t for_node, const slice& wanted) const {
  if (for_node == 0) return {};
  const auto refuse = [&](const std::string& why) {
    return make_error(errc::read_only, index_name() + ": " + why);
  };
  if (for_node == env->instance) return refuse("this is the node that asks");
  if (!part().contains(wanted)) return refuse("it holds slice " + part().text() + ", asked for " + wanted.text());
  if (copy) return refuse("another copy is being taken in its place");
  if (!is_replica() || !setup.feed) return refuse("it follows no changelog");
  if (!parked.empty()) return refuse(parked);
  if (replica.state == replica_state::parked) return refuse(replica.why);
  return {};
}

replica_status index_coordinator_state::replica_state_now() const {
  replica_status r;
  if (!part().is_whole()) r.slice = part().text();
  const auto ms_until = [&](clock_time when) {
    return static_cast<uint64_t>(
        std::max<int64_t>(0, std::chrono::ceil<std::chrono::milliseconds>(when - now()).count()));
  };
  if (follower || replica.state == replica_state::parked) {
    r.state = to_string(replica.state);
    r.reason = replica.why;
    r.attempts = replica.attempts;
    if (replica.next_try) r.next_try_ms = ms_until(*replica.next_try);
    if (const auto numbers = metrics->feed()) {
      const auto version = current()->version();
      r.newest = std::max(numbers->newest, version);
      r.behind_changes = r.newest - version;
      if (r.behind_changes > 0) r.behind_ms = static_cast<uint64_t>(numbers->lag_seconds(unix_time()) * 1'000);
    }
  } else if (state == index_state::loading && must_fill()) {
    // What it loads is not what it waits for.
    r.state = to_string(replica_state::filling);
  } else if (is_replica() && state != index_state::loading && state != index_state::closing) {
    r.state = to_string(replica_state::parked);
    r.reason = reason;
  }
  const auto& from = copy ? copy->progress : base;
  r.donor = from.donor;
  r.base_bytes = from.bytes;
  r.base_size = from.total;
  if (copy) {
    r.resyncing = true;
    r.attempts = copy->delays.failures();
    r.next_try_ms = copy->fetch ? 0 : ms_until(copy->next_try);
    if (!copy->failure.empty())
      r.reason += (r.reason.empty() ? "" : "; ") + ("no other copy yet: " + copy->failure);
  }
  return r;
}

}  // namespace fp
