#include "actors/meta_follower.hpp"
#include "actors/node_actor.hpp"
#include "messages/index_states.hpp"

namespace fp {

namespace {

// How long a create waits for its replica to be ready before it answers that it is not ready yet.
constexpr uint32_t ready_wait_ms = 1'000;

caf::error changelog_error(const meta_answer& answer) {
  const auto code = answer.status == changelog_status::read_only    ? errc::feed_is_read_only
                    : answer.status == changelog_status::no_lineage ? errc::index_not_found
                                                                    : errc::changelog_unavailable;
  return make_error(code, answer.why);
}

}  // namespace

void node_state::follow_meta_feed() {
  meta_follower_setup s;
  s.env = setup.env;
  s.feed = setup.feed;
  s.node = replica_catalog_handle(node_actor_handle(self));
  for (const auto& [index, slot] : indexes) {
    // Of one whose record cannot be read nobody knows whether it is a replica.
    if (slot.record.generation != 0) s.local.emplace(index, slot.record.lineage);
  }
  meta = self->spawn<caf::linked + caf::monitored>(meta_follower, std::move(s));
}

void node_state::feed_changed(const feed_state& state) { feed_progress = state; }

void node_state::note_filled(index_slot& slot) {
  const bool is_searched = serves_searches(slot.state);
  if (slot.record.filled || !is_searched || !setup.feed) return;
  slot.record.filled = true;
  const auto note = [this, record = slot.record] {
    self->request(catalog, caf::infinite, filled_atom_v, record)
        .then([this](done_atom) { next_operation(); },
              [this, record](const caf::error& e) {
                // The next start fills it again, from where it is.
                setup.env->log->warn("{}: noting that it is filled: {}", record.name, text_of(e));
                next_operation();
              });
  };
  enqueue(note);
}

caf::result<done_atom> node_state::want_replica(const replica_wanted& wanted) {
  if (shutting_down) return make_error(errc::shutting_down, "the node is shutting down");
  kept_promise<done_atom> promise(*this);
  std::function<void()> operation;
  if (wanted.generation != 0) {
    operation = [this, wanted, promise] { make_replica({wanted.index, wanted.generation}, promise); };
  } else {
    operation = [this, wanted, promise]() mutable {
      do_erase({wanted.index, false}, [promise](const erase_outcome& outcome) mutable {
        if (outcome) {
          promise.deliver(done_atom_v);
        } else {
          promise.deliver(outcome.error());
        }
      });
    };
  }
  if (!enqueue(std::move(operation))) {
    promise.deliver(make_error(errc::overloaded, "too many creates and deletes are queued"));
  }
  return promise.pending();
}

void node_state::make_replica(const lineage& of, kept_promise<done_atom> promise) {
  self->request(catalog, caf::infinite, create_atom_v, of)
      .then(
          [this, promise](const index_record& record, bool created) mutable {
            if (created) setup.env->log->info("{}: created, generation {}", record.name, record.lineage);
            if (!shutting_down && (created || indexes.count(record.name) == 0)) add_index(record);
            promise.deliver(done_atom_v);
            next_operation();
          },
          [this, promise](const caf::error& e) mutable {
            promise.deliver(e);
            next_operation();
          });
}

void node_state::park_replica(const replica_parked& what) {
  if (what.why.empty()) {
    parked.erase(what.index);
  } else {
    parked[what.index] = what.why;
  }
  if (const auto it = indexes.find(what.index); it != indexes.end()) self->send(it->second.coordinator, what);
}

caf::result<create_index_reply> node_state::create_lineage(const create_index_request& request) {
  if (request.generation) {
    return make_error(errc::generation_not_allowed,
                      "index " + request.name + ": its generation is given by " + setup.feed.name);
  }
  const auto here = indexes.find(request.name);
  const bool is_here = here != indexes.end() && !here->second.removing;
  if (is_here && request.expect_does_not_exist) {
    return make_error(errc::index_already_exists, "index " + request.name + " has generation " +
                                                      std::to_string(here->second.record.shown_generation()) +
                                                      "; it must not exist");
  }
  if (is_here && here->second.record.lineage == 0) {
    return make_error(errc::index_already_exists,
                      "index " + request.name + " is this node's own and follows no changelog");
  }
  kept_promise<create_index_reply> promise(*this);
  const uint64_t before = is_here ? here->second.record.lineage : 0;
  self->request(setup.feed.log, caf::infinite, create_lineage_call{request.name})
      .then(
          [this, name = request.name, promise, before](const meta_answer& answer) mutable {
            if (!answer.is_done()) {
              promise.deliver(changelog_error(answer));
              return;
            }
            const uint64_t generation = answer.position;
            if (meta) self->send(meta, news_atom_v);
            when_replicated(
                name, generation, true,
                [this, name, promise, generation, before] {
                  self->request(indexes.at(name).coordinator, caf::infinite, index_info_request{ready_wait_ms})
                      .then(
                          [=](const index_info& info) mutable {
                            promise.deliver(
                                create_index_reply{generation, info.version, true, generation != before});
                          },
                          [=](const caf::error&) mutable {
                            promise.deliver(create_index_reply{generation, 0, false, generation != before});
                          });
                },
                [promise](const caf::error& e) mutable { promise.deliver(e); });
          },
          [promise](const caf::error& e) mutable { promise.deliver(e); });
  return promise.pending();
}

caf::result<delete_index_reply> node_state::delete_lineage(const delete_index_request& request) {
  const auto here = indexes.find(request.name);
  const bool is_here = here != indexes.end() && !here->second.removing;
  if (is_here && (here->second.record.lineage == 0 || parked.contains(request.name))) {
    kept_promise<delete_index_reply> promise(*this);
    delete_here(request, promise);
    return promise.pending();
  }
  if (!is_here && request.expect_exists) {
    return make_error(errc::index_not_found, "there is no index " + request.name);
  }
  kept_promise<delete_index_reply> promise(*this);
  self->request(setup.feed.log, caf::infinite, delete_lineage_call{request.name})
      .then(
          [this, name = request.name, promise, is_here](const meta_answer& answer) mutable {
            if (!answer.is_done()) {
              promise.deliver(changelog_error(answer));
              return;
            }
            if (meta) self->send(meta, news_atom_v);
            when_replicated(
                name, answer.position, false,
                [promise, is_here]() mutable { promise.deliver(delete_index_reply{is_here}); },
                [promise](const caf::error& e) mutable { promise.deliver(e); });
          },
          [promise](const caf::error& e) mutable { promise.deliver(e); });
  return promise.pending();
}

void node_state::delete_here(const delete_index_request& request, kept_promise<delete_index_reply> promise) {
  const auto done = [this, name = request.name, promise](const erase_outcome& outcome) mutable {
    if (outcome && meta) self->send(meta, erase_atom_v, name);
    promise.settle(outcome);
  };
  if (!enqueue([this, request, done] { do_erase(request, done); })) {
    promise.deliver(make_error(errc::overloaded, "too many creates and deletes are queued"));
  }
}

caf::result<resync_reply> node_state::resync(const resync_request& request) {
  if (shutting_down) return make_error(errc::shutting_down, "the node is shutting down");
  if (auto e = capture_error([&] { require_valid_index_name(request.name); })) return e;
  if (!setup.feed)
    return make_error(errc::bad_request, "the node follows no changelog that a copy could be taken of");
  const auto here = indexes.find(request.name);
  if (here == indexes.end() || here->second.removing) {
    return make_error(errc::index_not_found, "there is no index " + request.name);
  }
  if (here->second.record.generation == 0) {
    return make_error(errc::index_failed,
                      "index " + request.name + ": nobody knows whether it is a replica: " + here->second.reason);
  }
  if (!meta) return make_error(errc::changelog_unavailable, "the changelog is not followed at the moment");
  slice part = setup.env->settings.cluster.part();
  if (!request.slice.empty()) {
    if (auto e = capture_error([&] { part = slice::parse(request.slice); })) return e;
  }
  kept_promise<resync_reply> promise(*this);
  const std::function<void(const caf::error&)> failed = [promise](const caf::error& e) mutable {
    promise.deliver(e);
  };
  const std::chrono::milliseconds patience(request.wait_ms);
  const auto order = [this, promise, failed, part, patience](const lineage& of) {
    const auto it = indexes.find(of.index);
    if (it == indexes.end() || it->second.removing) {
      failed(make_error(errc::index_not_found, "there is no index " + of.index + " any more"));
      return;
    }
    const auto before = it->second.record.generation;
    const auto asked = [=, this, index = of.index](const resync_reply& reply) mutable {
      if (patience.count() == 0) {
        promise.deliver(reply);
      } else {
        when_replaced(
            index, before, patience, [promise, reply]() mutable { promise.deliver(reply); }, failed);
      }
    };
    self->request(it->second.coordinator, caf::infinite, replica_resync{of, part}).then(asked, failed);
  };
  self->request(meta, caf::infinite, resync_atom_v, request.name)
      .then(
          [this, name = request.name, failed, order](uint64_t generation) {
            // Nothing is begun that the changelog would not let come to its end.
            self->request(setup.feed.log, caf::infinite, bounds_call{{name, generation}})
                .then(
                    [this, name, generation, failed, order](const feed_bounds& bounds) {
                      const auto status = bounds.status;
                      if (status == changelog_status::done || status == changelog_status::unsupported) {
                        order({name, generation});
                      } else {
                        const bool is_unknown = status == changelog_status::no_lineage;
                        failed(make_error(is_unknown ? errc::index_not_found : errc::changelog_unavailable,
                                          setup.feed.name + ": " + bounds.why + "; nothing has been changed"));
                      }
                    },
                    failed);
          },
          [failed](const caf::error& e) {
            failed(make_error(code_of(e), text_of(e) + "; nothing has been changed"));
          });
  return promise.pending();
}

drain_reply node_state::drain(const drain_request& request) {
  const bool was_on = setup.env->is_draining->exchange(request.is_on);
  if (was_on != request.is_on) {
    setup.env->log->info("{}", request.is_on ? "is drained: other members ask it only what nobody else can answer"
                                             : "is drained no more");
  }
  return {was_on};
}

bool node_state::is_replicated(const std::string& index, uint64_t generation, bool is_here) const {
  const auto it = indexes.find(index);
  const bool has_it = it != indexes.end() && !it->second.removing;
  if (is_here) return has_it && it->second.record.lineage >= generation;
  return it == indexes.end() || it->second.record.lineage == 0 || it->second.record.lineage > generation;
}

void node_state::when_replicated(const std::string& index, uint64_t generation, bool is_here,
                                 std::function<void()> then, std::function<void(const caf::error&)> late) {
  const auto is_over = [=, this] { return is_replicated(index, generation, is_here); };
  wait_for_replica({index, "the changelog has it, this node not yet", is_over, std::move(then), std::move(late)},
                   std::chrono::milliseconds(setup.env->settings.cluster.replication_timeout_ms));
}

void node_state::when_replaced(const std::string& index, uint64_t before, std::chrono::milliseconds timeout,
                               std::function<void()> then, std::function<void(const caf::error&)> late) {
  const auto is_over = [=, this] {
    const auto now = indexes.find(index);
    return now != indexes.end() && !now->second.removing && now->second.record.generation != before;
  };
  wait_for_replica({index, "the other copy is not here yet", is_over, std::move(then), std::move(late)}, timeout);
}

void node_state::wait_for_replica(replica_wait wait, std::chrono::milliseconds timeout) {
  if (wait.is_over()) {
    wait.then();
    return;
  }
  if (replica_waits.size() >= setup.env->settings.max_queued_updates) {
    wait.late(make_error(errc::overloaded, "too many requests wait for replicas"));
    return;
  }
  const auto ticket = ++num_replica_waits;
  replica_waits.emplace(ticket, std::move(wait));
  self->delayed_send(node_actor_handle(self), timeout, expire_atom_v, ticket);
}

void node_state::look_at_replica_waits() {
  std::vector<std::function<void()>> done;
  for (auto it = replica_waits.begin(); it != replica_waits.end();) {
    if (it->second.is_over()) {
      done.push_back(std::move(it->second.then));
      it = replica_waits.erase(it);
    } else {
      ++it;
    }
  }
  for (const auto& then : done) then();
}

void node_state::expire_replica_wait(uint64_t ticket) {
  const auto wait = replica_waits.extract(ticket);
  if (!wait) return;
  const auto& w = wait.mapped();
  const auto why = parked.find(w.index);
  w.late(make_error(errc::replication_timeout,
                    "index " + w.index + ": " + w.what + (why == parked.end() ? "" : ": " + why->second)));
}

}  // namespace fp
