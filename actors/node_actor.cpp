#include "actors/node_actor.hpp"

#include <unistd.h>

#include <algorithm>

#include "actors/backup_desk.hpp"
#include "actors/catalog_actor.hpp"
#include "actors/index_coordinator.hpp"
#include "actors/loader_budget.hpp"
#include "actors/scrub_actor.hpp"
#include "actors/search_router.hpp"
#include "actors/spawn_blocking.hpp"

namespace fp {

node_state::~node_state() {
  try {
    const auto why = make_error(errc::shutting_down, "the node has ended");
    for (auto& [number, refuse] : std::exchange(promises, {})) refuse(why);
  } catch (const std::exception&) {
    // Out of memory: the requests end at their own timeouts.
  }
}

void node_state::init(pointer self_ptr, node_setup setup_values) {
  self = self_ptr;
  setup = std::move(setup_values);
  started = self->clock().now();
  budget = self->spawn<caf::linked + caf::monitored>(loader_budget, num_loaders(*setup.env->newest_settings()));
  catalog = spawn_blocking(self, *setup.env, blocking_work::logs, catalog_actor, setup.env, setup.folder);
  backups = self->spawn<caf::linked + caf::monitored>(
      backup_desk, backup_desk_setup{setup.env, catalog, node_actor_handle(self)});
  setup.folder.reset();
  if (setup.env->newest_settings()->scrub_bytes_per_second > 0) spawn_scrub();
  // Requests that come before the folder is scanned wait behind the scan.
  enqueue([this] { scan(); });
}

void node_state::spawn_scrub() {
  if (scrub || shutting_down) return;
  scrub = spawn_blocking(self, *setup.env, blocking_work::merges, scrub_actor,
                         scrub_setup{setup.env, node_actor_handle(self)});
}

void node_state::settings_changed() {
  const auto settings = setup.env->newest_settings();
  self->send(budget, settings_atom_v, num_loaders(*settings));
  if (scrub) {
    self->send(scrub, settings_atom_v);
  } else if (settings->scrub_bytes_per_second > 0) {
    spawn_scrub();
  }
  for (const auto& [index, slot] : indexes) self->send(slot.coordinator, settings_atom_v);
}

scrubbed_indexes_ptr node_state::scrubbed_indexes() const {
  std::vector<scrubbed_index_handle> out;
  for (const auto& [index, slot] : indexes) {
    if (!slot.removing) out.push_back(slot.coordinator);
  }
  return std::make_shared<const std::vector<scrubbed_index_handle>>(std::move(out));
}

void node_state::scan() {
  self->request(catalog, caf::infinite, scan_atom_v)
      .then(
          [this](const scan_result_ptr& found) {
            for (const auto& record : found->indexes) {
              if (!record.deleted && !shutting_down) add_index(record);
            }
            for (const auto& damage : found->damaged) {
              if (!shutting_down) add_index({damage.name, 0, false}, make_error(errc::corrupt_data, damage.reason));
            }
            for (const auto& file : found->unexpected) {
              setup.env->log->warn("{}: left alone, it is no index", file);
            }
            scanned = true;
            if (setup.feed && !shutting_down) follow_meta_feed();
            tell_watcher(known_indexes());
            next_operation();
          },
          [this](const caf::error& e) {
            setup.env->log->critical("reading the data folder failed: {}", text_of(e));
            self->quit(e);
          });
}

void node_state::add_index(const index_record& record, caf::error start_failed) {
  index_slot slot;
  slot.record = record;
  const auto before = indexes.find(record.name);
  slot.gate = before != indexes.end() ? before->second.gate : std::make_shared<folder_gate>(record.name);
  coordinator_setup s{setup.env,
                      record,
                      setup.env->folders_of(record),
                      budget,
                      node_actor_handle(self),
                      slot.gate,
                      std::move(start_failed),
                      backups,
                      node_actor_handle(self),
                      setup.feed};
  slot.coordinator = self->spawn<caf::linked + caf::monitored>(index_coordinator, std::move(s));
  coordinators[slot.coordinator.address()] = {record.name};
  spawn_router(slot);
  indexes[record.name] = std::move(slot);
  if (const auto why = parked.find(record.name); why != parked.end()) {
    self->send(indexes[record.name].coordinator, replica_parked{record.name, why->second});
  }
  look_at_replica_waits();
}

void node_state::spawn_router(index_slot& slot) {
  const auto& record = slot.record;
  if (record.lineage == 0) return;
  const auto wanted = setup.env->settings.cluster.part();
  if (record.part != wanted) {
    setup.env->log->info("{}: slice {} is here, not {} as set; `fpctl resync {}` would fetch that", record.name,
                         record.part.text(), wanted.text(), record.name);
  }
  if (record.part.is_whole() && !setup.cluster) return;
  slot.router = self->spawn(search_router, router_setup{setup.env, record, slot.coordinator, setup.cluster});
}

void node_state::when_folder_free(const std::string& index, lease_function then) {
  folder_waits[index] = std::move(then);
  indexes.at(index).gate->take_when_free(node_actor_handle(self));
}

void node_state::folder_free(const folder_lease_ptr& lease) {
  if (auto wait = folder_waits.extract(lease->index())) wait.mapped()(lease);
}

void node_state::state_changed(const index_state_changed& changed) {
  const auto it = indexes.find(changed.entry.name);
  if (it == indexes.end() || it->second.record.shown_generation() != changed.entry.generation) return;
  it->second.state = changed.entry.state;
  it->second.reason = changed.entry.reason;
  note_filled(it->second);
  if (changed.is_unverified && scrub) self->send(scrub, scrub_atom_v);
  tell_watcher(changed);
}

std::optional<std::string> node_state::take_end(const caf::actor_addr& coordinator) {
  const auto entry = coordinators.find(coordinator);
  if (entry == coordinators.end()) return std::nullopt;
  std::string index = entry->second.index;
  if (--entry->second.ends_to_come == 0) coordinators.erase(entry);
  return index;
}

void node_state::coordinator_down(const caf::down_msg& down) {
  const auto address = caf::actor_cast<caf::actor_addr>(down.source);
  if (backups && address == backups.address() && closing_all) {
    backups = backup_desk_handle{};
    end_when_all_closed();
    return;
  }
  if (address == catalog.address() || address == budget.address() || address == backups.address()) {
    const char* who = address == catalog.address()  ? "catalog actor"
                      : address == budget.address() ? "loader budget"
                                                    : "backup desk";
    setup.env->log->critical("the {} died: {}", who, text_of(down.reason));
    self->quit(down.reason);
    return;
  }
  if (meta && address == meta.address()) {
    meta = meta_follower_handle{};
    if (shutting_down) return;
    setup.env->log->error("the meta follower died, and begins anew: {}", text_of(down.reason));
    follow_meta_feed();
    return;
  }
  if (scrub && address == scrub.address()) {
    scrub = scrub_handle{};
    if (shutting_down) return;
    setup.env->log->error("the scrub actor died, and begins anew: {}", text_of(down.reason));
    spawn_scrub();
    return;
  }
  const auto index = take_end(address);
  if (!index) return;
  const auto it = indexes.find(*index);
  // It has been deleted, or there is another one of its name.
  if (it == indexes.end() || it->second.coordinator.address() != address) return;
  if (it->second.removing) return;
  if (shutting_down) {
    // One that died has left its actors behind: what they write must be written before the data folder is given up.
    when_folder_free(it->first, [this, index = it->first](const folder_lease_ptr&) {
      indexes.erase(index);
      end_when_all_closed();
    });
    return;
  }
  // The index stays addressable, so that it can be reloaded.
  const auto text = "the index coordinator died: " + text_of(down.reason);
  setup.env->log->error("{}: {}", it->first, text);
  const auto record = it->second.record;
  add_index(record, make_error(errc::internal_error, text));
}

caf::result<index_handle> node_state::resolve(const std::string& index) {
  if (auto e = capture_error([&] { require_valid_index_name(index); })) return e;
  if (const auto it = indexes.find(index); it != indexes.end() && it->second.waiting) {
    if (it->second.waiting->size() >= setup.env->settings.max_queued_searches) {
      return make_error(errc::overloaded, "too many requests wait for index " + index + " to be replaced");
    }
    kept_promise<index_handle> promise(*this);
    it->second.waiting->emplace_back([this, index, promise]() mutable { promise.settle(find_index(index)); });
    return promise.pending();
  }
  return when_scanned<index_handle>([this, index] { return find_index(index); });
}

caf::expected<index_handle> node_state::find_index(const std::string& index) const {
  const auto it = indexes.find(index);
  if (it == indexes.end() || it->second.removing) {
    return make_error(errc::index_not_found, "there is no index " + index);
  }
  const auto& slot = it->second;
  return slot.router ? index_handle(slot.router) : index_handle(slot.coordinator);
}

caf::result<index_list> node_state::list() {
  return when_scanned<index_list>([this]() -> caf::expected<index_list> { return known_indexes(); });
}

index_list node_state::known_indexes() const {
  index_list out;
  for (const auto& [index, slot] : indexes) {
    if (!slot.removing) out.indexes.push_back({index, slot.record.shown_generation(), slot.state, slot.reason});
  }
  return out;
}

caf::result<node_status> node_state::status() {
  kept_promise<node_status> promise(*this);
  answer_status(promise, [] {});
  return promise.pending();
}

void node_state::answer_status(kept_promise<node_status> promise, std::function<void()> then) {
  node_status s;
  s.version = setup.version;
  s.pid = static_cast<uint32_t>(::getpid());
  s.uptime_ms = static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(self->clock().now() - started).count());
  s.data_folder = setup.env->settings.dir;
  s.indexes = known_indexes();
  s.is_draining = setup.env->is_draining->load();
  if (setup.feed) {
    s.changelog = {setup.feed.name,
                   feed_progress.caught_up,
                   feed_progress.position,
                   feed_progress.failure,
                   {parked.begin(), parked.end()}};
  }
  self->request(budget, caf::infinite, status_atom_v)
      .then(
          [=](uint32_t running, uint32_t allowed) mutable {
            s.loaders_running = running;
            s.loaders_allowed = allowed;
            promise.deliver(s);
            then();
          },
          [=](const caf::error& e) mutable {
            promise.deliver(e);
            then();
          });
}

