#include "actors/search_router.hpp"
#include "actors/slice_replying.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <vector>

#include "tests/actors/support/following_fixture.hpp"

namespace fp {
namespace {

using namespace std::chrono_literals;

/// A connection to a member, as a test wants it to be.
struct member_link {
  enum class condition { well, silent, broken };

  node_handle node;
  std::vector<caf::scheduled_actor*> ends;  ///< one at each member that has it
  condition now_is = condition::well;
  std::vector<caf::typed_response_promise<slice_status>> unanswered;
  std::vector<std::function<void()>> held;  ///< questions of one that is silent
  std::vector<caf::typed_response_promise<document_reply>> documents;
  std::vector<caf::actor_addr> indexes;       ///< that have been found by it
  uint64_t asked = 0, messages = 0;           ///< searches, and what they came in
  std::function<void(slice_status&)> change;  ///< what it says

  /// A test answers outside of any worker, and the last one's is gone.
  void leave_workers() {
    for (auto* end : ends) end->context(nullptr);
  }
  /// What is unanswered fails, as a connection has it in the end.
  void give_up() {
    leave_workers();
    const auto error = make_error(errc::request_timeout, "no answer in time");
    for (auto& promise : std::exchange(unanswered, {})) promise.deliver(error);
    for (auto& promise : std::exchange(documents, {})) promise.deliver(error);
  }
};

/// What is sent to an index of the node at the other end.
caf::behavior linked_index(caf::stateful_actor<std::shared_ptr<member_link>>* self,
                           std::shared_ptr<member_link> link, index_handle index) {
  self->state = link;
  link->indexes.push_back(self->address());
  return {[=](slice_questions& asked) {
    link->asked += asked.questions.size();
    link->messages++;
    const auto asker = caf::actor_cast<caf::actor>(self->current_sender());
    if (link->now_is == member_link::condition::silent) {
      link->held.emplace_back([=] { caf::send_as(asker, index, asked); });
    } else if (link->now_is == member_link::condition::broken) {
      refuse_questions(self, asked, make_error(errc::unreachable, "the link is broken"));
    } else {
      caf::send_as(asker, index, std::move(asked));
    }
  }};
}

member_handle::behavior_type linked(member_handle::stateful_pointer<std::shared_ptr<member_link>> self,
                                    std::shared_ptr<member_link> link) {
  self->state = link;
  link->ends.push_back(self);
  const auto fails = [=] { return link->now_is == member_link::condition::broken || !link->node; };
  const auto error = [] { return make_error(errc::unreachable, "the link is broken"); };
  return {
      [=](resolve_atom, const std::string& index) -> caf::result<index_handle> {
        if (fails()) return error();
        auto promise = self->make_response_promise<index_handle>();
        self->request(link->node, caf::infinite, resolve_atom_v, index)
            .then(
                [=](const index_handle& h) mutable {
                  promise.deliver(caf::actor_cast<index_handle>(self->spawn(linked_index, link, h)));
                },
                [=](const caf::error& e) mutable { promise.deliver(e); });
        return promise;
      },
      [=](const std::string& index, const slice_document& asked) -> caf::result<document_reply> {
        if (fails()) return error();
        auto promise = self->make_response_promise<document_reply>();
        if (link->now_is == member_link::condition::silent) {
          link->documents.push_back(promise);
          return promise;
        }
        self->request(link->node, caf::infinite, resolve_atom_v, index)
            .then([=](const index_handle& h) mutable { promise.delegate(h, asked); },
                  [=](const caf::error& e) mutable { promise.deliver(e); });
        return promise;
      },
      [=](const std::string& index, slice_atom) -> caf::result<slice_status> {
        if (fails()) return error();
        auto promise = self->make_response_promise<slice_status>();
        if (link->now_is == member_link::condition::silent) {
          link->unanswered.push_back(promise);
          return promise;
        }
        auto answer = [=](slice_status s) mutable {
          if (link->change) link->change(s);
          promise.deliver(std::move(s));
        };
        self->request(link->node, caf::infinite, resolve_atom_v, index)
            .then(
                [=](const index_handle& h) mutable {
                  self->request(h, caf::infinite, slice_atom_v)
                      .then([answer](slice_status& s) mutable { answer(std::move(s)); },
                            [=](const caf::error& e) mutable { promise.deliver(e); });
                },
                [=](const caf::error& e) mutable { promise.deliver(e); });
        return promise;
      },
  };
}

class search_router_test : public test::following_fixture {
 protected:
  ~search_router_test() override {
    for (const auto& link : links_) {
      link->now_is = member_link::condition::broken;
      link->give_up();
    }
  }

