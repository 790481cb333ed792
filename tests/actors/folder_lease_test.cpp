#include <gmock/gmock.h>

#include "tests/actors/support/actor_fixture.hpp"

namespace fp {
namespace {

using test::fs_operation;

/// What an actor of a coordinator is in the middle of when its coordinator dies.
struct moment {
  const char* name;
  fs_operation operation;
  const char* file_ends_with;
};

class folder_lease_test : public test::actor_fixture, public ::testing::WithParamInterface<moment> {
 protected:
  void SetUp() override {
    settings.checkpoint_age_ms = 0;
    record_ = prepare_index("a", 4);
    node_ = running_node();
    index_ = resolve(node_, "a");
    write(index_, 5);
    run();
  }

  index_coordinator_handle coordinator() { return state_of_node(node_).indexes.at("a").coordinator; }

  /// Has the index write to its folder, kills its coordinator in the middle of that, and runs all others; then
  /// `meanwhile`, while the write lasts.
  void die_in_the_middle(const std::function<void()>& meanwhile) {
    bool came = false;
    fs.before = [&](const test::faulty_file_system::record& r) {
      if (r.operation != GetParam().operation || !r.file.string().ends_with(GetParam().file_ends_with)) return;
      came = true;
      fs.before = nullptr;
      const auto old = coordinator();
      caf::send_as(caf::actor_cast<caf::actor>(node_), caf::actor_cast<caf::actor>(old),
                   caf::exit_msg{node_.address(), make_error(errc::internal_error, "a cosmic ray")});
      run();
      ASSERT_NE(coordinator().address(), old.address());
      fs.reset_counts();
      meanwhile();
    };
    ask<update_reply>(index_, insert(6, {6, 1000}));
    run();
    ask<upkeep_reply>(index_, checkpoint_atom_v);
    run();
    ask<upkeep_reply>(index_, merge_atom_v);
    run();
    EXPECT_TRUE(came);
  }

  index_record record_;
  node_actor_handle node_;
  index_handle index_;
};

TEST_P(folder_lease_test, a_replacement_loads_only_when_the_last_one_s_actors_are_down) {
  die_in_the_middle([this] {
    const auto next = resolve(node_, "a");
    EXPECT_EQ(status(next).state, index_state::failed);
    ask<index_status>(next, reload_atom_v);
    run();
    EXPECT_EQ(status(next).state, index_state::loading);
    EXPECT_EQ(status(next).reason, "waits for the actors that still use its folder");
    const auto refused = ask<search_reply>(next, query({1000}));
    run();
    EXPECT_EQ(refused.code(), errc::index_not_ready);
    EXPECT_THAT(refused.text(), ::testing::HasSubstr("waits for the actors"));
    EXPECT_EQ(fs.history().size(), 0u) << "two owners";
  });
  const auto next = resolve(node_, "a");
  EXPECT_EQ(status(next).state, index_state::ready) << status(next).reason;
  EXPECT_EQ(found(next, 5), std::vector<document_id>{5});
  write(next, 7);
  run();
  EXPECT_EQ(found(next, 7), std::vector<document_id>{7});
}

TEST_P(folder_lease_test, a_replacement_may_end_while_it_waits) {
  die_in_the_middle([this] {
    const auto waiting = coordinator();
    ask<index_status>(index_handle(waiting), reload_atom_v);
    run();
    ASSERT_EQ(status(waiting).state, index_state::loading);
    caf::send_as(caf::actor_cast<caf::actor>(node_), caf::actor_cast<caf::actor>(waiting),
                 caf::exit_msg{node_.address(), make_error(errc::internal_error, "another cosmic ray")});
    run();
    EXPECT_EQ(fs.history().size(), 0u);
  });
  EXPECT_EQ(get<index_status>(resolve(node_, "a"), reload_atom_v).state, index_state::loading);
  run();
  EXPECT_EQ(status(resolve(node_, "a")).state, index_state::ready);
}

TEST_P(folder_lease_test, a_delete_removes_no_file_before) {
  test::answer<delete_index_reply> deleted;
  die_in_the_middle([&] {
    deleted = ask<delete_index_reply>(node_, delete_index_request{"a", true});
    run();
    EXPECT_FALSE(deleted.arrived());
    EXPECT_EQ(fs.num_operations(fs_operation::remove_all), 0u);
    EXPECT_TRUE(posix_file_system().is_directory(folders(record_).data));
  });
  EXPECT_TRUE(deleted.succeeded()) << deleted.text();
  EXPECT_FALSE(posix_file_system().exists(folders(record_).data));
  EXPECT_TRUE(get<create_index_reply>(node_, create_index_request{"a", false, caf::none}).ready);
}

TEST_P(folder_lease_test, a_node_keeps_its_data_folder_until_then) {
  die_in_the_middle([this] {
    get<node_status>(node_, shutdown_atom_v);
    EXPECT_THROW(data_folder(posix_file_system(), folder.path()), error) << "the folder was given up";
  });
  EXPECT_NO_THROW(data_folder(posix_file_system(), folder.path()));
}

INSTANTIATE_TEST_SUITE_P(while_, folder_lease_test,
                         ::testing::Values(moment{"appending", fs_operation::sync, ".log"},
                                           moment{"checkpointing", fs_operation::write, ".seg.tmp"},
                                           moment{"storing_the_manifest", fs_operation::rename, "manifest.json"},
                                           moment{"removing_what_was_merged", fs_operation::remove, ".seg"}),
                         [](const auto& m) { return m.param.name; });

TEST(folder_gate_test, gives_the_lease_to_one_at_a_time) {
  const auto gate = std::make_shared<folder_gate>("a");
  auto first = gate->try_take();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->index(), "a");
  EXPECT_FALSE(gate->try_take());
  const auto shared = first;
  first.reset();
  EXPECT_FALSE(gate->try_take()) << "somebody holds it still";
}

}  // namespace
}  // namespace fp
