#include "app/node/readiness_actor.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/null_sink.h>

#include <caf/all.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "actors/node_actor.hpp"
#include "tests/actors/support/kill.hpp"
#include "tests/actors/support/test_system_config.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp {
namespace {

using testing::ElementsAre;

/// A real node on a scheduler that runs one actor at a time.
class readiness : public ::testing::Test {
 protected:
  ~readiness() override {
    if (node_) test::kill(system_, node_);
    node_ = nullptr;
    watcher_ = nullptr;
    run();
    EXPECT_EQ(system_.registry().running(), 0u) << "actors are left that nobody can end";
  }

  void start() {
    config settings;
    settings.dir = folder_.path().string();
    settings.threads = 1;
    auto env = std::make_shared<environment>();
    env->settings = settings;
    env->log = std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::null_sink_mt>());
    watcher_ = system_.spawn(readiness_actor, [this](const std::string& text) { told_.push_back(text); });
    auto data = std::make_shared<data_folder>(posix_file_system(), folder_.path());
    node_ = system_.spawn(node_actor, node_setup{env, std::move(data), "test", watcher_});
  }
  void listen() { caf::anon_send(watcher_, listening_atom_v); }
  void run() {
    auto& scheduler = dynamic_cast<caf::scheduler::test_coordinator&>(system_.scheduler());
    while (scheduler.try_run_once()) {
    }
  }
  void create(const std::string& index) { data_folder(posix_file_system(), folder_.path()).create(index, {}); }
  /// What the service manager was told since the last call.
  std::vector<std::string> told() { return std::exchange(told_, {}); }

  test::test_system_config config_{true};
  caf::actor_system system_{config_};
  test::temporary_folder folder_;
  readiness_handle watcher_;
  node_actor_handle node_;
  std::vector<std::string> told_;
};

TEST_F(readiness, a_node_without_indexes_is_ready_once_it_listens) {
  start();
  run();
  EXPECT_THAT(told(), ElementsAre());
  listen();
  run();
  EXPECT_THAT(told(), ElementsAre("READY=1\nSTATUS=Ready: 0 of 0 indexes"));
}

TEST_F(readiness, comes_when_the_last_index_has_loaded) {
  create("a");
  create("b");
  start();
  listen();
  run();
  const auto lines = told();
  ASSERT_FALSE(lines.empty());
  EXPECT_EQ(lines.front(), "STATUS=Loading 2 of 2 indexes");
  EXPECT_EQ(lines.back(), "READY=1\nSTATUS=Ready: 2 of 2 indexes");
  for (size_t i = 0; i + 1 < lines.size(); i++) EXPECT_THAT(lines[i], testing::StartsWith("STATUS=Loading ")) << i;
}

TEST_F(readiness, a_failed_index_does_not_hold_up_the_others) {
  create("a");
  create("b");
  const auto data = folders_of(folder_.path(), {"b", 1, false}).data;
  ASSERT_TRUE(std::filesystem::exists(data));
  std::ofstream(data / "manifest.json") << "damage";
  start();
  listen();
  run();
  EXPECT_EQ(told().back(), "READY=1\nSTATUS=Ready: 1 of 2 indexes; failed: b");
}

TEST_F(readiness, the_status_follows_creates_and_deletes) {
  start();
  listen();
  run();
  told();
  caf::anon_send(node_, create_index_request{"new", true, caf::none});
  run();
  auto lines = told();
  ASSERT_FALSE(lines.empty());
  EXPECT_EQ(lines.back(), "STATUS=Ready: 1 of 1 index");
  caf::anon_send(node_, delete_index_request{"new", true});
  run();
  lines = told();
  ASSERT_FALSE(lines.empty());
  EXPECT_EQ(lines.back(), "STATUS=Ready: 0 of 0 indexes");
}

TEST_F(readiness, stopping_is_told_once_and_ends_the_watcher) {
  create("a");
  start();
  listen();
  run();
  told();
  caf::anon_send(node_, shutdown_atom_v);
  caf::anon_send(node_, shutdown_atom_v);
  run();
  EXPECT_THAT(told(), ElementsAre("STOPPING=1\nSTATUS=Shutting down"));
}

