#include "app/line/line_session.hpp"

#include <gtest/gtest.h>

#include "core/search/search_limits.hpp"

namespace fp {
namespace {

/// A change as text: "5:1,2" or "name=value".
std::vector<std::string> changes_of(const std::vector<uint8_t>& bytes) {
  std::vector<std::string> out;
  changes_reader reader(bytes);
  change_view c;
  while (reader.next(c)) {
    std::string text;
    if (c.kind == change_kind::set_metadata) {
      text.append(c.key).append("=").append(c.value);
    } else {
      text = std::to_string(c.id);
      for (size_t i = 0; i < c.num_hashes(); i++) text.append(i == 0 ? ":" : ",").append(std::to_string(c.hash(i)));
    }
    out.push_back(std::move(text));
  }
  return out;
}

class line_session_test : public ::testing::Test {
 protected:
  /// The answer to a line that needs no work.
  std::string say(std::string_view line) {
    std::string out;
    const auto work = session.take(line, out);
    EXPECT_FALSE(work) << line;
    return out;
  }
  /// The work of a line that has no answer yet.
  template <class Work>
  Work work(std::string_view line) {
    std::string out;
    auto w = session.take(line, out);
    EXPECT_EQ(out, "");
    if (!w || !std::holds_alternative<Work>(*w)) {
      ADD_FAILURE() << line << " is other work, or none";
      return {};
    }
    return std::get<Work>(std::move(*w));
  }
  std::string finish(line_answer a) {
    std::string out;
    session.finish(a, out);
    return out;
  }

