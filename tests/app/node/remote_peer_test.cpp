#include <gtest/gtest.h>

#include <caf/all.hpp>
#include <caf/io/middleman.hpp>
#include <vector>

#include "core/commit/changes.hpp"
#include "tests/app/support/running_node.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp {
namespace {

using namespace std::chrono_literals;

constexpr auto patience = 60s;

const std::vector<hash_value> hashes{11, 12, 13, 14, 15};

/// A node with an index, and another actor system that is connected to it.
class remote_peer : public testing::Test {
 protected:
  void SetUp() override {
    const auto connected = peer_.middleman().remote_actor<node_handle>("127.0.0.1", served_.port());
    ASSERT_TRUE(connected) << to_string(connected.error());
    node_ = *connected;
    ask<create_index_reply>(node_, create_index_request{"music", false, {}});
    index_ = ask<index_handle>(node_, resolve_atom_v, std::string("music"));
    changes_encoder changes;
    changes.insert(1, hashes);
    update_request request;
    request.changes = changes.take();
    request.ready_wait_ms = 60'000;
    ask<update_reply>(index_, request);
  }

  template <class Reply, class Handle, class... Ts>
  Reply ask(const Handle& whom, const Ts&... message) {
    Reply reply;
    self_->request(whom, patience, message...)
        .receive([&](Reply& r) { reply = std::move(r); },
                 [](const caf::error& e) { ADD_FAILURE() << "no answer: " << text_of(e); });
    return reply;
  }

  static search_request search() {
    search_request r;
    r.query = hashes;
    r.min_score = 1;
    r.score_pct = 0;
    r.timeout_ms = 0;
    return r;
  }

  /// All that a peer may try on a handle.
  template <class Handle>
  void attack(const Handle& victim) {
    const auto anyone = caf::actor_cast<caf::actor>(victim);
    for (const auto reason : {caf::exit_reason::kill, caf::exit_reason::user_shutdown, caf::exit_reason::normal}) {
      caf::anon_send_exit(anyone, reason);
      self_->send_exit(anyone, reason);
    }
    // In the names of others, and about them. Only of its own end may a peer tell.
    for (const auto& name : {node_.address(), index_.address()}) {
      caf::anon_send(anyone, caf::exit_msg{name, caf::exit_reason::kill});
      self_->send(anyone, caf::exit_msg{name, caf::exit_reason::kill});
      caf::anon_send(anyone, caf::down_msg{name, caf::exit_reason::kill});
      self_->send(anyone, caf::down_msg{name, caf::exit_reason::kill});
    }
    peer_.spawn([anyone](caf::event_based_actor* self) {
      self->link_to(anyone);
      self->quit(caf::exit_reason::kill);
    });
  }

  void expect_well() {
    EXPECT_EQ(ask<index_status>(index_, status_atom_v).state, index_state::ready);
    EXPECT_EQ(ask<search_reply>(index_, search()).results.size(), 1u);
    // The same actor, not one in its place.
    EXPECT_EQ(ask<index_handle>(node_, resolve_atom_v, std::string("music")), index_);
    EXPECT_EQ(ask<index_list>(node_, list_atom_v).indexes.size(), 1u);
  }

  test::temporary_folder folder_;
  test::running_node served_{folder_.path()};
  system_config settings_{1};
  caf::actor_system peer_{settings_};
  caf::scoped_actor self_{peer_};
  node_handle node_;
  index_handle index_;
};

TEST_F(remote_peer, cannot_end_the_node) {
  attack(node_);
  expect_well();
}

TEST_F(remote_peer, cannot_end_an_index) {
  attack(index_);
  expect_well();
}

TEST_F(remote_peer, cannot_end_either_during_searches) {
  constexpr int rounds = 50;
  size_t found = 0;
  for (int i = 0; i < rounds; i++) {
    auto answer = self_->request(index_, patience, search());
    attack(i % 2 == 0 ? caf::actor_cast<caf::actor>(index_) : caf::actor_cast<caf::actor>(node_));
    answer.receive([&](const search_reply& r) { found += r.results.size(); },
                   [](const caf::error& e) { ADD_FAILURE() << text_of(e); });
  }
  EXPECT_EQ(found, static_cast<size_t>(rounds));
  expect_well();
}

TEST_F(remote_peer, cannot_end_who_answered_it) {
  // Answers to batches of searches come from actors that the peer was never given.
  caf::strong_actor_ptr searcher;
  auto asking = peer_.spawn([&searcher, this](caf::event_based_actor* self) {
    self->request(caf::actor_cast<caf::actor>(index_), patience, search_batch_request{{search()}})
        .then([&searcher, self](const search_batch_reply&) { searcher = self->current_sender(); },
              [](const caf::error&) {});
  });
  self_->wait_for(asking);
  ASSERT_TRUE(searcher);
  ASSERT_NE(searcher, caf::actor_cast<caf::strong_actor_ptr>(index_));
  attack(caf::actor_cast<caf::actor>(searcher));
  expect_well();
}

TEST_F(remote_peer, cannot_end_a_backup) {
  const auto backup = ask<snapshot_reply>(index_, snapshot_request{});
  attack(backup.stream);
  for (size_t bytes = 0;;) {
    const auto piece = ask<backup_piece>(backup.stream, next_atom_v);
    if (piece.bytes.empty()) {
      EXPECT_EQ(bytes, backup.num_bytes);
      break;
    }
    bytes += piece.bytes.size();
  }
  expect_well();
}

TEST_F(remote_peer, cannot_end_a_restore) {
  const auto restore = ask<restore_handle>(node_, restore_request{"copy"});
  attack(restore);
  const auto backup = ask<snapshot_reply>(index_, snapshot_request{});
  for (;;) {
    const auto piece = ask<backup_piece>(backup.stream, next_atom_v);
    if (piece.bytes.empty()) break;
    ask<done_atom>(restore, piece);
  }
  ask<restore_reply>(restore, finish_atom_v);
  EXPECT_EQ(ask<index_list>(node_, list_atom_v).indexes.size(), 2u);
}

}  // namespace
}  // namespace fp
