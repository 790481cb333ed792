#include <random>

#include "tests/actors/support/actor_fixture.hpp"
#include "tests/actors/support/scripted_loaders.hpp"

namespace fp {
namespace {

using test::scripted_loaders;

class load_failure : public test::actor_fixture {
 protected:
  ~load_failure() override { script.clear(); }
  void use_script() { spawn_loader = script.spawner(); }
  void finish_all() {
    while (!script.jobs().empty()) {
      script.finish(0);
      run();
    }
  }
  static void damage(const path& file) {
    auto& posix = posix_file_system();
    const std::byte garbage[] = {std::byte{0x5a}, std::byte{0xa5}};
    posix.open_for_writing(file)->write_at(posix.file_size(file) / 2, garbage);
  }

  scripted_loaders script;
};

TEST_F(load_failure, first_failure_ends_everything_and_frees_all_segments) {
  settings.max_concurrent_loads = 4;
  use_script();
  const auto index = spawn_index(prepare_index("a", 6));
  run();
  std::weak_ptr<const segment> first = script.finish(0), second = script.finish(2);
  run();
  EXPECT_FALSE(first.expired());
  script.fail(1, errc::corrupt_data, "x.seg: offset 17: wrong");
  run();
  const auto s = status(index);
  EXPECT_EQ(s.state, index_state::failed);
  EXPECT_EQ(s.reason, "x.seg: offset 17: wrong");
  EXPECT_EQ(s.loading.state, index_state::failed);
  EXPECT_TRUE(first.expired());
  EXPECT_TRUE(second.expired());
  for (const auto& job : script.jobs()) EXPECT_TRUE(is_cancelled(job.cancel.get()));
  while (!script.jobs().empty()) script.give_up(0);
  run();
  EXPECT_EQ(script.num_alive(), 0u);
  EXPECT_EQ(loaders_running(), 0u);
  EXPECT_TRUE(state_of(index).children.empty());
}

TEST_F(load_failure, late_results_of_a_failed_load_change_nothing) {
  settings.max_concurrent_loads = 4;
  use_script();
  const auto index = spawn_index(prepare_index("a", 4));
  run();
  script.fail(0, errc::io_error, "first");
  run();
  std::weak_ptr<const segment> late = script.finish(0);
  script.fail(0, errc::io_error, "second");
  run();
  EXPECT_TRUE(late.expired());
  EXPECT_EQ(status(index).reason, "first");
}

// Loaders of a given-up attempt may still have results in their hands when the next attempt is asked for, and when
// it runs.
TEST_F(load_failure, late_messages_of_an_earlier_attempt_are_ignored) {
  settings.max_concurrent_loads = 4;
  use_script();
  const auto index = spawn_index(prepare_index("a", 4));
  run();
  script.fail(0, errc::io_error, "the disk hiccups");
  run();
  const auto watcher = make_observer();
  get<load_progress>(index, subscribe_atom_v, watcher.handle);
  const auto s = get<index_status>(index, reload_atom_v);
  EXPECT_EQ(s.state, index_state::loading);
  EXPECT_EQ(s.loading.attempt, 2u);
  EXPECT_EQ(s.loading.segments_done, 0u);
  // The first attempt's loaders are still busy; what they report now is not the second attempt's.
  ASSERT_EQ(script.jobs().size(), 3u);
  const auto old_listener = script.jobs()[0].listener;
  const auto old_job = script.jobs()[0];
  script.finish(0);
  script.fail(0, errc::io_error, "late");
  caf::anon_send(old_listener, load_plan{1, load_strategy::none, std::make_shared<const manifest>()});
  caf::anon_send(index, oplog_opened{1, {}, {}});
  run();
  EXPECT_EQ(status(index).state, index_state::loading);
  EXPECT_EQ(status(index).loading.segments_done, 0u);
  script.give_up(0);
  run();
  ASSERT_EQ(script.jobs().size(), 4u);
  for (const auto& job : script.jobs()) EXPECT_EQ(job.attempt, 2u);
  caf::anon_send(old_listener, load_failed{1, make_error(errc::io_error, "very late")});
  caf::anon_send(old_listener, segment_loaded{1, old_job.task.position, nullptr});
  caf::anon_send(old_listener, load_advanced{1, 1'000'000});
  run();
  EXPECT_EQ(status(index).loading.bytes_done, 0u);
  finish_all();
  EXPECT_EQ(status(index).state, index_state::ready);
  EXPECT_EQ(found(index, 1000).size(), 4u);
  EXPECT_EQ(watcher.seen->back().state, index_state::ready);
  for (const auto& p : *watcher.seen) EXPECT_EQ(p.attempt, 2u);
}

TEST_F(load_failure, damaged_segment_is_named_and_reload_works_after_repair) {
  const auto record = prepare_index("a", 4);
  const auto file = folders(record).data / segment_file_name(3, 3);
  const auto good = read_file(posix_file_system(), file);
  damage(file);
  const auto files_before = test::num_open_files();
  const auto index = spawn_index(record);
  run();
  auto s = status(index);
  EXPECT_EQ(s.state, index_state::failed);
  EXPECT_NE(s.reason.find(file.string()), std::string::npos) << s.reason;
  EXPECT_NE(s.reason.find("offset"), std::string::npos) << s.reason;
  EXPECT_EQ(test::num_open_files(), files_before);
  EXPECT_EQ(heard.back().entry.state, index_state::failed);
  EXPECT_EQ(heard.back().entry.reason, s.reason);

  // Still broken: the reload fails as the load did.
  EXPECT_EQ(get<index_status>(index, reload_atom_v).state, index_state::loading);
  EXPECT_EQ(status(index).state, index_state::failed);
  EXPECT_EQ(status(index).loading.attempt, 2u);

  replace_file(posix_file_system(), file, good);
  get<index_status>(index, reload_atom_v);
  EXPECT_EQ(status(index).state, index_state::ready);
  EXPECT_EQ(found(index, 1000).size(), 4u);
  EXPECT_TRUE(write(index, 9).code() == std::nullopt);
}

TEST_F(load_failure, loader_that_dies_fails_the_load_with_its_text) {
  use_script();
  const auto index = spawn_index(prepare_index("a", 4));
  run();
  script.crash(1, "the loader's nerves");
  run();
  EXPECT_EQ(status(index).state, index_state::failed);
  EXPECT_NE(status(index).reason.find("the loader's nerves"), std::string::npos) << status(index).reason;
  while (!script.jobs().empty()) script.give_up(0);
  run();
  EXPECT_EQ(loaders_running(), 0u);
  get<index_status>(index, reload_atom_v);
  finish_all();
  EXPECT_EQ(status(index).state, index_state::ready);
}

TEST_F(load_failure, exception_in_the_manifest_actor_fails_the_load_with_its_text) {
  spawn_loader = [](caf::scheduled_actor*, loader_setup) -> segment_loader_handle {
    throw std::runtime_error("no threads left");
  };
  const auto index = spawn_index(prepare_index("a", 4));
  run();
  EXPECT_EQ(status(index).state, index_state::failed);
  EXPECT_NE(status(index).reason.find("no threads left"), std::string::npos) << status(index).reason;
  EXPECT_EQ(loaders_running(), 0u);
}

TEST_F(load_failure, every_file_operation_that_fails_during_a_load_fails_it_cleanly) {
  const auto record = prepare_index("a", 3);
  {
    const auto index = ready_index(record);
    write(index, 7);
    run();
    close(index);
  }
  const auto files_before = test::num_open_files();
  fs.reset_counts();
  close(ready_index(record));
  const auto operations = fs.num_operations();
  ASSERT_GT(operations, 10u);
  size_t failed = 0;
  for (uint64_t n = 1; n <= operations; n++) {
    const auto index = spawn_index(record);
    fs.fail(n);
    run();
    fs.heal();
    const auto s = status(index);
    ASSERT_TRUE(s.state == index_state::ready || s.state == index_state::failed) << n;
    if (s.state == index_state::failed) {
      failed++;
      EXPECT_NE(s.reason.find("injected failure"), std::string::npos) << s.reason;
      EXPECT_EQ(test::num_open_files(), files_before) << n;
      EXPECT_EQ(loaders_running(), 0u);
      get<index_status>(index, reload_atom_v);
      EXPECT_EQ(status(index).state, index_state::ready) << n;
    }
    EXPECT_EQ(found(index, 1000).size(), 4u);
    close(index);
    EXPECT_EQ(test::num_open_files(), files_before) << n;
  }
  EXPECT_GT(failed, 5u);
}

TEST_F(load_failure, exceptions_of_unknown_type_fail_the_load_cleanly) {
  const auto record = prepare_index("a", 3);
  fs.reset_counts();
  close(ready_index(record));
  const auto operations = fs.num_operations();
  for (uint64_t n = 1; n <= operations; n++) {
    const auto index = spawn_index(record);
    fs.fail(n, {.foreign = true});
    run();
    fs.heal();
    ASSERT_NE(status(index).state, index_state::loading) << n;
    EXPECT_EQ(loaders_running(), 0u);
    if (status(index).state != index_state::ready) get<index_status>(index, reload_atom_v);
    EXPECT_EQ(status(index).state, index_state::ready) << n;
    const auto closed = ask<done_atom>(index, close_atom_v);
    run();
    EXPECT_TRUE(closed.arrived()) << n;
  }
}

TEST_F(load_failure, damaged_log_fails_the_load) {
  const auto record = prepare_index("a", 1);
  {
    const auto index = ready_index(record);
    write(index, 2);
    run();
    write(index, 3);
    run();
    kill(index);
    run();
  }
  const auto log = folders(record).oplog;
  damage(log / posix_file_system().list(log).front());
  const auto index = spawn_index(record);
  run();
  EXPECT_EQ(status(index).state, index_state::failed);
  EXPECT_NE(status(index).reason.find(log.string()), std::string::npos) << status(index).reason;
}

TEST_F(load_failure, log_actor_that_dies_while_opening_fails_the_load) {
  use_script();
  const auto index = spawn_index(prepare_index("a", 1));
  run();
  script.finish(0);
  while (!state_of(index).log) ASSERT_TRUE(step());
  kill_child(index, "oplog_actor");
  run();
  EXPECT_EQ(status(index).state, index_state::failed);
  EXPECT_NE(status(index).reason.find("oplog_actor died"), std::string::npos) << status(index).reason;
}

TEST_F(load_failure, close_cancels_a_load) {
  use_script();
  const auto watcher = make_observer();
  const auto index = spawn_index(prepare_index("a", 6));
  get<load_progress>(index, subscribe_atom_v, watcher.handle);
  script.finish(0);
  run();
  const auto closed = ask<done_atom>(index, close_atom_v);
  run();
  EXPECT_FALSE(closed.arrived()) << "loaders still use the files";
  EXPECT_EQ(status(index).state, index_state::closing);
  EXPECT_EQ(watcher.seen->back().state, index_state::closing);
  while (!script.jobs().empty()) script.give_up(0);
  run();
  EXPECT_TRUE(closed.succeeded());
  EXPECT_EQ(loaders_running(), 0u);
  EXPECT_EQ(script.num_alive(), 0u);
}

TEST_F(load_failure, close_while_a_reload_waits_for_the_last_attempt) {
  use_script();
  const auto index = spawn_index(prepare_index("a", 4));
  run();
  script.fail(0, errc::io_error, "x");
  run();
  get<index_status>(index, reload_atom_v);
  const auto closed = ask<done_atom>(index, close_atom_v);
  run();
  EXPECT_FALSE(closed.arrived());
  while (!script.jobs().empty()) script.give_up(0);
  run();
  EXPECT_TRUE(closed.succeeded());
}

TEST_F(load_failure, close_of_a_failed_index) {
  fs.fail(1, {.permanent = true});
  const auto index = spawn_index(prepare_index("a", 2));
  run();
  fs.heal();
  EXPECT_EQ(status(index).state, index_state::failed);
  close(index);
}

TEST_F(load_failure, reload_leaves_loading_and_ready_indexes_alone) {
  use_script();
  const auto index = spawn_index(prepare_index("a", 2));
  run();
  EXPECT_EQ(get<index_status>(index, reload_atom_v).loading.attempt, 1u);
  EXPECT_EQ(script.jobs().size(), 1u);
  finish_all();
  EXPECT_EQ(get<index_status>(index, reload_atom_v).state, index_state::ready);
  EXPECT_EQ(script.num_spawned(), 1u);
}

TEST_F(load_failure, reload_while_loaders_run_starts_when_they_are_gone) {
  use_script();
  const auto index = spawn_index(prepare_index("a", 4));
  run();
  script.fail(0, errc::io_error, "x");
  run();
  get<index_status>(index, reload_atom_v);
  get<index_status>(index, reload_atom_v);
  EXPECT_EQ(script.num_spawned(), 4u);
  while (script.jobs().size() > 1) script.give_up(0);
  run();
  EXPECT_EQ(script.num_spawned(), 4u);
  script.give_up(0);
  run();
  EXPECT_EQ(script.num_spawned(), 8u);
  finish_all();
  EXPECT_EQ(status(index).state, index_state::ready);
  EXPECT_EQ(status(index).loading.attempt, 2u);
}

// The loaders' permits are asked for one by one; an index that gives up meanwhile must not keep what it is given
// later.
TEST_F(load_failure, permits_asked_for_by_a_failed_load_go_back) {
  settings.max_concurrent_loads = 2;
  use_script();
  const auto first = spawn_index(prepare_index("a", 4)), second = spawn_index(prepare_index("b", 4));
  run();
  ASSERT_EQ(script.jobs().size(), 2u);
  const auto closed = ask<done_atom>(second, close_atom_v);
  run();
  EXPECT_TRUE(closed.succeeded());
  finish_all();
  EXPECT_EQ(status(first).state, index_state::ready);
  EXPECT_EQ(loaders_running(), 0u);
}

TEST_F(load_failure, strangers_cannot_end_an_index) {
  const auto index = ready_index(prepare_index("a", 2));
  caf::anon_send_exit(index, caf::exit_reason::user_shutdown);
  auto stranger = system().spawn([](caf::event_based_actor*) -> caf::behavior { return {[](int) {}}; });
  caf::anon_send(caf::actor_cast<caf::actor>(index),
                 caf::exit_msg{stranger.address(), make_error(errc::internal_error, "die")});
  caf::anon_send_exit(stranger, caf::exit_reason::kill);
  run();
  EXPECT_EQ(found(index, 1000).size(), 2u);
  EXPECT_EQ(status(index).state, index_state::ready);
}

}  // namespace
}  // namespace fp
