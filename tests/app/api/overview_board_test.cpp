#include "app/api/overview_board.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <caf/all.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <nlohmann/json.hpp>
#include <optional>

#include "messages/types.hpp"
#include "tests/actors/support/test_system_config.hpp"

namespace fp {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using testing::ElementsAre;

/// What the actors below say and count.
struct board_scene {
  std::vector<std::string> names{"a", "b", "c"};
  std::string deaf;  ///< an index that takes requests and never answers
  bool node_deaf = false;
  int node_asked = 0, indexes_asked = 0;
  std::vector<caf::response_promise> kept;
};

caf::behavior board_index(caf::event_based_actor* self, board_scene* s, std::string name) {
  return {[=](status_atom) -> caf::result<index_status> {
    s->indexes_asked++;
    if (s->deaf == name) {
      s->kept.push_back(self->make_response_promise());
      return caf::delegated<index_status>{};
    }
    index_status status;
    status.name = name;
    status.state = index_state::ready;
    status.num_documents = 7;
    return status;
  }};
}

caf::behavior board_node(caf::event_based_actor* self, board_scene* s) {
  return {[=](status_atom) -> caf::result<node_status> {
            s->node_asked++;
            if (s->node_deaf) {
              s->kept.push_back(self->make_response_promise());
              return caf::delegated<node_status>{};
            }
            node_status status;
            status.version = "1.2.3";
            for (const auto& name : s->names) status.indexes.indexes.push_back({name, 1, index_state::loading, ""});
            return status;
          },
          [=](resolve_atom, const std::string& name) -> caf::result<index_handle> {
            return caf::actor_cast<index_handle>(self->spawn<caf::linked>(board_index, s, name));
          }};
}

class overview : public ::testing::Test {
 protected:
  ~overview() override {
    caf::anon_send_exit(node_, caf::exit_reason::kill);
    caf::anon_send_exit(bridge_, caf::exit_reason::kill);
    scheduler().run();
    scene_.kept.clear();
  }
  caf::scheduler::test_coordinator& scheduler() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(system_.scheduler());
  }
  void advance(caf::timespan by) {
    scheduler().advance_time(by);
    scheduler().run();
  }

  struct outcome {
    std::optional<json> body;
    std::optional<errc> failed;
  };
  using outcome_ptr = std::shared_ptr<outcome>;
  outcome_ptr ask(body_format format = body_format::json) {
    auto out = std::make_shared<outcome>();
    caf::anon_send(bridge_, bridge_call{[=, board = board_](bridge_state& b) {
                     board->get(
                         b, format,
                         [=](const std::string& body) {
                           out->body = format == body_format::json ? json::parse(body) : json::from_msgpack(body);
                         },
                         [=](const caf::error& e) { out->failed = code_of(e); });
                   }});
    return out;
  }

  test::test_system_config config_{true};
  caf::actor_system system_{config_};
  board_scene scene_;
  caf::actor node_ = system_.spawn(board_node, &scene_);
  bridge_handle bridge_ = system_.spawn(gateway_bridge, caf::actor_cast<node_handle>(node_));
  std::shared_ptr<overview_board> board_ = std::make_shared<overview_board>();
};

TEST_F(overview, tells_of_the_node_and_of_every_index) {
  const auto told = ask();
  scheduler().run();
  ASSERT_TRUE(told->body);
  EXPECT_EQ((*told->body)["node"]["version"], "1.2.3");
  std::vector<std::string> names;
  for (const auto& index : (*told->body)["indexes"]) {
    names.push_back(index["name"]);
    EXPECT_EQ(index["state"], "ready");
    EXPECT_EQ(index["num_docs"], 7);
    EXPECT_EQ(index["answered"], true);
  }
  EXPECT_THAT(names, ElementsAre("a", "b", "c"));
}

TEST_F(overview, says_the_same_in_both_formats) {
  const auto as_json = ask(), as_msgpack = ask(body_format::msgpack);
  scheduler().run();
  ASSERT_TRUE(as_json->body && as_msgpack->body);
  EXPECT_EQ(*as_json->body, *as_msgpack->body);
}

TEST_F(overview, is_gathered_once_for_all_who_ask_at_about_the_same_time) {
  const auto first = ask(), second = ask();
  scheduler().run();
  EXPECT_TRUE(first->body && second->body);
  const auto soon = ask();
  advance(100ms);
  EXPECT_TRUE(soon->body);
  EXPECT_EQ(scene_.node_asked, 1);
  EXPECT_EQ(scene_.indexes_asked, 3);
  advance(100ms);
  const auto later = ask();
  scheduler().run();
  EXPECT_TRUE(later->body);
  EXPECT_EQ(scene_.node_asked, 2);
  EXPECT_EQ(scene_.indexes_asked, 6);
}

TEST_F(overview, lists_an_index_that_does_not_answer_with_what_the_node_knows) {
  scene_.deaf = "b";
  const auto told = ask();
  scheduler().run();
  advance(1s);
  EXPECT_FALSE(told->body);
  advance(1s);
  ASSERT_TRUE(told->body);
  const auto& indexes = (*told->body)["indexes"];
  ASSERT_EQ(indexes.size(), 3u);
  EXPECT_EQ(indexes[0]["answered"], true);
  EXPECT_EQ(indexes[1]["answered"], false);
  EXPECT_EQ(indexes[1]["name"], "b");
  EXPECT_EQ(indexes[1]["state"], "loading");
  EXPECT_EQ(indexes[2]["answered"], true);
}

TEST_F(overview, fails_when_the_node_does_not_answer_and_works_again_when_it_does) {
  scene_.node_deaf = true;
  const auto told = ask();
  scheduler().run();
  advance(2s);
  EXPECT_EQ(told->failed, errc::overloaded);
  scene_.node_deaf = false;
  const auto again = ask();
  scheduler().run();
  EXPECT_TRUE(again->body);
}

TEST_F(overview, of_a_node_without_indexes_is_there_at_once) {
  scene_.names.clear();
  const auto told = ask();
  scheduler().run();
  ASSERT_TRUE(told->body);
  EXPECT_EQ((*told->body)["indexes"], json::array());
}

}  // namespace
}  // namespace fp
