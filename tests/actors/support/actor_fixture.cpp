#include "tests/actors/support/actor_fixture.hpp"

#include <spdlog/sinks/ostream_sink.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "core/merge/merge.hpp"

namespace fp::test {

namespace {

// More steps than any test takes: actors that keep each other busy for ever.
constexpr size_t max_steps = 2'000'000;

}  // namespace

actor_fixture::actor_fixture() {
  settings.dir = folder.path().string();
  settings.threads = 2;
  // Only where a test is about it.
  settings.idle_merge_after_ms = 0;
  log_ = std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(log_stream_));
  system_ = std::make_unique<caf::actor_system>(config_);
  scheduler().clock().current_time += std::chrono::hours(1);
  listener_ = system_->spawn([this]() -> node_listener::behavior_type {
    return {[this](const index_state_changed& m) { heard.push_back(m); }};
  });
  spawned_.push_back(caf::actor_cast<caf::strong_actor_ptr>(listener_));
  run();
}

actor_fixture::~actor_fixture() {
  fs.heal();
  // Coordinators and nodes first, as `spawned_` holds them after the listener.
  std::reverse(spawned_.begin(), spawned_.end());
  for (const auto& actor : spawned_) kill(actor);
  spawned_.clear();
  spawn_loader = nullptr;
  listener_ = node_listener{};
  budget = loader_budget_handle{};
  run();
  EXPECT_EQ(system_->registry().running(), 0u) << "actors are left that nobody can end";
}

caf::scheduler::test_coordinator& actor_fixture::scheduler() {
  return dynamic_cast<caf::scheduler::test_coordinator&>(system_->scheduler());
}

void actor_fixture::run() {
  for (size_t i = 0; i < max_steps; i++) {
    if (!step()) return;
  }
  FAIL() << "the actors never come to rest";
}

void actor_fixture::advance(caf::timespan by) {
  scheduler().advance_time(by);
  run();
}

void actor_fixture::send_now(const caf::strong_actor_ptr& to, caf::message content, caf::behavior answered) {
  auto client = caf::actor_cast<caf::strong_actor_ptr>(
      system_->spawn([=](caf::event_based_actor* self) { request_untyped(self, to, content, answered); }));
  auto& jobs = scheduler().jobs;
  auto* job = dynamic_cast<caf::resumable*>(caf::actor_cast<caf::abstract_actor*>(client));
  const auto at = std::find(jobs.begin(), jobs.end(), job);
  ASSERT_NE(at, jobs.end());
  std::rotate(jobs.begin(), at, at + 1);
  scheduler().run_once();
  spawned_.push_back(std::move(client));
}

environment_ptr actor_fixture::make_env() {
  auto env = std::make_shared<environment>();
  env->fs = &fs;
  env->space = space;
  env->settings = settings;
  env->log = log_;
  env->live = live;
  env->spawn_loader = spawn_loader;
  env->own_search_budget = own_search_budget;
  env->disk_reads = [this] { return disk_reads(); };
  return env;
}

index_record actor_fixture::prepare_index(const std::string& name, size_t num_segments) {
  auto record = data_folder(posix_file_system(), folder.path()).create(name, {}).record;
  const auto data = folders(record).data;
  manifest names;
  for (commit_id id = 1; id <= num_segments; id++) {
    const auto number = static_cast<document_id>(id);
    const auto one = make_segment(make_commit(id, {{number, {number, 1000}}}));
    const auto from = snapshot::from_segments({one});
    const auto file = segment_file_name(id, id);
    names.segments.push_back(
        {file, merge_to_file(*from, 0, 1, posix_file_system(), data / file, load_mode::read)->info()});
  }
  write_manifest(posix_file_system(), data, names);
  return record;
}

index_coordinator_handle actor_fixture::spawn_index(const index_record& record, caf::error start_failed) {
  if (!budget) {
    budget = system_->spawn(fp::loader_budget, settings.max_concurrent_loads);
    spawned_.push_back(caf::actor_cast<caf::strong_actor_ptr>(budget));
  }
  coordinator_setup setup{make_env(),
                          record,
                          folders(record),
                          budget,
                          listener_,
                          std::make_shared<folder_gate>(record.name),
                          std::move(start_failed)};
  auto handle = system_->spawn(index_coordinator, std::move(setup));
  spawned_.push_back(caf::actor_cast<caf::strong_actor_ptr>(handle));
  return handle;
}

index_coordinator_handle actor_fixture::ready_index(const index_record& record) {
  auto index = spawn_index(record);
  run();
  EXPECT_EQ(state_of(index).state, index_state::ready) << state_of(index).reason;
  return index;
}

node_actor_handle actor_fixture::spawn_node() {
  auto data = std::make_shared<data_folder>(fs, folder.path());
  auto node = system_->spawn(node_actor, node_setup{make_env(), std::move(data), "test"});
  spawned_.push_back(caf::actor_cast<caf::strong_actor_ptr>(node));
  return node;
}

void actor_fixture::kill_child(const index_coordinator_handle& index, const std::string& role) {
  for (const auto& [address, name] : state_of(index).children) {
    if (name == role) {
      kill(caf::actor_cast<caf::actor>(address));
      return;
    }
  }
  FAIL() << "the index has no " << role;
}

void actor_fixture::close(const index_coordinator_handle& index) {
  const auto closed = ask<done_atom>(index, close_atom_v);
  run();
  EXPECT_TRUE(closed.succeeded()) << closed.text();
}

uint32_t actor_fixture::loaders_running() {
  auto running = std::make_shared<std::optional<uint32_t>>();
  auto client = system_->spawn([budget = budget, running](caf::event_based_actor* self) {
    self->request(budget, caf::infinite, status_atom_v).then([running](uint32_t r, uint32_t) { *running = r; });
  });
  run();
  if (!running->has_value()) ADD_FAILURE() << "the loader budget does not answer";
  return running->value_or(0);
}

update_request actor_fixture::insert(document_id id, std::vector<hash_value> hashes) {
  changes_encoder changes;
  changes.insert(id, hashes);
  return {changes.take(), caf::none, 0};
}

update_request actor_fixture::erase(document_id id) {
  changes_encoder changes;
  changes.erase(id);
  return {changes.take(), caf::none, 0};
}

search_request actor_fixture::query(std::vector<hash_value> hashes) {
  search_request request;
  request.query = hash_list(hashes);
  request.timeout_ms = 0;
  request.limit = max_search_limit;
  return request;
}

std::vector<document_id> actor_fixture::found(const index_handle& index, hash_value hash) {
  const auto reply = get<search_reply>(index, query({hash}));
  std::vector<document_id> ids;
  for (const auto& result : reply.results.to_vector()) ids.push_back(result.id);
  return ids;
}

actor_fixture::observer actor_fixture::make_observer() {
  observer o;
  o.handle = system_->spawn([seen = o.seen]() -> progress_observer::behavior_type {
    return {[seen](const load_progress& p) { seen->push_back(p); }};
  });
  spawned_.push_back(caf::actor_cast<caf::strong_actor_ptr>(o.handle));
  return o;
}

size_t num_open_files() {
  size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) count++;
  return count;
}

}  // namespace fp::test
