#include "app/api/load_waits.hpp"

#include <gtest/gtest.h>

#include <caf/all.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <optional>

#include "messages/types.hpp"
#include "tests/actors/support/test_system_config.hpp"

namespace fp {
namespace {

using namespace std::chrono_literals;

constexpr commit_id version_told = 7;

/// What the one index is like, and what it was asked.
struct load_scene {
  index_state state = index_state::loading;
  std::string replica;    ///< its state
  bool is_deaf = false;   ///< to questions of how it is
  size_t num_asked = 0;   ///< for a document
  size_t num_looked = 0;  ///< how it is
  std::vector<uint32_t> waits;
  std::vector<caf::response_promise> kept;
};

caf::error unready(const load_scene& s) {
  if (s.state == index_state::loading) return make_error(errc::index_not_ready, "it loads");
  if (s.state == index_state::failed) return make_error(errc::index_failed, "it has failed");
  return {};
}

caf::behavior index_that_loads(caf::event_based_actor* self, load_scene* s) {
  return {[=](const document_request&) -> caf::result<document_reply> {
            s->num_asked++;
            if (auto e = unready(*s)) return e;
            return document_reply{version_told};
          },
          [=](status_atom) -> caf::result<index_status> {
            s->num_looked++;
            if (s->is_deaf) {
              s->kept.push_back(self->make_response_promise());
              return caf::delegated<index_status>{};
            }
            index_status status;
            status.state = s->state;
            status.replica.state = s->replica;
            return status;
          },
          [=](const local_search&) -> caf::result<search_reply> {
            return make_error(errc::index_not_ready, "it loads");
          },
          [=](served_request r) -> caf::result<snapshot_ptr> {
            s->waits.push_back(r.ready_wait_ms);
            s->kept.push_back(self->make_response_promise());
            return caf::delegated<snapshot_ptr>{};
          },
          // Answers those that wait.
          [=](bool) {
            for (auto& p : std::exchange(s->kept, {})) {
              if (const auto e = unready(*s)) {
                p.deliver(e);
              } else {
                p.deliver(std::make_shared<const snapshot>());
              }
            }
          }};
}

caf::behavior node_of_one_index(caf::event_based_actor*, caf::actor index) {
  return {[=](resolve_atom, const std::string&) -> caf::result<index_handle> {
    return caf::actor_cast<index_handle>(index);
  }};
}

class load_waits_test : public ::testing::Test {
 protected:
  ~load_waits_test() override {
    for (const auto& a : {node_, index_}) caf::anon_send_exit(a, caf::exit_reason::kill);
    caf::anon_send_exit(bridge_, caf::exit_reason::kill);
    scheduler().run();
    scene_.kept.clear();
  }
  caf::scheduler::test_coordinator& scheduler() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(system_.scheduler());
  }

  struct outcome {
    std::optional<commit_id> version;
    std::optional<errc> failed;
    bool arrived() const { return version || failed; }
  };
  using outcome_ptr = std::shared_ptr<outcome>;
  outcome_ptr ask(std::chrono::milliseconds wait) {
    auto out = std::make_shared<outcome>();
    caf::anon_send(bridge_, bridge_call{[=, waits = waits_](bridge_state& b) {
                     waits->ask_index<document_reply>(
                         b, "a", wait, 1s, [=](const document_reply& reply) { out->version = reply.version; },
                         [=](const caf::error& e) { out->failed = code_of(e); }, document_request{1});
                   }});
    scheduler().run();
    return out;
  }
  void tell_waiting() {
    caf::anon_send(index_, true);
    scheduler().run();
  }
  /// The index loads no more, and tells those that wait for it.
  void end_load(index_state state) {
    scene_.state = state;
    tell_waiting();
  }