  line_limits limits{.max_transaction_bytes = 1000, .max_attribute_bytes = 20};
  std::shared_ptr<byte_budget> budget = std::make_shared<byte_budget>(2000);
  line_session session{limits, budget};
};

TEST_F(line_session_test, an_empty_line_is_fine) { EXPECT_EQ(say(""), "OK \r\n"); }

TEST_F(line_session_test, echo_returns_the_words_as_they_are) {
  EXPECT_EQ(say("echo"), "OK \r\n");
  EXPECT_EQ(say("echo "), "OK \r\n");
  EXPECT_EQ(say("echo a b c"), "OK a b c\r\n");
  EXPECT_EQ(say("echo  a  b "), "OK  a  b \r\n");
  EXPECT_EQ(say(std::string_view("echo \0\xff", 7)), std::string_view("OK \0\xff\r\n", 7));
}

TEST_F(line_session_test, refuses_what_is_no_command) {
  for (const std::string_view line :
       {"foo", "ECHO a", " echo a", " ", "echo\ta", "search,1", "get\0", "\xff\xfe", "attribute"}) {
    EXPECT_EQ(say(line), line == "get\0" ? "ERR expected one argument\r\n" : "ERR unknown command\r\n") << line;
  }
  EXPECT_EQ(say(std::string_view("\0echo", 5)), "ERR unknown command\r\n");
}

TEST_F(line_session_test, search_takes_signed_and_unsigned_hashes) {
  const auto wish = work<line_search>("search 1,-1,4294967295,-2147483648,0");
  EXPECT_EQ(wish.query, (std::vector<hash_value>{1, 0xffffffff, 0xffffffff, 0x80000000, 0}));
  EXPECT_EQ(wish.max_results, 500u);
  EXPECT_EQ(wish.top_score_percent, 10u);
  EXPECT_EQ(wish.timeout_ms, 0u);
  EXPECT_EQ(finish({true, "7:3 9:1"}), "OK 7:3 9:1\r\n");
}

TEST_F(line_session_test, search_refuses_other_arguments) {
  EXPECT_EQ(say("search"), "ERR expected one argument\r\n");
  EXPECT_EQ(say("search 1 2"), "ERR expected one argument\r\n");
  EXPECT_EQ(say("search 1, 2"), "ERR expected one argument\r\n");
  EXPECT_EQ(say("search "), "ERR empty fingerprint\r\n");
  for (const char* hashes : {",", "1,", ",1", "1,,2", "x", "1;2", "1.5", "--1", "-", "+1", "4294967296",
                             "-2147483649", "{1,2}", "[1]", "1\t2", "0x10", "99999999999999999999"}) {
    EXPECT_EQ(say("search " + std::string(hashes)), "ERR invalid fingerprint\r\n") << hashes;
  }
}

TEST_F(line_session_test, a_failed_search_says_why_or_that) {
  work<line_search>("search 1");
  EXPECT_EQ(finish({false, "timeout exceeded"}), "ERR timeout exceeded\r\n");
  work<line_search>("search 1");
  EXPECT_EQ(finish({}), "ERR search failed\r\n");
  work<line_search>("search 1");
  EXPECT_EQ(finish({false, "why\r\nOK forged"}), "ERR why  OK forged\r\n");
}

TEST_F(line_session_test, a_transaction_is_one_commit_in_order) {
  EXPECT_EQ(say("begin"), "OK \r\n");
  EXPECT_EQ(say("insert 5 1,-1"), "OK \r\n");
  EXPECT_EQ(say("set max_document_id 7"), "OK \r\n");
  EXPECT_EQ(say("insert 4294967295 3"), "OK \r\n");
  EXPECT_EQ(say("set attribute a b"), "OK \r\n");
  EXPECT_EQ(say("insert 5 2"), "OK \r\n");
  const auto wish = work<line_commit>("commit");
  EXPECT_EQ(changes_of(*wish.changes),
            (std::vector<std::string>{"5:1,4294967295", "max_document_id=7", "4294967295:3", "a=b", "5:2"}));
  EXPECT_EQ(finish({true, ""}), "OK \r\n");
  EXPECT_EQ(say("commit"), "ERR not in transaction\r\n");
  EXPECT_EQ(budget->used(), 0u);
}

TEST_F(line_session_test, only_a_transaction_can_be_written_or_ended) {
  for (const char* line :
       {"insert 1 1", "commit", "rollback", "optimize", "cleanup", "set a b", "set attribute a b"}) {
    EXPECT_EQ(say(line), "ERR not in transaction\r\n") << line;
  }
  EXPECT_EQ(say("begin"), "OK \r\n");
  EXPECT_EQ(say("begin"), "ERR already in transaction\r\n");
  EXPECT_EQ(say("optimize"), "OK \r\n");
  EXPECT_EQ(say("cleanup"), "OK \r\n");
  EXPECT_EQ(say("rollback"), "OK \r\n");
  EXPECT_EQ(say("rollback"), "ERR not in transaction\r\n");
}

TEST_F(line_session_test, insert_refuses_other_arguments_and_keeps_the_transaction) {
  say("begin");
  EXPECT_EQ(say("insert"), "ERR expected two arguments\r\n");
  EXPECT_EQ(say("insert 1"), "ERR expected two arguments\r\n");
  EXPECT_EQ(say("insert 1 2 3"), "ERR expected two arguments\r\n");
  for (const char* id : {"0", "", "x", "-1", "+1", "1.0", "4294967296", "1,2"}) {
    EXPECT_EQ(say("insert " + std::string(id) + " 1"), "ERR invalid document id\r\n") << id;
  }
  EXPECT_EQ(say("insert 0 x"), "ERR invalid document id\r\n");
  EXPECT_EQ(say("insert 1 "), "ERR empty fingerprint\r\n");
  EXPECT_EQ(say("insert 1 1,"), "ERR invalid fingerprint\r\n");
  EXPECT_EQ(say("insert 1 9"), "OK \r\n");
  EXPECT_EQ(changes_of(*work<line_commit>("commit").changes), std::vector<std::string>{"1:9"});
}

TEST_F(line_session_test, what_is_wrong_with_the_words_comes_before_the_transaction) {
  EXPECT_EQ(say("insert 1"), "ERR expected two arguments\r\n");
  EXPECT_EQ(say("insert 0 1"), "ERR invalid document id\r\n");
  EXPECT_EQ(say("insert 1 x"), "ERR invalid fingerprint\r\n");
  EXPECT_EQ(say("set a"), "ERR expected two arguments\r\n");
}

TEST_F(line_session_test, a_failed_commit_keeps_the_transaction) {
  say("begin");
  say("insert 1 1");
  work<line_commit>("commit");
  EXPECT_EQ(finish({}), "ERR commit failed\r\n");
  EXPECT_EQ(say("begin"), "ERR already in transaction\r\n");
  const auto again = work<line_commit>("commit");
  EXPECT_EQ(changes_of(*again.changes), std::vector<std::string>{"1:1"});
  EXPECT_EQ(finish({}), "ERR commit failed\r\n");
  say("insert 2 2");
  say("set a b");
  EXPECT_EQ(changes_of(*work<line_commit>("commit").changes), (std::vector<std::string>{"1:1", "2:2", "a=b"}));
  EXPECT_EQ(changes_of(*again.changes), std::vector<std::string>{"1:1"});
  EXPECT_EQ(finish({true, ""}), "OK \r\n");
  EXPECT_EQ(say("rollback"), "ERR not in transaction\r\n");
}

TEST_F(line_session_test, a_failed_commit_can_be_rolled_back) {
  say("begin");
  say("insert 1 1");
  work<line_commit>("commit");
  finish({});
  EXPECT_EQ(say("rollback"), "OK \r\n");
  EXPECT_EQ(budget->used(), 0u);
  say("begin");
  say("insert 2 2");
  EXPECT_EQ(changes_of(*work<line_commit>("commit").changes), std::vector<std::string>{"2:2"});
}

TEST_F(line_session_test, an_empty_commit_needs_no_work) {
  say("begin");
  EXPECT_EQ(say("commit"), "OK \r\n");
  EXPECT_EQ(say("commit"), "ERR not in transaction\r\n");
}

/// An insert of 100 hashes, which takes some 400 bytes.
std::string large_insert(int id) {
  std::string line = "insert " + std::to_string(id) + " 0";
  for (int i = 1; i < 100; i++) line += ",0";
  return line;
}

TEST_F(line_session_test, a_transaction_has_a_bound) {
  say("begin");
  EXPECT_EQ(say(large_insert(1)), "OK \r\n");
  EXPECT_EQ(say(large_insert(2)), "OK \r\n");
  EXPECT_EQ(say(large_insert(3)), "ERR commit failed: a transaction may hold 1000 bytes\r\n");
  EXPECT_EQ(say("insert 4 1"), "OK \r\n");
  const auto changes = work<line_commit>("commit").changes;
  EXPECT_EQ(changes_of(*changes).size(), 3u);
  EXPECT_LE(changes->size(), limits.max_transaction_bytes);
  // The same holds behind a failed commit.
  finish({});
  EXPECT_EQ(say(large_insert(3)), "ERR commit failed: a transaction may hold 1000 bytes\r\n");
}

TEST_F(line_session_test, attributes_count_for_the_bound) {
  say("begin");
  size_t taken = 0;
  while (say("set a b") == "OK \r\n") taken++;
  EXPECT_GT(taken, 3u);
  EXPECT_LT(taken, 100u);
}

TEST_F(line_session_test, transactions_have_a_bound_together) {
  std::string out;
  {
    line_session other(limits, budget);
    other.take("begin", out);
    other.take(large_insert(1), out);
    other.take(large_insert(2), out);
    EXPECT_EQ(out, "OK \r\nOK \r\nOK \r\n");
    line_session third(limits, budget);
    third.take("begin", out);
    third.take(large_insert(1), out);
    third.take(large_insert(2), out);
    say("begin");
    EXPECT_EQ(say(large_insert(1)),
              "ERR commit failed: other transactions hold all bytes that they may together\r\n");
    out.clear();
    third.take("rollback", out);
    EXPECT_EQ(out, "OK \r\n");
    EXPECT_EQ(say(large_insert(1)), "OK \r\n");
  }
  EXPECT_EQ(say(large_insert(2)), "OK \r\n");
  EXPECT_GT(budget->used(), 800u);
  EXPECT_LT(budget->used(), 900u);
  say("rollback");
  EXPECT_EQ(budget->used(), 0u);
}

TEST_F(line_session_test, session_attributes_take_effect_at_once) {
  EXPECT_EQ(say("get max_results"), "OK 500\r\n");
  EXPECT_EQ(say("get top_score_percent"), "OK 10\r\n");
  EXPECT_EQ(say("get timeout"), "OK 0\r\n");
  EXPECT_EQ(say("get attribute idle_timeout"), "OK 60000\r\n");
  EXPECT_EQ(say("set max_results 3"), "OK \r\n");
  EXPECT_EQ(say("set top_score_percent 100"), "OK \r\n");
  EXPECT_EQ(say("set attribute timeout 1500"), "OK \r\n");
  EXPECT_EQ(say("set attribute idle_timeout 20"), "OK \r\n");
  EXPECT_EQ(say("get attribute max_results"), "OK 3\r\n");
  EXPECT_EQ(say("get probes"), "OK 0\r\n");
  EXPECT_EQ(say("set probes 2"), "OK \r\n");
  EXPECT_EQ(session.idle_timeout().count(), 20);
  const auto wish = work<line_search>("search 1");
  EXPECT_EQ(wish.max_results, 3u);
  EXPECT_EQ(wish.top_score_percent, 100u);
  EXPECT_EQ(wish.timeout_ms, 1500u);
  EXPECT_EQ(wish.probes, 2u);
}

TEST_F(line_session_test, session_attributes_are_not_part_of_a_transaction) {
  say("begin");
  EXPECT_EQ(say("set max_results 3"), "OK \r\n");
  say("rollback");
  EXPECT_EQ(say("get max_results"), "OK 3\r\n");
}

TEST_F(line_session_test, max_results_is_at_most_what_a_search_gives) {
  EXPECT_EQ(say("set max_results 4294967295"), "OK \r\n");
  EXPECT_EQ(say("get max_results"), "OK " + std::to_string(max_search_limit) + "\r\n");
}

TEST_F(line_session_test, refuses_values_that_are_none) {
  for (const char* set : {"max_results 0", "max_results x", "max_results -1", "max_results ", "max_results 1x",
                          "max_results 4294967296", "top_score_percent 101", "timeout -1", "timeout 1.5",
                          "idle_timeout 0", "idle_timeout abc", "probes 3", "probes -1", "probes x"}) {
    EXPECT_EQ(say("set " + std::string(set)), "ERR invalid value\r\n") << set;
    EXPECT_EQ(say("set attribute " + std::string(set)), "ERR invalid value\r\n") << set;
  }
  EXPECT_EQ(say("get max_results"), "OK 500\r\n");
}

TEST_F(line_session_test, set_and_get_count_their_arguments) {
  for (const char* line :
       {"set", "set a", "set a b c", "set attribute", "set attribute a b c", "set max_results"}) {
    EXPECT_EQ(say(line), "ERR expected two arguments\r\n") << line;
  }
  for (const char* line : {"get", "get a b", "get attribute a b"}) {
    EXPECT_EQ(say(line), "ERR expected one argument\r\n") << line;
  }
  // An attribute may be called so.
  EXPECT_EQ(work<line_get>("get attribute").name, "attribute");
  finish({true, ""});
  say("begin");
  EXPECT_EQ(say("set attribute x"), "OK \r\n");
  EXPECT_EQ(say("get attribute"), "OK x\r\n");
}

TEST_F(line_session_test, index_attributes_come_from_the_index) {
  EXPECT_EQ(work<line_get>("get max_document_id").name, "max_document_id");
  EXPECT_EQ(finish({true, "12"}), "OK 12\r\n");
  EXPECT_EQ(work<line_get>("get attribute foo").name, "foo");
  EXPECT_EQ(finish({true, ""}), "OK \r\n");
  work<line_get>("get foo");
  EXPECT_EQ(finish({}), "ERR search failed\r\n");
}

TEST_F(line_session_test, a_transaction_sees_the_attributes_that_it_has_set) {
  say("begin");
  say("set max_document_id 5");
  say("set max_document_id 6");
  EXPECT_EQ(say("get max_document_id"), "OK 6\r\n");
  EXPECT_EQ(work<line_get>("get other").name, "other");
  finish({true, ""});
  say("rollback");
  work<line_get>("get max_document_id");
}

TEST_F(line_session_test, refuses_attributes_that_an_index_cannot_keep) {
  say("begin");
  EXPECT_EQ(say("set  x"), "ERR invalid value\r\n");
  EXPECT_EQ(say("set a \xff"), "ERR invalid value\r\n");
  EXPECT_EQ(say("set \xc3 a"), "ERR invalid value\r\n");
  EXPECT_EQ(say("set a " + std::string(20, 'x')), "ERR invalid value\r\n");
  EXPECT_EQ(say("set a " + std::string(19, 'x')), "OK \r\n");
  EXPECT_EQ(say("set \xc3\xbc "), "OK \r\n");
  EXPECT_EQ(changes_of(*work<line_commit>("commit").changes),
            (std::vector<std::string>{"a=" + std::string(19, 'x'), "\xc3\xbc="}));
}

TEST_F(line_session_test, an_attribute_cannot_forge_an_answer) {
  work<line_get>("get a");
  EXPECT_EQ(finish({true, "x\r\nERR y\n"}), "OK x  ERR y \r\n");
  say("begin");
  say("set a x\ry");
  EXPECT_EQ(say("get a"), "OK x y\r\n");
}

TEST_F(line_session_test, quit_ends_the_session_and_drops_the_transaction) {
  say("begin");
  say("insert 1 1");
  EXPECT_FALSE(session.is_over());
  EXPECT_EQ(say("quit"), "OK \r\n");
  EXPECT_TRUE(session.is_over());
  EXPECT_EQ(budget->used(), 0u);
}

TEST_F(line_session_test, an_end_from_outside_drops_the_transaction) {
  say("begin");
  say("insert 1 1");
  std::string out;
  session.end("timeout", out);
  EXPECT_EQ(out, "ERR timeout\r\n");
  EXPECT_TRUE(session.is_over());
  EXPECT_EQ(budget->used(), 0u);
}

TEST(byte_budget, gives_what_it_has) {
  byte_budget b(10);
  EXPECT_FALSE(b.take(11));
  EXPECT_FALSE(b.take(UINT64_MAX));
  EXPECT_TRUE(b.take(10));
  EXPECT_FALSE(b.take(1));
  EXPECT_TRUE(b.take(0));
  b.give_back(4);
  EXPECT_TRUE(b.take(4));
  EXPECT_EQ(b.used(), 10u);
}

}  // namespace
}  // namespace fp
