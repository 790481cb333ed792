#include "actors/index_coordinator.hpp"
#include "actors/node_actor.hpp"

namespace fp {

namespace {

constexpr size_t max_queued_operations = 1'000;

// How long a create waits for its index to be ready before it answers that it is not ready yet.
constexpr uint32_t create_wait_ms = 1'000;
// Whoever asks for an index that is replaced hears of one that loads for longer.
constexpr uint32_t load_wait_ms = 1'000;

}  // namespace

bool node_state::enqueue(std::function<void()> operation) {
  if (operations.size() >= max_queued_operations) return false;
  operations.push_back(std::move(operation));
  if (!operation_running) next_operation();
  return true;
}

void node_state::next_operation() {
  // What has not begun is answered when the node ends.
  if (shutting_down) operations.clear();
  operation_running = !operations.empty();
  if (!operation_running) {
    end_when_all_closed();
    return;
  }
  const auto operation = std::move(operations.front());
  operations.pop_front();
  operation();
}

caf::result<create_index_reply> node_state::create(create_index_request request) {
  if (shutting_down) return make_error(errc::shutting_down, "the node is shutting down");
  if (auto e = capture_error([&] { require_valid_index_name(request.name); })) return e;
  if (setup.feed) return create_lineage(request);
  kept_promise<create_index_reply> promise(*this);
  if (!enqueue([this, request = std::move(request), promise] { do_create(request, promise); })) {
    promise.deliver(make_error(errc::overloaded, "too many creates and deletes are queued"));
  }
  return promise.pending();
}

void node_state::do_create(const create_index_request& request, kept_promise<create_index_reply> promise) {
  self->request(catalog, caf::infinite, create_atom_v, request)
      .then(
          [this, promise](const index_record& record, bool created) mutable {
            if (shutting_down) {
              promise.deliver(make_error(errc::shutting_down, "the node is shutting down"));
              next_operation();
              return;
            }
            if (created) setup.env->log->info("{}: created, generation {}", record.name, record.generation);
            // One that exists but is not served is back from a delete that was left in doubt.
            if (created || indexes.count(record.name) == 0) add_index(record);
            const auto generation = record.generation;
            self->request(indexes[record.name].coordinator, caf::infinite, index_info_request{create_wait_ms})
                .then(
                    [=](const index_info& info) mutable {
                      promise.deliver(create_index_reply{generation, info.version, true, created});
                    },
                    [=](const caf::error& e) mutable {
                      // What has failed does not become ready by waiting.
                      if (code_of(e) == errc::index_failed) {
                        promise.deliver(e);
                      } else {
                        promise.deliver(create_index_reply{generation, 0, false, created});
                      }
                    });
            next_operation();
          },
          [this, name = request.name, promise](const caf::error& e) mutable {
            promise.deliver(as_seen_by_clients(name, e));
            next_operation();
          });
}

caf::error node_state::as_seen_by_clients(const std::string& index, const caf::error& e) const {
  const auto it = indexes.find(index);
  const bool is_damage = code_of(e) == errc::corrupt_data || code_of(e) == errc::unsupported_format;
  if (!is_damage || it == indexes.end() || it->second.state != index_state::failed) return e;
  return make_error(errc::index_failed, text_of(e));
}

caf::result<index_record> node_state::find_record(const std::string& index) {
  kept_promise<index_record> promise(*this);
  const auto find = [this, index, promise] {
    self->request(catalog, caf::infinite, record_atom_v, index)
        .then(
            [this, promise](const index_record& record) mutable {
              if (const auto it = indexes.find(record.name); it != indexes.end()) it->second.record = record;
              promise.deliver(record);
              next_operation();
            },
            [this, promise](const caf::error& e) mutable {
              promise.deliver(e);
              next_operation();
            });
  };
  if (!enqueue(find)) promise.deliver(make_error(errc::overloaded, "too many creates and deletes are queued"));
  return promise.pending();
}

caf::result<delete_index_reply> node_state::erase(delete_index_request request) {
  if (shutting_down) return make_error(errc::shutting_down, "the node is shutting down");
  if (auto e = capture_error([&] { require_valid_index_name(request.name); })) return e;
  if (setup.feed) return delete_lineage(request);
  kept_promise<delete_index_reply> promise(*this);
  if (!enqueue([this, request = std::move(request), promise] {
        do_erase(request, [promise](const erase_outcome& outcome) mutable { promise.settle(outcome); });
      })) {
    promise.deliver(make_error(errc::overloaded, "too many creates and deletes are queued"));
  }
  return promise.pending();
}

void node_state::do_erase(const delete_index_request& request, erase_answer answer) {
  self->request(catalog, caf::infinite, erase_atom_v, request.name)
      .then(
          [this, request, answer](const erased_index& erased) mutable {
            if (erased.is_gone) {
              finish_erase(request.name, erased, answer);
              return;
            }
            if (request.expect_exists) {
              answer(make_error(errc::index_not_found, "there is no index " + request.name));
            } else {
              answer(delete_index_reply{false});
            }
            next_operation();
          },
          [this, name = request.name, answer](const caf::error& e) mutable {
            answer(as_seen_by_clients(name, e));
            next_operation();
          });
}

void node_state::finish_erase(const std::string& index, const erased_index& erased, erase_answer answer) {
  auto end = [this, index, erased, answer](const folder_lease_ptr& lease) mutable {
    indexes.erase(index);
    look_at_replica_waits();
    if (!erased.doubt) {
      remove_files(erased.record, lease, answer);
      return;
    }
    setup.env->log->error("{}: not served any more: {}", index, text_of(erased.doubt));
    answer(erased.doubt);
    next_operation();
  };
  const auto it = indexes.find(index);
  if (it == indexes.end()) {
    // An earlier delete was left in doubt.
    end(nullptr);
    return;
  }
  it->second.removing = true;
  // It may have died, and its actors live on.
  const auto closed = [this, index, end] { when_folder_free(index, end); };
  self->request(it->second.coordinator, caf::infinite, close_atom_v)
      .then([closed](done_atom) { closed(); }, [closed](const caf::error&) { closed(); });
}

void node_state::remove_files(const index_record& record, const folder_lease_ptr& lease, erase_answer answer) {
  auto finish = [this, record, lease, answer]() mutable {
    setup.env->log->info("{}: deleted, generation {}", record.name, record.generation);
    answer(delete_index_reply{true});
    next_operation();
  };
  self->request(catalog, caf::infinite, remove_atom_v, record)
      .then([finish](done_atom) mutable { finish(); },
            [this, record, finish](const caf::error& e) mutable {
              // The delete itself is durable; the next start sweeps the rest.
              setup.env->log->warn("{}: removing the files of a deleted index: {}", record.name, text_of(e));
              finish();
            });
}

caf::result<restore_handle> node_state::restore(restore_request request) {
  if (shutting_down) return make_error(errc::shutting_down, "the node is shutting down");
  if (setup.feed) {
    return make_error(errc::read_only, "the indexes of this node follow " + setup.feed.name +
                                           ": a backup cannot be restored into them");
  }
  return self->delegate(backups, std::move(request));
}

caf::result<done_atom> node_state::publish(const staged_index& staged) {
  if (shutting_down) return make_error(errc::shutting_down, "the node is shutting down");
  kept_promise<done_atom> promise(*this);
  if (!enqueue([this, staged, promise] { do_publish(staged, promise); })) {
    promise.deliver(make_error(errc::overloaded, "too many creates and deletes are queued"));
  }
  return promise.pending();
}

void node_state::do_publish(const staged_index& staged, kept_promise<done_atom> promise) {
  self->request(catalog, caf::infinite, publish_atom_v, staged)
      .then(
          [this, record = staged.record, promise](done_atom) mutable {
            setup.env->log->info("{}: restored, generation {}", record.name, record.generation);
            if (indexes.count(record.name) > 0) {
              replace(record, promise);
              return;
            }
            if (!shutting_down) add_index(record);
            promise.deliver(done_atom_v);
            next_operation();
          },
          [this, promise](const caf::error& e) mutable {
            promise.deliver(e);
            next_operation();
          });
}

/// The record names another generation by now: what was served until here is what a delete leaves.
void node_state::serve_copy(const index_record& copy, const waiting_resolves& waiting) {
  const auto answer = [this, name = copy.name, waiting] {
    if (const auto it = indexes.find(name); it != indexes.end() && it->second.waiting == waiting) {
      it->second.waiting = nullptr;
    }
    for (const auto& one : std::exchange(*waiting, {})) one();
  };
  if (shutting_down) {
    answer();
    return;
  }
  add_index(copy);
  auto& slot = indexes.at(copy.name);
  slot.waiting = waiting;
  self->request(slot.coordinator, caf::infinite, index_info_request{load_wait_ms})
      .then([answer](const index_info&) { answer(); }, [answer](const caf::error&) { answer(); });
}

void node_state::replace(const index_record& record, kept_promise<done_atom> promise) {
  auto& slot = indexes.at(record.name);
  slot.removing = true;
  // Those that wait for an earlier copy wait on for this one.
  slot.waiting = std::make_shared<std::vector<std::function<void()>>>(
      slot.waiting ? std::move(*slot.waiting) : std::vector<std::function<void()>>());
  auto end = [this, record, promise, old = slot.record](const folder_lease_ptr& lease) mutable {
    const auto replaced = indexes.extract(record.name);
    if (old.lineage != record.lineage) {
      // A person has decided what the catalog could not.
      parked.erase(record.name);
      if (meta) self->send(meta, replica_replaced{record.name, record.lineage});
    }
    serve_copy(record, replaced.mapped().waiting);
    promise.deliver(done_atom_v);
    self->request(catalog, caf::infinite, remove_atom_v, old)
        .then([this, lease](done_atom) { next_operation(); },
              [this, lease, old](const caf::error& e) {
                setup.env->log->warn("{}: removing the files of a replaced index: {}", old.name, text_of(e));
                next_operation();
              });
  };
  const auto closed = [this, name = record.name, end] { when_folder_free(name, end); };
  self->request(slot.coordinator, caf::infinite, close_atom_v)
      .then([closed](done_atom) { closed(); }, [closed](const caf::error&) { closed(); });
}

}  // namespace fp