  test::test_system_config config_{true};
  caf::actor_system system_{config_};
  load_scene scene_;
  caf::actor index_ = system_.spawn(index_that_loads, &scene_);
  caf::actor node_ = system_.spawn(node_of_one_index, index_);
  bridge_handle bridge_ = system_.spawn(gateway_bridge, caf::actor_cast<node_handle>(node_));
  std::shared_ptr<load_waits> waits_ = std::make_shared<load_waits>(load_wait_limits{30s, 2, 100});
};

TEST_F(load_waits_test, end_with_the_load) {
  const auto waiting = ask(20s);
  EXPECT_FALSE(waiting->arrived());
  EXPECT_EQ(scene_.waits, std::vector<uint32_t>{20'000});
  end_load(index_state::ready);
  EXPECT_EQ(waiting->version, version_told);
  EXPECT_EQ(scene_.num_asked, 2u);
  // What is loaded is asked, and no more.
  EXPECT_EQ(ask(20s)->version, version_told);
  EXPECT_EQ(scene_.num_asked, 3u);
  EXPECT_EQ(scene_.num_looked, 1u);
}

TEST_F(load_waits_test, tell_of_a_load_that_fails) {
  const auto waiting = ask(20s);
  end_load(index_state::failed);
  EXPECT_EQ(waiting->failed, errc::index_failed);
  EXPECT_EQ(ask(20s)->failed, errc::index_failed);
  EXPECT_EQ(scene_.num_looked, 1u) << "a failed index is not waited for";
}

TEST_F(load_waits_test, that_are_too_long_end_with_the_first_answer) {
  const auto waiting = ask(20s);
  ASSERT_EQ(scene_.kept.size(), 1u);
  tell_waiting();
  EXPECT_EQ(waiting->failed, errc::index_not_ready);
  EXPECT_EQ(scene_.num_asked, 1u);
}

TEST_F(load_waits_test, end_where_the_index_does_not_answer) {
  const auto told = ask(20s);
  scene_.is_deaf = true;
  const auto untold = ask(20s);
  scheduler().advance_time(5min);
  scheduler().run();
  EXPECT_EQ(told->failed, errc::index_not_ready);
  EXPECT_EQ(untold->failed, errc::index_not_ready);
}

TEST_F(load_waits_test, are_only_for_who_may_wait) {
  EXPECT_EQ(ask(0s)->failed, errc::index_not_ready);
  EXPECT_EQ(scene_.num_looked, 0u);
}

TEST_F(load_waits_test, are_not_for_what_comes_from_elsewhere) {
  scene_.replica = "filling";
  EXPECT_EQ(ask(20s)->failed, errc::index_not_ready);
  EXPECT_TRUE(scene_.waits.empty());
}

TEST_F(load_waits_test, are_bounded_in_number) {
  const auto first = ask(20s), second = ask(20s);
  EXPECT_FALSE(first->arrived() || second->arrived());
  EXPECT_EQ(ask(20s)->failed, errc::index_not_ready);
  end_load(index_state::ready);
  EXPECT_TRUE(first->version && second->version);
  // Each has given its place back.
  scene_.state = index_state::loading;
  const auto third = ask(20s);
  EXPECT_FALSE(third->arrived());
  end_load(index_state::ready);
  EXPECT_TRUE(third->version);
}

TEST_F(load_waits_test, are_bounded_in_what_they_hold) {
  const auto search = [&](size_t num_hashes) {
    auto failed = std::make_shared<std::optional<errc>>();
    const auto request = std::make_shared<search_request>();
    request->query = std::vector<hash_value>(num_hashes, 1);
    caf::anon_send(bridge_, bridge_call{[=, waits = waits_](bridge_state& b) {
                     waits->ask_index<search_reply>(
                         b, "a", 20s, 1s, [](const search_reply&) {},
                         [=](const caf::error& e) { *failed = code_of(e); }, local_search{request, nullptr});
                   }});
    scheduler().run();
    return failed;
  };
  EXPECT_FALSE(*search(20));
  EXPECT_EQ(*search(6), errc::index_not_ready);
  EXPECT_FALSE(*search(5));
}

TEST_F(load_waits_test, of_searches_are_no_longer_than_these) {
  EXPECT_EQ(waits_->of_search(500), 500ms);
  EXPECT_EQ(waits_->of_search(40'000), 30s);
  EXPECT_EQ(waits_->of_search(0), 30s);
  EXPECT_EQ(load_waits().of_search(500), 0ms);
}

}  // namespace
}  // namespace fp
