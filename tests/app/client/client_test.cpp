#include "app/client/client.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <memory>

#include "core/commit/changes.hpp"
#include "tests/app/support/running_node.hpp"
#include "tests/app/support/tcp_listener.hpp"
#include "tests/core/support/error_of.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp {
namespace {

using namespace std::chrono_literals;
using test::error_of;
using test::running_node;
using testing::HasSubstr;

const std::vector<hash_value> first{11, 12, 13, 14, 15}, second{15, 21, 22, 23, 24};

search_request search_for(const std::vector<hash_value>& hashes) {
  search_request r;
  r.query = hashes;
  r.min_score = 1;
  r.score_pct = 0;
  r.timeout_ms = 0;
  return r;
}

update_request inserting(document_id id, const std::vector<hash_value>& hashes) {
  changes_encoder changes;
  changes.insert(id, hashes);
  update_request r;
  r.changes = changes.take();
  return r;
}

class client_test : public testing::Test {
 protected:
  client_options options_for(uint16_t port) const {
    client_options o;
    o.port = port;
    return o;
  }
  client connect_to(const running_node& node) { return client(system, options_for(node.port())); }

  test::temporary_folder folder;
  system_config settings{1};
  caf::actor_system system{settings};
};

TEST_F(client_test, creates_fills_and_searches_an_index) {
  running_node node(folder.path());
  auto c = connect_to(node);
  EXPECT_EQ(c.status().protocol, protocol_version);
  const auto made = c.create_index({"music", false, {}});
  EXPECT_TRUE(made.created && made.ready);
  EXPECT_FALSE(c.create_index({"music", false, {}}).created);
  EXPECT_EQ(error_of([&] { c.create_index({"music", true, {}}); }).code(), errc::index_already_exists);
  ASSERT_EQ(c.list().indexes.size(), 1u);
  EXPECT_EQ(c.list().indexes[0].name, "music");

  EXPECT_EQ(c.insert("music", 1, first).version, 1u);
  EXPECT_EQ(c.insert("music", 2, second).version, 2u);
  const auto found = c.search("music", search_for(first));
  EXPECT_EQ(found.version, 2u);
  EXPECT_EQ(found.results.to_vector(), (std::vector<search_result>{{1, 5}, {2, 1}}));
  auto near = search_for({11 ^ 64, 12 ^ 128, 13 ^ (3 << 10)});
  EXPECT_TRUE(c.search("music", near).results.empty());
  near.probes = 1;
  EXPECT_EQ(c.search("music", near).results.to_vector(), (std::vector<search_result>{{1, 2}}));
  near.probes = 2;
  EXPECT_EQ(c.search("music", near).results.to_vector(), (std::vector<search_result>{{1, 3}, {2, 1}}));
  near.probes = 3;
  EXPECT_EQ(error_of([&] { c.search("music", near); }).code(), errc::bad_request);
  const auto both = c.search_batch("music", {{search_for(second), search_for({99})}});
  ASSERT_EQ(both.replies.size(), 2u);
  EXPECT_EQ(both.replies[0].results[0], (search_result{2, 5}));
  EXPECT_TRUE(both.replies[1].results.empty());

  EXPECT_EQ(c.document("music", {2, 0}).version, 2u);
  EXPECT_EQ(error_of([&] { c.document("music", {3, 0}); }).code(), errc::document_not_found);
  EXPECT_EQ(c.info("music").num_documents, 2u);
  EXPECT_EQ(c.status("music").state, index_state::ready);
  EXPECT_EQ(c.checkpoint("music").file_version, 2u);
  EXPECT_EQ(c.merge("music").num_file_segments, 1u);
  ASSERT_EQ(c.segments("music").segments.size(), 1u);
  EXPECT_FALSE(c.segments("music").segments[0].in_memory);
  EXPECT_EQ(c.reload("music").state, index_state::ready);
}

TEST_F(client_test, forgets_an_index_that_is_deleted) {
  running_node node(folder.path());
  auto c = connect_to(node);
  c.create_index({"music", false, {}});
  c.insert("music", 1, first);
  EXPECT_TRUE(c.delete_index({"music", true}).deleted);
  const auto e = error_of([&] { c.search("music", search_for(first)); });
  EXPECT_EQ(e.code(), errc::index_not_found);
  EXPECT_THAT(e.what(), HasSubstr("music"));
  EXPECT_EQ(c.create_index({"music", false, {}}).generation, 2u);
  EXPECT_TRUE(c.search("music", search_for(first)).results.empty());
}

TEST_F(client_test, notices_that_somebody_else_replaced_an_index) {
  running_node node(folder.path());
  auto reader = connect_to(node), owner = connect_to(node);
  owner.create_index({"music", false, {}});
  owner.insert("music", 1, first);
  EXPECT_EQ(reader.info("music").num_documents, 1u);
  owner.delete_index({"music", true});
  owner.create_index({"music", false, {}});
  EXPECT_EQ(reader.info("music").num_documents, 0u);
}

TEST_F(client_test, connects_again_after_the_node_was_replaced) {
  auto node = std::make_unique<running_node>(folder.path());
  const auto port = node->port();
  auto c = connect_to(*node);
  c.create_index({"music", false, {}});
  c.insert("music", 1, first);
  for (int round = 0; round < 3; round++) {
    node->stop();
    node = std::make_unique<running_node>(folder.path(), port);
    auto request = search_for(first);
    request.ready_wait_ms = 10'000;
    EXPECT_EQ(c.search("music", request).results[0], (search_result{1, 5}));
  }
  node->stop();
  const auto e = error_of([&] { c.status(); });
  EXPECT_EQ(e.code(), errc::unreachable);
  EXPECT_THAT(e.what(), HasSubstr("127.0.0.1:" + std::to_string(port)));
}

TEST_F(client_test, tells_that_the_node_ended) {
  running_node node(folder.path());
  auto c = connect_to(node);
  EXPECT_EQ(c.shutdown().version, "test");
}

TEST_F(client_test, sends_updates_in_order_and_a_window_at_a_time) {
  running_node node(folder.path());
  auto c = connect_to(node);
  c.create_index({"music", false, {}});
  update_pipeline pipeline(c, "music", 4);
  commit_id next = 1;
  for (document_id id = 1; id <= 50; id++) {
    if (pipeline.is_full()) {
      EXPECT_EQ(pipeline.receive().version, next++);
    }
    pipeline.send(inserting(id, {id}));
    EXPECT_LE(pipeline.in_flight(), 4u);
  }
  EXPECT_EQ(c.status("music").name, "music");  // other requests may come in between
  while (pipeline.in_flight() > 0) EXPECT_EQ(pipeline.receive().version, next++);
  EXPECT_EQ(next, 51u);
  EXPECT_EQ(c.info("music").num_documents, 50u);
  pipeline.send(inserting(0, first));
  EXPECT_EQ(error_of([&] { pipeline.receive(); }).code(), errc::invalid_document_id);
}

TEST_F(client_test, watches_an_index_until_it_is_loaded) {
  {
    running_node node(folder.path());
    auto c = connect_to(node);
    c.create_index({"music", false, {}});
    for (document_id id = 1; id <= 5; id++) c.insert("music", id, first);
  }
  running_node node(folder.path());
  auto c = connect_to(node);
  load_progress seen;
  const auto last = c.subscribe("music", [&](const load_progress& p) {
    seen = p;
    return true;
  });
  EXPECT_EQ(last.state, index_state::ready);
  EXPECT_EQ(last.replayed_commits, 5u);
  EXPECT_EQ(seen.replayed_commits, 5u);
  EXPECT_EQ(error_of([&] { c.subscribe("none", [](const load_progress&) { return true; }); }).code(),
            errc::index_not_found);
}

TEST_F(client_test, tells_when_nobody_listens) {
  uint16_t port = 0;
  { port = test::tcp_listener().port(); }
  client c(system, options_for(port));
  const auto e = error_of([&] { c.status(); });
  EXPECT_EQ(e.code(), errc::unreachable);
  EXPECT_THAT(e.what(), HasSubstr("127.0.0.1:" + std::to_string(port)));
}

TEST_F(client_test, gives_up_on_a_silent_host) {
  test::tcp_listener silent;
  auto o = options_for(silent.port());
  o.connect_timeout = 50ms;
  client c(system, o);
  const auto e = error_of([&] { c.status(); });
  EXPECT_EQ(e.code(), errc::unreachable);
  EXPECT_THAT(e.what(), HasSubstr(o.address()));
  EXPECT_EQ(error_of([&] { c.list(); }).code(), errc::unreachable);
}

TEST_F(client_test, tells_when_something_else_listens) {
  test::tcp_listener garbage("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  client c(system, options_for(garbage.port()));
  const auto e = error_of([&] { c.status(); });
  EXPECT_EQ(e.code(), errc::protocol_mismatch);
  EXPECT_THAT(e.what(), HasSubstr(c.options().address()));
}

TEST_F(client_test, tells_when_the_node_speaks_another_protocol) {
  running_node node(folder.path());
  system_config other;
  other.set("middleman.app-identifiers", std::vector<std::string>{"fpnode-protocol-0"});
  caf::actor_system old{other};
  client c(old, options_for(node.port()));
  const auto e = error_of([&] { c.status(); });
  EXPECT_EQ(e.code(), errc::protocol_mismatch);
  EXPECT_THAT(e.what(), HasSubstr(c.options().address()));
  EXPECT_EQ(connect_to(node).status().version, "test");
}

using other_handle = caf::typed_actor<caf::replies_to<status_atom>::with<node_status>>;

TEST_F(client_test, tells_when_another_actor_is_published) {
  system_config c1{1};
  caf::actor_system other{c1};
  const auto actor =
      other.spawn([]() -> other_handle::behavior_type { return {[](status_atom) { return node_status{}; }}; });
  const auto port = other.middleman().publish(actor, 0, "127.0.0.1");
  ASSERT_TRUE(port);
  client c(system, options_for(*port));
  EXPECT_EQ(error_of([&] { c.status(); }).code(), errc::protocol_mismatch);
  caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
}

/// A node that never answers searches, and ends on a wish.
node_handle::behavior_type deaf_node(node_handle::stateful_pointer<std::vector<caf::response_promise>> self,
                                     uint32_t protocol) {
  return {
      [=](const create_index_request&) -> caf::result<create_index_reply> {
        return self->make_response_promise<create_index_reply>();
      },
      [](const delete_index_request&) { return delete_index_reply{}; },
      [=](list_atom) -> caf::result<index_list> {
        self->quit();
        return self->make_response_promise<index_list>();
      },
      [](resolve_atom, const std::string&) -> caf::result<index_handle> {
        return make_error(errc::index_not_found, "none");
      },
      [](const resync_request&) -> caf::result<resync_reply> { return make_error(errc::internal_error, "none"); },
      [](const drain_request&) { return drain_reply{}; },
      [](const restore_request&) -> caf::result<restore_handle> {
        return make_error(errc::internal_error, "none");
      },
      [=](status_atom) {
        node_status s;
        s.protocol = protocol;
        return s;
      },
      [](shutdown_atom) { return node_status{}; },
  };
}

TEST_F(client_test, gives_up_on_an_answer_that_does_not_come) {
  system_config c1{1};
  caf::actor_system other{c1};
  const auto node = other.spawn(deaf_node, protocol_version);
  const auto port = other.middleman().publish(node, 0, "127.0.0.1");
  ASSERT_TRUE(port);
  auto o = options_for(*port);
  o.request_timeout = 50ms;
  client c(system, o);
  const auto e = error_of([&] { c.create_index({"music", false, {}}); });
  EXPECT_EQ(e.code(), errc::request_timeout);
  EXPECT_THAT(e.what(), HasSubstr(o.address()));
  EXPECT_EQ(c.status().protocol, protocol_version);  // the connection is kept
  // The node ends instead of answering, twice: once before and once after the read is sent again.
  EXPECT_EQ(error_of([&] { c.list(); }).code(), errc::unreachable);
}

TEST_F(client_test, refuses_a_node_that_says_it_speaks_otherwise) {
  system_config c1{1};
  caf::actor_system other{c1};
  const auto node = other.spawn(deaf_node, protocol_version + 1);
  const auto port = other.middleman().publish(node, 0, "127.0.0.1");
  ASSERT_TRUE(port);
  client c(system, options_for(*port));
  EXPECT_EQ(error_of([&] { c.status(); }).code(), errc::protocol_mismatch);
  caf::anon_send_exit(node, caf::exit_reason::user_shutdown);
}

/// Has another node's indexes, and says of one that is asked for another copy that it has it.
node_handle::behavior_type copying_node(node_handle::stateful_pointer<caf::unit_t> self, node_handle of,
                                        std::shared_ptr<std::atomic<int>> resolved) {
  return {
      [=](create_index_request& r) { return self->delegate(of, std::move(r)); },
      [=](delete_index_request& r) { return self->delegate(of, std::move(r)); },
      [=](list_atom a) { return self->delegate(of, a); },
      [=](resolve_atom a, const std::string& index) {
        ++*resolved;
        return self->delegate(of, a, index);
      },
      [](const resync_request&) {
        return resync_reply{1, true};
      },
      [=](const drain_request& r) { return self->delegate(of, r); },
      [=](restore_request& r) { return self->delegate(of, std::move(r)); },
      [=](status_atom a) { return self->delegate(of, a); },
      [=](shutdown_atom a) { return self->delegate(of, a); },
  };
}

TEST_F(client_test, forgets_an_index_that_another_copy_takes_the_place_of) {
  running_node node(folder.path());
  const auto resolved = std::make_shared<std::atomic<int>>(0);
  auto& there = node.system();
  const auto copying = there.spawn(copying_node, node.handle(), resolved);
  const auto port = there.middleman().publish(copying, 0, "127.0.0.1");
  ASSERT_TRUE(port);
  client c(system, options_for(*port));
  c.create_index({"music", false, {}});
  EXPECT_EQ(c.info("music").num_documents, 0u);
  EXPECT_EQ(c.info("music").num_documents, 0u);
  EXPECT_EQ(*resolved, 1);
  c.resync({"music", "1/2", 1'000});
  EXPECT_EQ(c.subscribe("music", [](const load_progress&) { return true; }).state, index_state::ready);
  EXPECT_EQ(*resolved, 2);
  caf::anon_send_exit(copying, caf::exit_reason::user_shutdown);
}

TEST_F(client_test, bounds_the_requests_that_wait) {
  test::tcp_listener silent;
  auto o = options_for(silent.port());
  o.connect_timeout = 200ms;
  o.max_pending = 3;
  client c(system, o);
  update_pipeline pipeline(c, "music", 5);
  for (document_id id = 1; id <= 5; id++) pipeline.send(inserting(id, first));
  std::vector<errc> codes;
  for (int i = 0; i < 5; i++) codes.push_back(error_of([&] { pipeline.receive(); }).code());
  EXPECT_EQ(codes, (std::vector<errc>{errc::unreachable, errc::unreachable, errc::unreachable, errc::overloaded,
                                      errc::overloaded}));
}

}  // namespace
}  // namespace fp