  /// A cluster of members with these slices, each of which knows all others, and an index on it.
  void make(const std::vector<std::string>& slices) {
    for (size_t i = 0; i < slices.size(); ++i) links_.push_back(std::make_shared<member_link>());
    for (size_t i = 0; i < slices.size(); ++i) {
      settings.cluster.slice = slices[i];
      settings.cluster.node_name = "m" + std::to_string(i);
      cluster = {};
      for (size_t j = 0; j < slices.size(); ++j) {
        if (j != i) cluster.members.push_back({"m" + std::to_string(j) + ":1", system().spawn(linked, links_[j])});
      }
      const auto node = spawn_replica("m" + std::to_string(i));
      links_[i]->node = node;
      nodes_.push_back(node);
    }
    made(nodes_[0], "main");
    for (int i = 0; i < 3; ++i) soon();
  }
  index_handle at(size_t member) { return resolve(nodes_[member], "main"); }
  member_link& link(size_t to) { return *links_[to]; }

  /// Documents 1 to `count`, each with its own hash and one that all have.
  void fill(size_t writer, document_id count) {
    changes_encoder changes;
    for (document_id id = 1; id <= count; ++id) {
      const hash_value hashes[] = {id, 1'000'000};
      changes.insert(id, hashes);
    }
    update_request request;
    request.changes = changes.take();
    const auto written = ask<update_reply>(at(writer), request);
    soon();
    version_ = written.value().version;
    soon();
  }
  std::vector<document_id> all_found(size_t member) {
    auto request = query({1'000'000});
    request.limit = 1'000;
    request.min_version = version_;
    const auto reply = ask<search_reply>(at(member), request);
    soon();
    std::vector<document_id> ids;
    for (const auto& result : reply.value().results.to_vector()) ids.push_back(result.id);
    return ids;
  }
  static std::vector<document_id> up_to(document_id count) {
    std::vector<document_id> ids(count);
    for (document_id id = 1; id <= count; ++id) ids[id - 1] = id;
    return ids;
  }
  /// What another member would be told, in the order of its calls.
  std::vector<slice_reply> replies_to(const index_handle& index, const slice_questions& asked) {
    std::vector<slice_reply> all;
    const auto asker = system().spawn([&all](caf::event_based_actor*) -> caf::behavior {
      return {
          [&all](const slice_replies& come) { all.insert(all.end(), come.replies.begin(), come.replies.end()); }};
    });
    caf::send_as(asker, index, asked);
    run();
    std::ranges::sort(all, {}, &slice_reply::call);
    return all;
  }
  cluster_status status_at(size_t member) { return get<cluster_status>(at(member), cluster_atom_v); }