caf::result<node_status> node_state::shutdown() {
  kept_promise<node_status> promise(*this);
  const bool first = !std::exchange(shutting_down, true);
  answer_status(promise, [this, first] {
    if (first) close_all();
  });
  return promise.pending();
}

void node_state::close_all() {
  closing_all = true;
  tell_watcher(shutdown_atom_v);
  setup.env->log->info("shutting down: closing {} indexes", indexes.size());
  self->send(backups, close_atom_v);
  if (scrub) self->send_exit(scrub, caf::exit_reason::user_shutdown);
  if (meta) self->send_exit(meta, caf::exit_reason::user_shutdown);
  for (auto& [index, slot] : indexes) {
    // The down message tells the rest.
    self->request(slot.coordinator, caf::infinite, close_atom_v).then([](done_atom) {}, [](const caf::error&) {});
  }
  end_when_all_closed();
}

void node_state::end_when_all_closed() {
  if (!closing_all || operation_running || !indexes.empty() || backups) return;
  self->send_exit(catalog, caf::exit_reason::user_shutdown);
  self->send_exit(budget, caf::exit_reason::user_shutdown);
  for (const auto& member : setup.cluster.members) self->send_exit(member.handle, caf::exit_reason::user_shutdown);
  if (setup.feed.watch) self->send_exit(setup.feed.watch, caf::exit_reason::user_shutdown);
  if (setup.feed) self->send_exit(setup.feed.log, caf::exit_reason::user_shutdown);
  self->quit();
}

