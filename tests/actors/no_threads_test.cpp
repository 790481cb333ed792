#include <gmock/gmock.h>

#include "tests/actors/support/actor_fixture.hpp"

namespace fp {
namespace {

using ::testing::HasSubstr;

/// There are only so many threads for actors that block.
class no_threads : public test::actor_fixture {
 protected:
  void expect_failed(const index_coordinator_handle& index) {
    EXPECT_EQ(status(index).state, index_state::failed);
    EXPECT_THAT(status(index).reason, HasSubstr("cannot start a thread: "));
    EXPECT_TRUE(state_of(index).children.empty()) << "half of its actors stay";
  }
};

TEST_F(no_threads, a_load_that_lacks_any_of_its_threads_fails_and_can_be_repeated) {
  const auto record = prepare_index("a", 4);
  int lacking = 0;
  for (;; lacking++) {
    threads_left = lacking;
    const auto index = spawn_index(record);
    run();
    const bool loaded = status(index).state == index_state::ready;
    if (!loaded) {
      expect_failed(index);
      EXPECT_EQ(loaders_running(), 0u);
      threads_left.reset();
      get<index_status>(index, reload_atom_v);
    }
    EXPECT_EQ(status(index).state, index_state::ready);
    EXPECT_EQ(found(index, 1000).size(), 4u);
    close(index);
    if (loaded) break;
  }
  // A manifest actor, four loaders, a log.
  EXPECT_EQ(lacking, 6);
}

TEST_F(no_threads, a_create_says_what_became_of_the_index) {
  const auto n = running_node();
  ASSERT_TRUE(get<create_index_reply>(n, create_index_request{"a", false, caf::none}).ready);
  threads_left = 0;
  for (int i = 0; i < 2; i++) {
    const auto created = ask<create_index_reply>(n, create_index_request{"b", false, caf::none});
    run();
    EXPECT_EQ(created.code(), errc::index_failed);
    EXPECT_THAT(created.text(), HasSubstr("cannot start a thread: "));
  }
  write(resolve(n, "a"), 1);
  run();
  EXPECT_EQ(found(resolve(n, "a"), 1), std::vector<document_id>{1});
  threads_left.reset();
  get<index_status>(resolve(n, "b"), reload_atom_v);
  EXPECT_TRUE(get<create_index_reply>(n, create_index_request{"b", false, caf::none}).ready);
}

TEST_F(no_threads, upkeep_waits_for_them_and_writes_go_on) {
  settings.checkpoint_age_ms = 0;
  const auto index = ready_index(prepare_index("a", 0));
  write(index, 1);
  run();
  threads_left = 0;
  const auto refused = ask<maintenance_reply>(index, checkpoint_atom_v);
  run();
  EXPECT_EQ(refused.code(), errc::overloaded);
  EXPECT_THAT(status(index).maintenance_error, HasSubstr("cannot start a thread: "));
  EXPECT_EQ(status(index).state, index_state::ready);
  write(index, 2);
  run();
  EXPECT_EQ(found(index, 1000).size(), 2u);
  threads_left.reset();
  EXPECT_EQ(get<maintenance_reply>(index, checkpoint_atom_v).file_version, 2u);
  EXPECT_EQ(status(index).maintenance_error, "");
}

TEST_F(no_threads, backups_and_restores_come_back_later) {
  prepare_index("a", 2);
  const auto n = running_node();
  const auto index = resolve(n, "a");
  threads_left = 0;
  const auto backup = ask<snapshot_reply>(index, snapshot_request{0});
  const auto restore = ask<restore_handle>(n, restore_request{"b"});
  run();
  EXPECT_EQ(backup.code(), errc::overloaded);
  EXPECT_EQ(restore.code(), errc::overloaded);
  EXPECT_THAT(restore.text(), HasSubstr("cannot start a thread: "));
  threads_left.reset();
  EXPECT_EQ(get<snapshot_reply>(index, snapshot_request{0}).version, 2u);
}

TEST_F(no_threads, a_node_without_a_scrub_tries_again) {
  threads_left = 1;  // for the catalog
  const auto n = running_node();
  EXPECT_FALSE(state_of_node(n).scrub);
  threads_left.reset();
  advance(std::chrono::minutes(1));
  EXPECT_TRUE(state_of_node(n).scrub);
}

TEST_F(no_threads, a_node_without_a_catalog_ends_with_the_reason) {
  threads_left = 0;
  const auto ended = std::make_shared<std::string>();
  const auto n = spawn_node();
  system().spawn([n, ended](caf::event_based_actor* self) {
    self->set_down_handler([self, ended](const caf::down_msg& down) {
      *ended = text_of(down.reason);
      self->quit();
    });
    self->monitor(n);
    return caf::behavior{[](caf::unit_t) {}};
  });
  run();
  EXPECT_THAT(*ended, HasSubstr("cannot start a thread: "));
}

}  // namespace
}  // namespace fp
