#include "actors/blocking_pools.hpp"

#include <algorithm>
#include <atomic>
#include <future>
#include <thread>

#include "tests/actors/support/actor_fixture.hpp"

namespace fp {
namespace {

/// A node on real threads whose disk hangs where a test wants it to.
class blocking_pools_test : public ::testing::Test {
 protected:
  blocking_pools_test() {
    settings.dir = folder.path().string();
    settings.threads = 1;
    settings.log_threads = 2;
    settings.upkeep_threads = 1;
    settings.idle_merge_after_ms = 0;
    fs.before = [this](const test::faulty_file_system::record& r) {
      if (!hangs || !hangs(r)) return;
      hanging.set_value();
      released.wait();
    };
  }
  ~blocking_pools_test() override {
    if (!is_released) release.set_value();
    self->request(node, caf::infinite, shutdown_atom_v).receive([](const node_status&) {}, fail);
    self->wait_for(node);
    node = node_handle{};
  }

  void start() {
    pools.emplace(system, settings);
    auto env = std::make_shared<environment>();
    env->fs = &fs;
    env->settings = settings;
    env->pools = &*pools;
    env->log = std::make_shared<spdlog::logger>("test");
    auto data = std::make_shared<data_folder>(fs, folder.path());
    node = system.spawn(node_actor, node_setup{std::move(env), std::move(data), "test"});
  }
  index_handle create(const std::string& name) {
    self->request(node, caf::infinite, create_index_request{name, false, caf::none})
        .receive([](const create_index_reply& r) { EXPECT_TRUE(r.ready); }, fail);
    index_handle index;
    self->request(node, caf::infinite, resolve_atom_v, name)
        .receive([&](const index_handle& i) { index = i; }, fail);
    return index;
  }
  static update_request one_document(document_id id) {
    changes_encoder changes;
    changes.insert(id, std::vector<hash_value>{id});
    return update_request{changes.take(), caf::none, 0};
  }
  void write(const index_handle& index, document_id id) {
    self->request(index, caf::infinite, one_document(id)).receive([](const update_reply&) {}, fail);
  }
  void checkpoint(const index_handle& index) {
    self->request(index, caf::infinite, checkpoint_atom_v).receive([](const upkeep_reply&) {}, fail);
  }
  void let_go_on() {
    is_released = true;
    release.set_value();
  }
  static void fail(const caf::error& e) { ADD_FAILURE() << text_of(e); }
  bool is_of(const test::faulty_file_system::record& r, const std::string& index) const {
    return r.file.string().starts_with((folder.path() / index).string() + "/");
  }

  test::temporary_folder folder;
  test::faulty_file_system fs{posix_file_system()};
  /// Whether an operation is one to hang, once for each time that `hang` is set.
  std::function<bool(const test::faulty_file_system::record&)> hangs;
  std::atomic<bool> hang = false;
  std::promise<void> hanging, release;
  std::shared_future<void> released = release.get_future().share();
  bool is_released = false;
  config settings;
  test::test_system_config caf_settings{false};
  caf::actor_system system{caf_settings};
  std::optional<blocking_pools> pools;
  caf::scoped_actor self{system};
  node_handle node;
};

TEST_F(blocking_pools_test, a_disk_that_hangs_for_one_index_holds_up_no_other_ones_writes) {
  hangs = [this](const auto& r) {
    return r.operation == test::fs_operation::sync && is_of(r, "slow") && hang.exchange(false);
  };
  start();
  const auto slow = create("slow"), other = create("other");
  hang = true;
  self->send(slow, one_document(1));
  hanging.get_future().wait();
  for (document_id id = 1; id <= 50; id++) write(other, id);
  checkpoint(other);
  let_go_on();
  self->receive([](const update_reply&) {});
}

TEST_F(blocking_pools_test, a_merge_that_hangs_holds_up_no_checkpoint_and_no_write) {
  hangs = [this](const auto& r) {
    return r.operation == test::fs_operation::create && is_of(r, "slow") && hang.exchange(false);
  };
  start();
  const auto slow = create("slow"), other = create("other");
  for (document_id id = 1; id <= 2; id++) {
    write(slow, id);
    checkpoint(slow);
  }
  hang = true;
  self->send(slow, merge_atom_v);
  hanging.get_future().wait();
  for (const auto& index : {slow, other}) {
    for (document_id id = 3; id <= 10; id++) write(index, id);
    checkpoint(index);
  }
  let_go_on();
  self->receive([](const upkeep_reply&) {});
}

TEST(blocking_pools, count_their_threads) {
  config settings;
  settings.threads = 3;
  settings.log_threads = 5;
  settings.max_concurrent_loads = 7;
  settings.upkeep_threads = 11;
  EXPECT_EQ(blocking_pools::num_threads(settings), 2 * 3u + 5 + 7 + 2 * 11);
  settings.threads = 0;
  EXPECT_EQ(num_searchers(settings), std::max(1u, std::thread::hardware_concurrency()));
}

}  // namespace
}  // namespace fp