node_actor_handle::behavior_type node_actor(node_state::pointer self, node_setup setup) {
  auto* s = &self->state;
  keep_exception_text(self);
  self->set_down_handler([=](const caf::down_msg& down) { s->coordinator_down(down); });
  // Linked children tell of their end by a down message; strangers have no say in this actor's life.
  self->set_exit_handler([=](const caf::exit_msg& e) {
    const auto source = caf::actor_cast<caf::actor_addr>(e.source);
    const bool child = source == s->catalog.address() || source == s->budget.address() ||
                       (s->backups && source == s->backups.address()) ||
                       (s->scrub && source == s->scrub.address()) || (s->meta && source == s->meta.address()) ||
                       s->take_end(source);
    if (!child) s->setup.env->log->warn("ignored an exit message from an actor that does not own the node");
  });
  s->init(self, std::move(setup));
  return {
      [=](create_index_request& r) { return s->create(std::move(r)); },
      [=](delete_index_request& r) { return s->erase(std::move(r)); },
      [=](restore_request& r) { return s->restore(std::move(r)); },
      [=](const resync_request& r) { return s->resync(r); },
      [=](const drain_request& r) { return s->drain(r); },
      [=](publish_atom, const staged_index& staged) { return s->publish(staged); },
      [=](record_atom, const std::string& index) { return s->find_record(index); },
      [=](const replica_wanted& wanted) { return s->want_replica(wanted); },
      [=](const replica_parked& parked) { s->park_replica(parked); },
      [=](const feed_state& state) { s->feed_changed(state); },
      [=](expire_atom, uint64_t ticket) { s->expire_replica_wait(ticket); },
      [=](list_atom) { return s->list(); },
      [=](resolve_atom, const std::string& index) { return s->resolve(index); },
      [=](status_atom) { return s->status(); },
      [=](shutdown_atom) { return s->shutdown(); },
      [=](const index_state_changed& changed) { s->state_changed(changed); },
      [=](settings_atom) { s->settings_changed(); },
      [=](scrub_atom) { return s->scrubbed_indexes(); },
      [=](const folder_lease_ptr& lease) { s->folder_free(lease); },
  };
}

}  // namespace fp
