#include "app/asking/index_asker.hpp"

#include <gmock/gmock.h>

#include <caf/scheduler/test_coordinator.hpp>

#include "messages/types.hpp"
#include "tests/actors/support/test_system_config.hpp"

namespace fp {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

/// What the actors below do and count.
struct asker_scene {
  bool node_silent = false, index_silent = false;
  std::set<std::string> missing, closing;  ///< names of no index; indexes that refuse everything
  std::map<std::string, caf::actor> indexes;
  std::vector<std::string> resolved, asked;
  std::vector<caf::response_promise> kept;
};

caf::behavior asked_index(caf::event_based_actor* self, asker_scene* s, std::string name, int number) {
  return {[=](status_atom) -> caf::result<index_status> {
    s->asked.push_back(name + std::to_string(number));
    if (s->index_silent) {
      s->kept.push_back(self->make_response_promise());
      return caf::delegated<index_status>{};
    }
    if (s->closing.count(name + std::to_string(number)) > 0)
      return make_error(errc::shutting_down, "is being closed");
    index_status status;
    status.name = name;
    status.generation = static_cast<uint64_t>(number);
    return status;
  }};
}

caf::behavior asked_node(caf::event_based_actor* self, asker_scene* s) {
  return {[=](resolve_atom, const std::string& name) -> caf::result<index_handle> {
            s->resolved.push_back(name);
            if (s->node_silent) {
              s->kept.push_back(self->make_response_promise());
              return caf::delegated<index_handle>{};
            }
            if (s->missing.count(name) > 0) return make_error(errc::index_not_found, "none");
            if (s->indexes.count(name) == 0) s->indexes[name] = self->spawn(asked_index, s, name, 1);
            return caf::actor_cast<index_handle>(s->indexes[name]);
          },
          // Answers what it has kept by an index.
          [=](const std::string& name, bool) {
            for (auto& p : std::exchange(s->kept, {})) p.deliver(caf::actor_cast<index_handle>(s->indexes[name]));
          }};
}

struct asking_state {
  request_deadlines deadlines;
  node_handle node;
  index_asker<caf::stateful_actor<asking_state>*, index_handle> indexes;
  std::vector<std::string> heard, remembered;
};
using asking_actor = caf::stateful_actor<asking_state>;

using index_place = decltype(asking_state::indexes)::place;

caf::behavior asking(asking_actor* self, const caf::actor& node, index_place place) {
  auto* s = &self->state;
  s->node = caf::actor_cast<node_handle>(node);
  s->indexes.init(self, s->deadlines, s->node, 10s, place);
  s->indexes.observe([=](const std::string& index, const index_handle&) { s->remembered.push_back("+" + index); },
                     [=](const std::string& index, const index_handle&) { s->remembered.push_back("-" + index); });
  self->set_down_handler([=](const caf::down_msg& down) { s->indexes.forget(down.source); });
  return {[=](const std::string& index) {
            s->indexes.ask<index_status>(
                index, 1s,
                [=](const index_status& status) {
                  s->heard.push_back(status.name + std::to_string(status.generation));
                },
                [=](const caf::error& e, ask_phase phase) {
                  const std::string when = phase == ask_phase::asking ? "asking " : "resolving ";
                  s->heard.push_back(when + index + ": " + std::to_string(static_cast<int>(code_of(e))));
                },
                status_atom_v);
          },
          [=](expire_atom) { s->deadlines.expire(*self); }, [=](bool) { s->indexes.forget_all(); }};
}

std::string failure(const std::string& what, errc code) {
  return what + ": " + std::to_string(static_cast<int>(code));
}

class index_asker_test : public testing::Test {
 protected:
  index_asker_test() {
    scheduler().clock().current_time += 1h;
    run();
  }
  ~index_asker_test() override {
    for (const auto& [name, index] : scene_.indexes) caf::anon_send_exit(index, caf::exit_reason::kill);
    for (const auto& a : {node, client}) caf::anon_send_exit(a, caf::exit_reason::kill);
    run();
    scene_.indexes.clear();
    scene_.kept.clear();
    run();
  }
  caf::scheduler::test_coordinator& scheduler() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler());
  }
  void run() {
    while (scheduler().try_run_once()) {
    }
  }
  void send(const std::string& index) { caf::anon_send(client, index); }
  void advance(caf::timespan by) {
    scheduler().advance_time(by);
    run();
  }
  asking_state& state() {
    return dynamic_cast<asking_actor&>(*caf::actor_cast<caf::abstract_actor*>(client)).state;
  }
  /// Sends, runs, and returns all that was heard.
  std::vector<std::string> ask(const std::string& index) {
    send(index);
    run();
    return std::exchange(state().heard, {});
  }
  /// Another index takes the name.
  void replace(const std::string& name, int number) {
    scene_.indexes[name] = system.spawn(asked_index, &scene_, name, number);
  }

  test::test_system_config settings{true};
  caf::actor_system system{settings};
  asker_scene scene_;
  caf::actor node = system.spawn(asked_node, &scene_), client = system.spawn(asking, node, index_place::elsewhere);
};

