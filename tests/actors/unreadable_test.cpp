#include <gmock/gmock.h>

#include <filesystem>

#include "core/fs/mapped_file_guard.hpp"
#include "tests/actors/support/actor_fixture.hpp"
#include "tests/actors/support/lasting_client.hpp"

namespace fp {
namespace {

using test::answer;
using testing::AllOf;
using testing::HasSubstr;

/// Two indexes of three segment files each, one of which is cut short while it is served.
class unreadable : public test::actor_fixture {
 protected:
  unreadable() {
    settings.checkpoint_age_ms = 0;
    const auto record = prepare_index("lost", 3);
    prepare_index("other", 3);
    file = folders(record).data / segment_file_name(2, 2);
    contents = read_file(posix_file_system(), file);
    node = running_node();
    index = resolve(node, "lost");
    other = resolve(node, "other");
    EXPECT_TRUE(get<update_reply>(index, insert(4, {4, 1000})).version > 0);
  }
  ~unreadable() override {
    kill(client);
    client = nullptr;
    node = node_actor_handle{};
    index = other = index_handle{};
  }

  index_coordinator_state& coordinator() { return state_in<index_coordinator_state>(index); }
  void cut() { std::filesystem::resize_file(file, 0); }
  size_t times_logged(const std::string& text) {
    size_t count = 0;
    const auto log = log_text();
    for (size_t at = log.find(text); at != std::string::npos; at = log.find(text, at + 1)) count++;
    return count;
  }
  void expect_failed() {
    const auto s = status(index);
    EXPECT_EQ(s.state, index_state::failed);
    EXPECT_THAT(s.reason, AllOf(HasSubstr(file.string()), HasSubstr("cannot be read from offset ")));
    EXPECT_EQ(s.version, 0u) << "nothing is served";
    EXPECT_EQ(times_logged("lost: failed: "), 1u);
    for (const auto& refused : {ask<search_reply>(index, query({1})), ask<search_reply>(index, query({1000}))}) {
      run();
      EXPECT_EQ(refused.code(), errc::index_failed);
      EXPECT_THAT(refused.text(), HasSubstr(s.reason));
    }
    const auto written = write(index, 9);
    run();
    EXPECT_EQ(written.code(), errc::index_failed);
    EXPECT_EQ(found(other, 1000), (std::vector<document_id>{1, 2, 3}));
    EXPECT_EQ(status(other).state, index_state::ready);
    EXPECT_TRUE(coordinator().children.empty());
  }
  void expect_mended() {
    const path beside = file.string() + ".new";
    posix_file_system().create(beside)->write_at(0, std::as_bytes(std::span(contents)));
    std::filesystem::rename(beside, file);
    get<index_status>(index, reload_atom_v);
    EXPECT_EQ(status(index).state, index_state::ready) << status(index).reason;
    EXPECT_EQ(found(index, 1000), (std::vector<document_id>{1, 2, 3, 4})) << "what was acknowledged is there";
    get<update_reply>(index, insert(5, {5, 1000}));
    EXPECT_EQ(found(index, 1000), (std::vector<document_id>{1, 2, 3, 4, 5}));
  }

  const mapped_file_guard guard;
  path file;
  std::string contents;
  node_actor_handle node;
  index_handle index, other;
  caf::actor client = system().spawn(test::lasting_client);
};

TEST_F(unreadable, fails_a_search_of_the_coordinator_and_the_index) {
  cut();
  const auto refused = ask<search_reply>(index, query({2}));
  run();
  EXPECT_EQ(refused.code(), errc::index_failed);
  EXPECT_THAT(refused.text(), HasSubstr(file.string()));
  expect_failed();
  expect_mended();
}

TEST_F(unreadable, fails_searches_of_searchers_and_the_index) {
  cut();
  std::vector<answer<search_reply>> searches;
  for (int i = 0; i < 5; i++) searches.push_back(ask<search_reply>(index, query({2})));
  run();
  for (const auto& refused : searches) {
    EXPECT_EQ(refused.code(), errc::index_failed);
    EXPECT_THAT(refused.text(), HasSubstr(file.string()));
  }
  expect_failed();
  expect_mended();
}

TEST_F(unreadable, fails_a_batch_of_searches_and_the_index) {
  cut();
  search_batch_request batch;
  batch.searches = {query({1}), query({2})};
  const auto refused = ask<search_batch_reply>(index, batch);
  run();
  EXPECT_EQ(refused.code(), errc::index_failed);
  expect_failed();
  expect_mended();
}

TEST_F(unreadable, fails_a_look_at_a_document_and_the_index) {
  cut();
  EXPECT_EQ(get<document_reply>(index, document_request{1}).version, 1u) << "is in another file";
  const auto refused = ask<document_reply>(index, document_request{2});
  run();
  EXPECT_EQ(refused.code(), errc::index_failed);
  expect_failed();
  expect_mended();
}

TEST_F(unreadable, fails_a_merge_and_the_index) {
  cut();
  const auto refused = ask<upkeep_reply>(index, merge_atom_v);
  run();
  EXPECT_EQ(refused.code(), errc::index_failed);
  expect_failed();
  expect_mended();
}

TEST_F(unreadable, fails_a_backup_and_the_index) {
  const auto call = [&]<class Reply>(const auto& to, auto message, answer<Reply> result) {
    caf::anon_send(client, test::client_call{[=](caf::event_based_actor* self) {
                     test::request_untyped(self, caf::actor_cast<caf::strong_actor_ptr>(to),
                                           caf::make_message(message),
                                           test::answered<Reply>([result](const auto& r) { result.set(r); }));
                   }});
    run();
    return result;
  };
  const auto opened = call(index, snapshot_request{}, answer<snapshot_reply>{}).value();
  cut();
  const auto refused = call(opened.stream, next_atom_v, answer<backup_piece>{});
  EXPECT_EQ(refused.code(), errc::io_error);
  EXPECT_THAT(refused.text(), HasSubstr(file.string()));
  expect_failed();
  expect_mended();
}

/// A merge may have put another file in the place by the time the coordinator hears of it.
TEST_F(unreadable, is_nobodys_business_when_the_file_is_not_served_any_more) {
  const auto before = coordinator().current();
  const auto still_open = posix_file_system().open_for_writing(file);
  get<upkeep_reply>(index, merge_atom_v);
  still_open->truncate(0);
  EXPECT_THROW(before->find(2), error);
  caf::anon_send(caf::actor_cast<caf::actor>(index), unreadable_atom_v);
  run();
  EXPECT_EQ(status(index).state, index_state::ready);
  EXPECT_EQ(found(index, 1000), (std::vector<document_id>{1, 2, 3, 4}));
}

}  // namespace
}  // namespace fp