TEST_F(readiness, a_node_may_stop_before_it_is_ready) {
  create("a");
  start();
  caf::anon_send(node_, shutdown_atom_v);
  listen();
  run();
  const auto lines = told();
  EXPECT_THAT(lines, testing::Contains("STOPPING=1\nSTATUS=Shutting down"));
  EXPECT_THAT(lines, testing::Not(testing::Contains(testing::HasSubstr("READY=1"))));
}

/// The words for states that are not easily brought about in a real node.
class status_text : public readiness {
 protected:
  void SetUp() override {
    watcher_ = system_.spawn(readiness_actor, [this](const std::string& text) { told_.push_back(text); });
    // Stands in for the node; it resolves nothing.
    stub_ = system_.spawn([](caf::event_based_actor* self) -> caf::behavior {
      self->set_default_handler(caf::drop);
      return {
          [](resolve_atom, const std::string&) -> caf::result<index_handle> {
            return make_error(errc::index_not_found, "none");
          },
      };
    });
    listen();
  }
  ~status_text() override {
    caf::anon_send_exit(stub_, caf::exit_reason::kill);
    stub_ = nullptr;
  }
  void list(std::vector<std::pair<std::string, index_state>> indexes) {
    index_list list;
    for (auto& [name, state] : indexes) list.indexes.push_back({name, 1, state, ""});
    from_node(list);
  }
  void change(const std::string& name, index_state state) {
    from_node(index_state_changed{{name, 1, state, ""}, false});
  }
  void progress(const std::string& name, uint32_t segments, uint64_t bytes) {
    load_progress p;
    p.index = name;
    p.segments_done = segments;
    p.segments_total = 10;
    p.bytes_done = bytes;
    p.bytes_total = 1'000;
    from_node(p);
  }
  template <class T>
  void from_node(T message) {
    caf::actor_cast<caf::strong_actor_ptr>(watcher_)->enqueue(caf::actor_cast<caf::strong_actor_ptr>(stub_),
                                                              caf::make_message_id(),
                                                              caf::make_message(std::move(message)), nullptr);
    run();
  }
  std::string last() { return told_.empty() ? "" : told_.back(); }

  caf::actor stub_;
};

TEST_F(status_text, adds_up_the_progress_of_what_is_loading) {
  list({{"a", index_state::loading}, {"b", index_state::loading}, {"c", index_state::ready}});
  EXPECT_EQ(last(), "STATUS=Loading 2 of 3 indexes");
  progress("a", 3, 500);
  EXPECT_EQ(last(), "STATUS=Loading 2 of 3 indexes: 3 of 10 segments, 50% of their bytes");
  progress("b", 1, 100);
  EXPECT_EQ(last(), "STATUS=Loading 2 of 3 indexes: 4 of 20 segments, 30% of their bytes");
  change("a", index_state::ready);
  EXPECT_EQ(last(), "STATUS=Loading 1 of 3 indexes: 1 of 10 segments, 10% of their bytes");
  change("b", index_state::ready);
  EXPECT_EQ(last(), "READY=1\nSTATUS=Ready: 3 of 3 indexes");
}

TEST_F(status_text, is_told_only_when_it_changes) {
  list({{"a", index_state::loading}});
  progress("a", 3, 500);
  told();
  progress("a", 3, 504);
  progress("unknown", 3, 504);
  EXPECT_THAT(told(), ElementsAre());
}

TEST_F(status_text, names_some_of_what_does_not_work) {
  list({{"a", index_state::failed},
        {"b", index_state::failed},
        {"c", index_state::failed},
        {"d", index_state::failed},
        {"e\nREADY=1", index_state::read_only}});
  EXPECT_EQ(last(), "READY=1\nSTATUS=Ready: 1 of 5 indexes; failed: a, b, c and 1 more; read-only: e\\nREADY=1");
}

TEST_F(status_text, readiness_is_not_taken_back_by_a_reload) {
  list({{"a", index_state::failed}});
  change("a", index_state::loading);
  EXPECT_EQ(last(), "STATUS=Loading 1 of 1 index");
  change("a", index_state::ready);
  EXPECT_EQ(last(), "STATUS=Ready: 1 of 1 index");
}

}  // namespace
}  // namespace fp