TEST_F(index_asker_test, resolves_a_name_once) {
  EXPECT_THAT(ask("a"), ElementsAre("a1"));
  EXPECT_THAT(ask("b"), ElementsAre("b1"));
  EXPECT_THAT(ask("a"), ElementsAre("a1"));
  EXPECT_THAT(scene_.resolved, ElementsAre("a", "b"));
  EXPECT_THAT(state().remembered, ElementsAre("+a", "+b"));
}

TEST_F(index_asker_test, resolves_a_name_once_for_all_who_wait) {
  for (const auto name : {"a", "b", "a", "a"}) send(name);
  run();
  EXPECT_THAT(scene_.resolved, testing::UnorderedElementsAre("a", "b"));
  EXPECT_THAT(state().heard, testing::UnorderedElementsAre("a1", "a1", "a1", "b1"));
  EXPECT_EQ(state().indexes.num_waiting(), 0u);
  EXPECT_EQ(state().deadlines.size(), 0u);
}

TEST_F(index_asker_test, asks_again_for_a_name_that_there_was_not) {
  scene_.missing.insert("a");
  EXPECT_THAT(ask("a"), ElementsAre(failure("resolving a", errc::index_not_found)));
  scene_.missing.clear();
  EXPECT_THAT(ask("a"), ElementsAre("a1"));
}

TEST_F(index_asker_test, asks_the_index_that_has_the_name_now) {
  ask("a");
  scene_.closing.insert("a1");
  replace("a", 2);
  EXPECT_THAT(ask("a"), ElementsAre("a2"));
  EXPECT_THAT(scene_.resolved, ElementsAre("a", "a"));
  EXPECT_THAT(scene_.asked, ElementsAre("a1", "a1", "a2"));
  EXPECT_THAT(state().remembered, ElementsAre("+a", "-a", "+a"));
}

TEST_F(index_asker_test, asks_again_where_an_index_of_this_process_ends_before_it_looks_at_a_request) {
  for (const auto place : {index_place::this_process, index_place::elsewhere}) {
    caf::anon_send_exit(client, caf::exit_reason::kill);
    client = system.spawn(asking, node, place);
    replace("a", 1);
    EXPECT_THAT(ask("a"), ElementsAre("a1"));
    // Its end is in its mailbox before the request is.
    caf::anon_send_exit(scene_.indexes["a"], caf::exit_reason::user_shutdown);
    replace("a", 2);
    const auto again = place == index_place::this_process ? "a2" : failure("asking a", errc::unreachable);
    EXPECT_THAT(ask("a"), ElementsAre(again));
  }
}

TEST_F(index_asker_test, does_not_go_on_asking_an_index_that_is_being_closed) {
  scene_.closing.insert("a1");
  EXPECT_THAT(ask("a"), ElementsAre(failure("asking a", errc::shutting_down)));
  EXPECT_THAT(scene_.asked, ElementsAre("a1"));
  EXPECT_THAT(ask("a"), ElementsAre(failure("asking a", errc::shutting_down)));
  EXPECT_THAT(scene_.asked, ElementsAre("a1", "a1"));
  EXPECT_EQ(state().indexes.num_known(), 0u);
}

TEST_F(index_asker_test, forgets_an_index_that_ends) {
  ask("a");
  caf::anon_send_exit(std::exchange(scene_.indexes["a"], system.spawn(asked_index, &scene_, "a", 2)),
                      caf::exit_reason::user_shutdown);
  run();
  EXPECT_EQ(state().indexes.num_known(), 0u);
  EXPECT_THAT(ask("a"), ElementsAre("a2"));
}

TEST_F(index_asker_test, every_wait_ends) {
  scene_.index_silent = true;
  EXPECT_THAT(ask("a"), IsEmpty());
  advance(1s);
  EXPECT_THAT(std::exchange(state().heard, {}), ElementsAre(failure("asking a", errc::request_timeout)));
  EXPECT_EQ(state().indexes.num_known(), 1u);
  scene_.node_silent = true;
  send("b");
  send("b");
  run();
  EXPECT_EQ(state().indexes.num_waiting(), 2u);
  advance(10s);
  EXPECT_THAT(state().heard, ElementsAre(failure("resolving b", errc::request_timeout),
                                         failure("resolving b", errc::request_timeout)));
  EXPECT_EQ(state().indexes.num_waiting(), 0u);
  EXPECT_EQ(state().deadlines.size(), 0u);
}

TEST_F(index_asker_test, a_handle_of_a_node_that_is_gone_is_not_used) {
  EXPECT_THAT(ask("a"), ElementsAre("a1"));
  scene_.node_silent = true;
  send("b");
  run();
  caf::anon_send(client, true);
  run();
  EXPECT_EQ(state().indexes.num_known(), 0u);
  caf::anon_send(node, std::string("a"), true);
  run();
  EXPECT_THAT(state().heard, ElementsAre(failure("resolving b", errc::unreachable)));
  EXPECT_THAT(state().remembered, ElementsAre("+a", "-a"));
}

}  // namespace
}  // namespace fp
