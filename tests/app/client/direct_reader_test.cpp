#include "app/client/direct_reader.hpp"

#include <gmock/gmock.h>

#include "app/support/system_config.hpp"
#include "messages/error.hpp"
#include "tests/core/support/error_of.hpp"

namespace fp {
namespace {

using namespace std::chrono_literals;
using test::error_of;
using testing::HasSubstr;

search_reply reply_of_version(commit_id version) {
  search_reply r;
  r.version = version;
  return r;
}

struct late_answer {
  caf::typed_response_promise<search_reply> promise;
};

/// Answers searches by the number of hashes: 1 with version 1, 2 not before the next search, 3 with an error of
/// fpnode, 4 by ending. Calls `silent` when it does not answer.
caf::behavior some_index(caf::stateful_actor<late_answer>* self, const std::function<void()>& silent) {
  return {[=](const search_request& r) -> caf::result<search_reply> {
    auto& late = self->state.promise;
    if (late.pending()) late.deliver(reply_of_version(2));
    if (r.query.size() == 2) {
      late = self->make_response_promise<search_reply>();
      silent();
      return late;
    }
    if (r.query.size() == 3) return make_error(errc::payload_too_large, "three are too many");
    if (r.query.size() == 4) {
      self->quit();
      return caf::sec::request_receiver_down;
    }
    return reply_of_version(1);
  }};
}

search_request search_of(size_t n) {
  search_request r;
  r.query = std::vector<hash_value>(n, 7);
  r.timeout_ms = 0;
  return r;
}

class direct_reader_test : public testing::Test {
 protected:
  direct_reader_test() { options.request_timeout = 10s; }
  ~direct_reader_test() override { caf::anon_send_exit(actor, caf::exit_reason::kill); }

  std::optional<search_reply> read(size_t num_hashes) {
    return reader.read<search_reply>("a", search_of(num_hashes));
  }

  system_config settings{1};
  caf::actor_system system{settings};
  std::function<void()> silent = [] {};
  caf::actor actor = system.spawn(some_index, [this] { silent(); });
  index_handle index = caf::actor_cast<index_handle>(actor);
  client_options options;
  direct_reader reader{system, options};
};

TEST_F(direct_reader_test, asks_only_what_is_open) {
  EXPECT_FALSE(read(1));
  reader.line()->open("b", index);
  EXPECT_FALSE(read(1));
  reader.line()->open("a", index);
  ASSERT_TRUE(read(1));
  EXPECT_EQ(read(1)->version, 1u);
  reader.line()->close("a");
  EXPECT_FALSE(read(1));
  reader.line()->open("a", index);
  reader.line()->close_all();
  EXPECT_FALSE(read(1));
}

TEST_F(direct_reader_test, throws_the_error_of_the_index) {
  reader.line()->open("a", index);
  const auto e = error_of([&] { read(3); });
  EXPECT_EQ(e.code(), errc::payload_too_large);
  EXPECT_STREQ(e.what(), "three are too many");
  EXPECT_EQ(read(1)->version, 1u);
}

TEST_F(direct_reader_test, gives_up_in_time_and_takes_no_late_answer_for_the_next_one) {
  options.request_timeout = 20ms;
  reader.line()->open("a", index);
  const auto e = error_of([&] { read(2); });
  EXPECT_EQ(e.code(), errc::request_timeout);
  EXPECT_THAT(e.what(), HasSubstr(options.address()));
  options.request_timeout = 10s;
  EXPECT_EQ(read(1)->version, 1u);
  EXPECT_EQ(read(1)->version, 1u);
}

TEST_F(direct_reader_test, is_told_that_the_index_was_closed_while_it_waits) {
  options.request_timeout = 1h;
  for (const bool all : {false, true}) {
    reader.line()->open("a", index);
    silent = [this, all] { all ? reader.line()->close_all() : reader.line()->close("a"); };
    EXPECT_FALSE(read(2));
    reader.line()->open("a", index);
    EXPECT_EQ(read(1)->version, 1u);
  }
}

TEST_F(direct_reader_test, leaves_an_index_that_ended) {
  reader.line()->open("a", index);
  EXPECT_FALSE(read(4));
  EXPECT_FALSE(reader.line()->find("a"));
}

TEST_F(direct_reader_test, does_not_expect_an_answer_of_an_index_that_was_replaced) {
  const auto& line = reader.line();
  line->open("a", index);
  const auto other = system.spawn(some_index, [] {});
  line->open("a", caf::actor_cast<index_handle>(other));
  caf::scoped_actor self{system};
  const auto me = caf::actor_cast<caf::strong_actor_ptr>(self);
  EXPECT_FALSE(line->expect("a", index, me, caf::make_message_id(7)));
  EXPECT_TRUE(line->expect("a", caf::actor_cast<index_handle>(other), me, caf::make_message_id(7)));
  line->close("b");
  EXPECT_TRUE(line->done());
  EXPECT_FALSE(line->done());
  EXPECT_TRUE(line->expect("a", caf::actor_cast<index_handle>(other), me, caf::make_message_id(7)));
  line->close("a");
  EXPECT_FALSE(line->done());
  EXPECT_TRUE(self->await_data(caf::blocking_actor::timeout_type::clock::now()));
  caf::anon_send_exit(other, caf::exit_reason::kill);
}

}  // namespace
}  // namespace fp