  std::vector<std::shared_ptr<member_link>> links_;
  std::vector<node_actor_handle> nodes_;
  commit_id version_ = 0;
};

TEST_F(search_router_test, finds_at_every_member_what_lies_on_all) {
  make({"1/3", "2/3", "3/3"});
  fill(1, 50);
  for (size_t m = 0; m < 3; ++m) {
    EXPECT_EQ(all_found(m), up_to(50)) << m;
    EXPECT_EQ(get<index_info>(at(m), index_info_request{}).num_documents, 50u);
  }
  uint64_t sum = 0;
  for (const auto& member : status_at(2).members) {
    EXPECT_EQ(member.failure, "");
    EXPECT_GT(member.slice.info.num_documents, 5u);
    sum += member.slice.info.num_documents;
  }
  EXPECT_EQ(sum, 50u);
}

TEST_F(search_router_test, finds_documents_where_they_lie) {
  make({"1/2", "2/2"});
  fill(0, 20);
  for (size_t m = 0; m < 2; ++m) {
    for (document_id id = 1; id <= 20; ++id) {
      EXPECT_EQ(get<document_reply>(at(m), document_request{id}).version, version_) << id;
    }
    for (document_id id = 21; id <= 40; ++id) {
      const auto missing = ask<document_reply>(at(m), document_request{id});
      run();
      EXPECT_EQ(missing.code(), errc::document_not_found);
    }
    const auto nobody = ask<document_reply>(at(m), document_request{0});
    run();
    EXPECT_EQ(nobody.code(), errc::invalid_document_id);
  }
  link(1).now_is = member_link::condition::broken;
  document_id of_other = 1;
  while (!slice(2, 2).contains(of_other)) of_other++;
  const auto lost = ask<document_reply>(at(0), document_request{of_other});
  // It may be there again within two seconds.
  for (int i = 0; i < 50; ++i) advance(50ms);
  EXPECT_EQ(lost.code(), errc::slice_unavailable);
  EXPECT_EQ(lost.text(), "slice 2/2: the link is broken");
  soon();
  const auto later = ask<document_reply>(at(0), document_request{of_other});
  run();
  EXPECT_EQ(later.code(), errc::slice_unavailable);
}

TEST_F(search_router_test, answers_batches_in_order) {
  make({"1/2", "2/2"});
  fill(0, 20);
  search_batch_request batch;
  for (document_id id = 1; id <= 20; ++id) batch.searches.push_back(query({id}));
  const auto replies = get<search_batch_reply>(at(1), batch).replies;
  ASSERT_EQ(replies.size(), 20u);
  for (document_id id = 1; id <= 20; ++id) EXPECT_EQ(replies[id - 1].results.to_vector().at(0).id, id);
  EXPECT_TRUE(get<search_batch_reply>(at(1), search_batch_request{}).replies.empty());
  batch.searches[7].query = {};
  const auto bad = ask<search_batch_reply>(at(1), batch);
  run();
  EXPECT_EQ(bad.code(), errc::empty_fingerprint);
}

TEST_F(search_router_test, goes_on_without_one_of_two_replicas) {
  make({"1/2", "2/2", "2/2"});
  fill(0, 40);
  link(1).now_is = member_link::condition::broken;
  EXPECT_EQ(all_found(0), up_to(40));
  link(1).now_is = member_link::condition::silent;
  EXPECT_EQ(all_found(0), up_to(40));
  link(1).now_is = member_link::condition::well;
  link(1).give_up();
  soon();
  link(2).now_is = member_link::condition::broken;
  soon();
  EXPECT_EQ(all_found(0), up_to(40));
}

TEST_F(search_router_test, looks_for_documents_without_one_of_two_replicas) {
  make({"1/2", "2/2", "2/2"});
  fill(0, 40);
  for (const size_t bad : {1, 2}) {
    link(bad).now_is = member_link::condition::silent;
    for (document_id id = 1; id <= 40; ++id) {
      document_request request{id};
      request.min_version = version_;
      const auto found = ask<document_reply>(at(0), request);
      for (int i = 0; i < 5; ++i) advance(50ms);
      EXPECT_EQ(found.value().version, version_) << id;
      const auto missing = ask<document_reply>(at(0), document_request{id + 40});
      for (int i = 0; i < 5; ++i) advance(50ms);
      EXPECT_EQ(missing.code(), errc::document_not_found);
    }
    link(bad).now_is = member_link::condition::well;
    link(bad).give_up();
    soon();
  }
}

TEST_F(search_router_test, names_the_slice_that_nobody_answers_for) {
  make({"1/2", "2/2"});
  fill(0, 10);
  link(1).now_is = member_link::condition::broken;
  for (int i = 0; i < 3; ++i) soon();
  const auto refused = ask<search_reply>(at(0), query({1}));
  run();
  EXPECT_EQ(refused.code(), errc::slice_unavailable);
  EXPECT_EQ(refused.text(), "slice 2/2: no replica answers");
  const auto status = status_at(0);
  EXPECT_EQ(status.fault, "nobody who answers holds slice 2/2");
  EXPECT_EQ(status.members[1].failure, "the link is broken");
  EXPECT_EQ(status.members[1].slice.slice, "2/2");
}

TEST_F(search_router_test, has_early_searches_wait_for_the_members_first_words) {
  make({"1/2", "2/2"});
  fill(0, 10);
  // The coordinator dies, and another router comes with the next one.
  link(1).now_is = member_link::condition::silent;
  test::kill(system(), state_of_node(nodes_[0]).indexes.at("main").coordinator);
  run();
  get<index_status>(at(0), reload_atom_v);
  run();
  auto request = query({1'000'000});
  request.limit = 100;
  const auto early = ask<search_reply>(at(0), request);
  run();
  EXPECT_FALSE(early.arrived());
  link(1).now_is = member_link::condition::well;
  const auto held = get<slice_status>(at(1), slice_atom_v);
  link(1).leave_workers();
  for (auto& promise : std::exchange(link(1).unanswered, {})) promise.deliver(held);
  run();
  EXPECT_EQ(early.value().results.size(), 10u);
}

TEST_F(search_router_test, does_not_ask_itself_by_another_name) {
  make({"1/2", "2/2"});
  // As when both run in containers whose addresses are mixed up.
  link(1).node = nodes_[0];
  soon();
  const auto status = status_at(0);
  EXPECT_EQ(status.members[1].failure, "it is this node itself");
  EXPECT_EQ(status.fault, "no slice holds the mixed ids 2147483648 to 4294967295");
}

TEST_F(search_router_test, asks_a_member_once_whatever_addresses_it_has) {
  make({"1/2", "2/2", "2/2"});
  link(2).node = nodes_[1];
  soon();
  const auto status = status_at(0);
  const auto failures =
      std::ranges::count(status.members, "it is another member, by another address", &member_status::failure);
  EXPECT_EQ(failures, 1);
  fill(0, 10);
  EXPECT_EQ(all_found(0), up_to(10));
}

TEST_F(search_router_test, is_answered_by_nobody_else_than_it_asks) {
  make({"1/2", "2/2"});
  fill(0, 10);
  const std::vector<std::pair<std::function<void(slice_target&)>, std::string>> wrong{
      {[](slice_target& t) { t.instance++; }, "index main: this is another member, or another start of it"},
      {[](slice_target& t) { t.generation = 9; }, "index main: generation 1 is here, asked for 9"},
      {[](slice_target& t) { t.slice = "1/2"; }, "index main: slice 2/2 is here, asked for 1/2"}};
  for (const auto& [change, why] : wrong) {
    slice_questions asked;
    asked.target = {state_of_node(nodes_[1]).setup.env->instance, 1, "2/2"};
    asked.questions = {{7, query({1})}, {8, query({2})}};
    const auto right = replies_to(at(1), asked);
    change(asked.target);
    const auto refused = replies_to(at(1), asked);
    const auto document = ask<document_reply>(at(1), slice_document{asked.target, document_request{1}});
    run();
    ASSERT_EQ(right.size(), 2u);
    ASSERT_EQ(refused.size(), 2u);
    for (size_t i = 0; i < 2; ++i) {
      EXPECT_EQ(right[i].call, 7 + i);
      EXPECT_FALSE(right[i].code);
      EXPECT_EQ(refused[i].call, 7 + i);
      EXPECT_EQ(refused[i].code, errc::index_not_ready);
      EXPECT_EQ(refused[i].reason, why);
    }
    EXPECT_EQ(document.text(), why);
  }
}

TEST_F(search_router_test, asks_others_at_once_when_a_member_gives_its_index_up) {
  make({"1/2", "2/2", "2/2"});
  fill(0, 20);
  EXPECT_EQ(all_found(0), up_to(20));
  for (const size_t gone : {1, 2}) link(gone).now_is = member_link::condition::silent;
  auto request = query({1'000'000});
  request.limit = 1'000;
  const auto reply = ask<search_reply>(at(0), request);
  run();
  EXPECT_FALSE(reply.succeeded());
  for (const size_t gone : {1, 2}) {
    link(gone).now_is = member_link::condition::well;
    for (const auto& index : std::exchange(link(gone).indexes, {}))
      caf::anon_send_exit(index, caf::exit_reason::user_shutdown);
  }
  // Both are found again, by new handles.
  run();
  advance(60ms);
  EXPECT_EQ(reply.value().results.to_vector().size(), 20u);
  EXPECT_EQ(status_at(0).members[1].in_flight + status_at(0).members[2].in_flight, 0u);
}

TEST_F(search_router_test, asks_a_member_many_things_in_few_messages) {
  make({"1/2", "2/2"});
  fill(0, 20);
  search_batch_request batch;
  for (int i = 0; i < 200; ++i) batch.searches.push_back(query({1'000'000}));
  for (const auto& reply : get<search_batch_reply>(at(0), batch).replies) {
    EXPECT_EQ(reply.results.to_vector().size(), 20u);
  }
  EXPECT_EQ(link(1).asked, 200u);
  EXPECT_LE(link(1).messages, 8u);
}

TEST_F(search_router_test, leaves_members_of_other_generations_and_states_alone) {
  make({"1/2", "2/2"});
  link(1).change = [](slice_status& s) { s.generation = 7; };
  soon();
  EXPECT_EQ(status_at(0).members[1].failure, "generation 7 is there, 1 here");
  link(1).change = [](slice_status& s) { s.slice = "9/2"; };
  soon();
  EXPECT_TRUE(status_at(0).members[1].failure.starts_with("slice 9/2")) << status_at(0).members[1].failure;
  link(1).change = [](slice_status& s) {
    s.state = index_state::failed;
    s.reason = "a segment is damaged";
  };
  soon();
  EXPECT_EQ(status_at(0).members[1].failure, "failed: a segment is damaged");
  EXPECT_EQ(status_at(0).fault, "nobody who answers holds slice 2/2");
}

TEST_F(search_router_test, stands_before_no_index_that_is_here_whole) {
  const auto node = spawn_replica("alone");
  const auto index = made(node, "main");
  const auto refused = ask<cluster_status>(index, cluster_atom_v);
  run();
  EXPECT_EQ(refused.code(), errc::bad_request);
  EXPECT_EQ(refused.text(), "index main is not in slices");
  EXPECT_EQ(get<slice_status>(index, slice_atom_v).slice, "1/1");
}

TEST_F(search_router_test, keeps_the_slice_that_is_here_until_another_is_fetched) {
  make({"1/2", "2/2"});
  fill(0, 30);
  auto& node = state_of_node(nodes_[1]);
  EXPECT_EQ(node.indexes.at("main").record.part, slice(2, 2));
  const_cast<environment&>(*node.setup.env).settings.cluster.slice = "1/2";
  get<resync_reply>(node_handle(nodes_[1]), resync_request{"main", {}, 0});
  for (int i = 0; i < 5; ++i) soon();
  EXPECT_EQ(node.indexes.at("main").record.part, slice(1, 2));
  EXPECT_EQ(status_at(0).fault, "no slice holds the mixed ids 2147483648 to 4294967295");
  const auto held = get<slice_status>(at(1), slice_atom_v).info.num_documents;
  EXPECT_EQ(held, get<slice_status>(at(0), slice_atom_v).info.num_documents);
}

TEST_F(search_router_test, a_slice_is_cut_out_of_what_is_here) {
  make({"1/2", "2/2"});
  fill(0, 200);
  auto& node = state_of_node(nodes_[1]);
  const auto before = node.indexes.at("main").record.generation;
  const auto reply = ask<resync_reply>(node_handle(nodes_[1]), resync_request{"main", "3/4", 60'000});
  run();
  EXPECT_TRUE(reply.succeeded()) << "when it has taken the place of the other one";
  EXPECT_EQ(node.indexes.at("main").record.part, slice(3, 4));
  EXPECT_GT(node.indexes.at("main").record.generation, before);
  soon();
  uint64_t expected = 0;
  for (document_id id = 1; id <= 200; ++id) expected += slice(3, 4).contains(id);
  const auto held = get<slice_status>(at(1), slice_atom_v);
  EXPECT_EQ(held.slice, "3/4");
  EXPECT_EQ(held.info.num_documents, expected);
  EXPECT_EQ(held.info.version, version_);
  EXPECT_EQ(get<index_status>(at(1), status_atom_v).replica.slice, "3/4");
  // There is nobody who holds the rest of it.
  const auto wrong = ask<resync_reply>(node_handle(nodes_[1]), resync_request{"main", "5/4", 0});
  run();
  EXPECT_EQ(wrong.code(), errc::bad_request);
}

TEST_F(search_router_test, whoever_asks_for_an_index_that_is_replaced_gets_one_that_is_loaded) {
  make({"1/2", "2/2"});
  fill(0, 200);
  auto& indexes = state_of_node(nodes_[1]).indexes;
  const auto taken = ask<resync_reply>(node_handle(nodes_[1]), resync_request{"main", "3/4", 60'000});
  while (!indexes.at("main").waiting) ASSERT_TRUE(step());
  const auto resolved = ask<index_handle>(node_handle(nodes_[1]), resolve_atom_v, "main");
  while (!resolved.succeeded()) ASSERT_TRUE(step());
  EXPECT_EQ(indexes.at("main").record.part, slice(3, 4));
  EXPECT_EQ(state_in<index_coordinator_state>(indexes.at("main").coordinator).state, index_state::ready);
  EXPECT_FALSE(indexes.at("main").waiting);
  run();
  EXPECT_TRUE(taken.succeeded());
}

TEST_F(search_router_test, asks_a_drained_member_only_what_nobody_else_answers) {
  make({"1/2", "2/2", "2/2"});
  fill(0, 40);
  EXPECT_FALSE(get<drain_reply>(node_handle(nodes_[1]), drain_request{true}).was_on);
  EXPECT_TRUE(get<node_status>(node_handle(nodes_[1]), status_atom_v).is_draining);
  soon();
  EXPECT_TRUE(status_at(0).members[1].slice.is_draining);
  const auto before = link(1).asked;
  for (int i = 0; i < 20; ++i) EXPECT_EQ(all_found(0), up_to(40));
  EXPECT_EQ(link(1).asked, before);
  link(2).now_is = member_link::condition::broken;
  EXPECT_EQ(all_found(0), up_to(40));
  EXPECT_GT(link(1).asked, before);
  EXPECT_TRUE(get<drain_reply>(node_handle(nodes_[1]), drain_request{false}).was_on);
  soon();
  EXPECT_FALSE(status_at(0).members[1].slice.is_draining);
}

TEST_F(search_router_test, answers_in_part_only_who_asks_so) {
  make({"1/2", "2/2"});
  fill(0, 40);
  link(1).now_is = member_link::condition::broken;
  auto request = query({1'000'000});
  request.limit = 100;
  request.allow_partial = true;
  for (int i = 0; i < 2; ++i) {
    const auto part = ask<search_reply>(at(0), request);
    run();
    EXPECT_EQ(part.value().missing, (std::vector<std::string>{"2/2"}));
    for (const auto& found : part.value().results.to_vector()) EXPECT_TRUE(slice(1, 2).contains(found.id));
    soon();
  }
  link(1).now_is = member_link::condition::well;
  soon();
  const auto whole = get<search_reply>(at(0), request);
  EXPECT_TRUE(whole.missing.empty());
  EXPECT_EQ(whole.results.size(), 40u);
}

}  // namespace
}  // namespace fp
