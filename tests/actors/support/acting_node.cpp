#include "tests/actors/support/acting_node.hpp"

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <algorithm>
#include <caf/scheduler/test_coordinator.hpp>
#include <utility>

#include "actors/environment.hpp"
#include "actors/index_coordinator.hpp"
#include "actors/node_actor.hpp"
#include "actors/oplog_actor.hpp"
#include "tests/actors/support/kill.hpp"
#include "tests/actors/support/state_in.hpp"
#include "tests/actors/support/test_system_config.hpp"

namespace fp::test {

/// An actor system that is used again: making one takes longer than what a small node does in it.
class acting_system {
 public:
  acting_system() { scheduler().clock().current_time += std::chrono::hours(1); }

  static std::unique_ptr<acting_system> take() {
    auto& unused = pool();
    if (unused.empty()) return std::make_unique<acting_system>();
    auto taken = std::move(unused.back());
    unused.pop_back();
    return taken;
  }
  /// All its actors must have ended.
  static void give_back(std::unique_ptr<acting_system> used) { pool().push_back(std::move(used)); }

  caf::actor_system& system() { return system_; }
  caf::scheduler::test_coordinator& scheduler() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(system_.scheduler());
  }

 private:
  static std::vector<std::unique_ptr<acting_system>>& pool() {
    // Never destroyed: what CAF needs for that may be gone by then.
    static auto* const unused = new std::vector<std::unique_ptr<acting_system>>;
    return *unused;
  }

  test_system_config config_{true};
  caf::actor_system system_{config_};
};

namespace {

// More steps than any node of a test takes: actors that keep each other busy for ever.
constexpr size_t max_acting_steps = 1'000'000;

class function_order final : public commit_order {
 public:
  explicit function_order(std::function<commit_id(commit_id)> next) : next_(std::move(next)) {}
  std::optional<commit_id> next(commit_id version) override { return next_(version); }

 private:
  std::function<commit_id(commit_id)> next_;
};

}  // namespace

config settings_at_rest() {
  config settings;
  settings.oplog_file_bytes = 600;
  settings.checkpoint_age_ms = 0;
  settings.idle_merge_after_ms = 0;
  return settings;
}

commit_id jump_behind(commit_id version) {
  std::mt19937_64 random(version);
  switch (random() % 4) {
    case 0:
      return version + 1 + random() % 10;
    case 1:
      return version + 1 + (random() >> (24 + random() % 30));
    default:
      return version + 1;
  }
}

acting_node::acting_node(file_system& fs, const path& root, acting_options options)
    : root_(root), options_(std::move(options)), random_(options_.seed), fs_(fs) {
  auto data = std::make_shared<data_folder>(fs_, root);
  auto env = std::make_shared<environment>();
  env->fs = &fs_;
  env->space = [](const path&) { return disk_space{uint64_t{1} << 40, uint64_t{1} << 40}; };
  env->settings = options_.settings;
  env->settings.dir = root.string();
  env->settings.threads = 1;
  env->settings.scrub_bytes_per_second = 0;
  env->files = std::make_shared<open_files>(options_.num_open_files);
  env->disk_reads = [] { return 0; };
  if (options_.next_version) {
    env->make_order = [next = options_.next_version] { return std::make_unique<function_order>(next); };
  }
  env->log = std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_st>(log_));
  env->log->set_level(spdlog::level::warn);
  system_ = acting_system::take();
  client_ = system_->system().spawn(lasting_client);
  node_ = system_->system().spawn(node_actor, node_setup{std::move(env), std::move(data), "test"});
  send({[down = down_, node = node_](caf::event_based_actor* self) {
    self->set_down_handler([down](const caf::down_msg&) { *down = true; });
    self->monitor(node);
  }});
  if (options_.seed != 0) fs_.before = [this](const faulty_file_system::record& next) { interleave(next); };
  if (options_.starts_at_rest) run();
}

acting_node::~acting_node() { kill(); }

// -- Time

bool acting_node::step() {
  run_client();
  auto& jobs = system_->scheduler().jobs;
  if (jobs.empty()) return false;
  if (options_.seed != 0 && jobs.size() > 1) {
    const auto drawn = jobs.begin() + static_cast<std::ptrdiff_t>(random_() % jobs.size());
    std::rotate(jobs.begin(), drawn, drawn + 1);
  }
  system_->scheduler().run_once();
  run_client();
  return true;
}

void acting_node::run() {
  for (size_t i = 0; i < max_acting_steps; i++) {
    if (!step()) return;
  }
  throw error(errc::internal_error, "the actors never come to rest");
}

void acting_node::advance(std::chrono::milliseconds by) {
  system_->scheduler().advance_time(by);
  run();
}

void acting_node::send(client_call call) {
  caf::anon_send(client_, std::move(call));
  run_client();
}

void acting_node::run_client() {
  if (client_runs_) return;
  client_runs_ = true;
  while (system_->scheduler().prioritize(client_)) system_->scheduler().run_once();
  client_runs_ = false;
}

void acting_node::interleave(const faulty_file_system::record& next) {
  if (interleaves_) return;
  // One who has a place among the open files may be interrupted only where another one can have one too.
  const bool has_no_place =
      next.file.string().find(".seg") != std::string::npos && next.operation != fs_operation::remove;
  if (options_.num_open_files == 1 && !has_no_place) return;
  interleaves_ = true;
  for (uint64_t steps = random_() % 8; steps > 4; steps--) step();
  interleaves_ = false;
}

// -- One thing after the other

void acting_node::create(const std::string& name) {
  get<create_index_reply>(node_, create_index_request{name, false, caf::none});
  run();
}

void acting_node::erase(const std::string& name) {
  get<delete_index_reply>(node_, delete_index_request{name, false});
  run();
}

void acting_node::update(const std::string& name, const std::vector<commit>& commits) {
  std::optional<error> failed;
  size_t num_done = 0;
  for (const commit& c : commits) {
    const auto heard = [&, id = c.id](const caf::expected<update_reply>& r) {
      if (r && r->version == id) {
        num_done++;
      } else if (!failed) {
        failed =
            r ? error(errc::internal_error, "commit " + std::to_string(r->version) + " for " + std::to_string(id))
              : error(code_of(r.error()), text_of(r.error()));
      }
    };
    ask_index<update_reply>(name, heard, update_request{*c.changes, caf::none, 0});
  }
  run();
  if (failed) throw *failed;
  if (num_done != commits.size()) throw error(errc::internal_error, "nobody answers an update");
}

void acting_node::checkpoint(const std::string& name) {
  get<upkeep_reply>(resolve(name), checkpoint_atom_v);
  run();
}

void acting_node::merge(const std::string& name) {
  get<upkeep_reply>(resolve(name), merge_atom_v);
  run();
}

void acting_node::reload(const std::string& name) {
  get<index_status>(resolve(name), reload_atom_v);
  run();
}

void acting_node::close() {
  get<node_status>(node_, shutdown_atom_v);
  run();
  if (!is_down()) throw error(errc::internal_error, "the node does not end");
  end();
}

void acting_node::kill() {
  if (!system_) return;
  fs_.before = nullptr;
  fs_.fail(1, {.permanent = true});
  end();
}

void acting_node::end() {
  auto& system = system_->system();
  for (const auto& who : {client_, caf::actor_cast<caf::actor>(node_)}) test::kill(system, who);
  client_ = caf::actor{};
  node_ = node_handle{};
  auto& scheduler = system_->scheduler();
  while (scheduler.try_run_once()) {
  }
  // Nobody is left for what was to be sent later.
  scheduler.advance_time(std::chrono::hours(24));
  while (scheduler.try_run_once()) {
  }
  if (system.registry().running() != 0) {
    ADD_FAILURE() << "actors are left that nobody can end";
    // Its end would wait for them.
    system_.release();
    return;
  }
  acting_system::give_back(std::move(system_));
}

// -- Backups

acting_node::backup_bytes acting_node::backup(const std::string& name) {
  const auto opened = get<snapshot_reply>(resolve(name), snapshot_request{});
  backup_bytes backup{opened.version, {}};
  for (;;) {
    const auto piece = get<backup_piece>(opened.stream, next_atom_v);
    if (piece.bytes.empty()) return backup;
    backup.bytes.insert(backup.bytes.end(), piece.bytes.begin(), piece.bytes.end());
  }
}

void acting_node::restore(const std::string& name, std::vector<uint8_t> backup) {
  const auto session = get<restore_handle>(node_, restore_request{name});
  get<done_atom>(session, backup_piece{0, std::move(backup)});
  get<restore_reply>(session, finish_atom_v);
}

// -- Looking

std::map<std::string, acting_node::index> acting_node::indexes() {
  run();
  std::map<std::string, index> all;
  for (const auto& entry : get<index_list>(node_, list_atom_v).indexes) {
    index& i = all[entry.name];
    i.generation = entry.generation;
    i.folders = folders_of(root_, {entry.name, entry.generation, false});
    i.state = entry.state;
    i.reason = entry.reason;
    if (i.state == index_state::ready || i.state == index_state::read_only) {
      i.current = get<snapshot_ptr>(resolve(entry.name), served_request{});
    } else {
      i.failure = std::string(to_string(i.state)) + ": " + i.reason;
    }
  }
  return all;
}

acting_node::index acting_node::at(const std::string& name) { return indexes().at(name); }

bool acting_node::may_hold_failed(const std::string& name) const {
  if (has_ended(node_)) return true;
  const auto& slots = state_in<node_state>(node_).indexes;
  const auto slot = slots.find(name);
  if (slot == slots.end() || has_ended(slot->second.coordinator)) return true;
  const auto& coordinator = state_in<index_coordinator_state>(slot->second.coordinator);
  // Somebody died, or memory has not what the log has.
  if (coordinator.engine->gate().block() || !coordinator.log || has_ended(coordinator.log)) return true;
  const auto& log = state_in<oplog_state>(coordinator.log).log;
  return !log || log->is_broken();
}

}  // namespace fp::test
