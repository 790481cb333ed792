#include "app/line/line_server.hpp"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "core/base/error.hpp"
#include "tests/app/support/tcp_client.hpp"
#include "tests/core/support/error_of.hpp"

namespace fp {
namespace {

/// Answers work at once with what it was.
void answer_at_once(uint32_t, const line_work& work, const line_responder& respond) {
  if (const auto* s = std::get_if<line_search>(&work)) {
    respond({true, "searched " + std::to_string(s->query.front())});
  } else if (const auto* g = std::get_if<line_get>(&work)) {
    respond({true, "got " + g->name});
  } else {
    respond({true, ""});
  }
}

/// Keeps the work that it gets.
struct holding_line_server {
  struct held_work {
    line_work work;
    line_responder respond;
  };
  explicit holding_line_server(line_server_options o = {})
      : server(std::move(o), [this](uint32_t, line_work work, line_responder respond) {
          std::lock_guard lock(mutex);
          held.push_back({std::move(work), std::move(respond)});
          changed.notify_all();
        }) {}
  /// The next piece of work, when it comes.
  held_work take() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return !held.empty(); });
    auto first = std::move(held.front());
    held.erase(held.begin());
    return first;
  }
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<held_work> held;
  line_server server;
};

size_t count(std::string_view text, std::string_view part) {
  size_t n = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string_view::npos; at += part.size()) n++;
  return n;
}

std::string repeat(std::string_view text, size_t times) {
  std::string out;
  for (size_t i = 0; i < times; i++) out += text;
  return out;
}

TEST(line_server, accepts_both_line_ends) {
  line_server server({}, answer_at_once);
  test::tcp_client c(server.port());
  c.send("echo a\necho b\r\n\r\n\necho c\r\r\nquit\n");
  EXPECT_EQ(c.receive_all(), "OK a\r\nOK b\r\nOK \r\nOK \r\nOK c\r\r\nOK \r\n");
}

TEST(line_server, takes_a_line_byte_by_byte) {
  line_server server({}, answer_at_once);
  test::tcp_client c(server.port());
  for (const char b : std::string_view("search 12,3\r\n")) c.send(std::string_view(&b, 1));
  EXPECT_EQ(c.receive_until("\n"), "OK searched 12\r\n");
}

TEST(line_server, answers_what_is_behind_quit_with_closing) {
  line_server server({}, answer_at_once);
  test::tcp_client c(server.port());
  c.send("quit\necho a\n" + repeat("echo b\n", 1000));
  EXPECT_EQ(c.receive_all(), "OK \r\n");
}

TEST(line_server, answers_thousands_of_lines_in_order) {
  line_server server({.threads = 2}, answer_at_once);
  test::tcp_client c(server.port());
  std::thread writer([&] {
    std::string lines;
    for (int i = 0; i < 20'000; i++) {
      lines.append(i % 3 == 0 ? "echo searched " : "search ").append(std::to_string(i)).append("\n");
    }
    c.send(lines + "quit\n");
  });
  std::string expected;
  for (int i = 0; i < 20'000; i++) expected.append("OK searched ").append(std::to_string(i)).append("\r\n");
  EXPECT_TRUE(c.receive_all() == expected + "OK \r\n");
  writer.join();
}

TEST(line_server, deals_with_one_line_at_a_time) {
  holding_line_server s;
  test::tcp_client c(s.server.port());
  c.send("search 1\nget a\nbegin\ninsert 1 1\ncommit\necho end\nquit\n");
  s.take().respond({true, "1:1"});
  const auto get = s.take();
  EXPECT_EQ(std::get<line_get>(get.work).name, "a");
  {
    std::lock_guard lock(s.mutex);
    EXPECT_TRUE(s.held.empty());
  }
  get.respond({true, "b"});
  s.take().respond({});
  EXPECT_EQ(c.receive_all(), "OK 1:1\r\nOK b\r\nOK \r\nOK \r\nERR commit failed\r\nOK end\r\nOK \r\n");
}

TEST(line_server, an_answer_counts_once) {
  holding_line_server s;
  test::tcp_client c(s.server.port());
  c.send("search 1\nsearch 2\nquit\n");
  const auto first = s.take();
  first.respond({true, "a"});
  first.respond({true, "not this"});
  const auto second = s.take();
  first.respond({true, "nor this"});
  second.respond({true, "b"});
  EXPECT_EQ(c.receive_all(), "OK a\r\nOK b\r\nOK \r\n");
}

TEST(line_server, answers_for_handlers_that_do_not) {
  holding_line_server s;
  test::tcp_client c(s.server.port());
  c.send("search 1\nbegin\nset a b\ncommit\nquit\n");
  s.take();
  s.take();
  EXPECT_EQ(c.receive_all(), "ERR search failed\r\nOK \r\nOK \r\nERR commit failed\r\nOK \r\n");
}

TEST(line_server, answers_for_handlers_that_throw) {
  line_server server({}, [](uint32_t, const line_work&, const line_responder&) { throw std::runtime_error("x"); });
  test::tcp_client c(server.port());
  c.send("search 1\necho a\nquit\n");
  EXPECT_EQ(c.receive_all(), "ERR search failed\r\nOK a\r\nOK \r\n");
}

TEST(line_server, takes_a_line_of_the_longest_length) {
  line_server server({.max_line_bytes = 100'000}, answer_at_once);
  const std::string text(100'000 - 5, 'x');
  for (const char* end : {"\n", "\r\n"}) {
    test::tcp_client c(server.port());
    c.send("echo " + text + end + "echo a\nquit\n");
    EXPECT_EQ(c.receive_all(), "OK " + text + "\r\nOK a\r\nOK \r\n");
  }
}

TEST(line_server, refuses_a_longer_line_and_closes) {
  line_server server({.max_line_bytes = 100'000}, answer_at_once);
  for (const size_t more : {1u, 2u, 50'000u}) {
    test::tcp_client c(server.port());
    c.send("echo a\necho " + std::string(100'000 - 5 + more, 'x') + "\necho b\n");
    EXPECT_EQ(c.receive_all(), "OK a\r\nERR line too long\r\n") << more;
  }
}

TEST(line_server, refuses_a_line_without_end) {
  line_server server({.max_line_bytes = 10'000}, answer_at_once);
  test::tcp_client c(server.port());
  c.send(std::string(10'002, '\0'));
  EXPECT_EQ(c.receive_all(), "ERR line too long\r\n");
}

TEST(line_server, survives_garbage) {
  line_server server({}, answer_at_once);
  std::string garbage;
  uint32_t x = 1;
  for (int i = 0; i < 30'000; i++) garbage += static_cast<char>((x = x * 1664525 + 1013904223) >> 24);
  test::tcp_client c(server.port());
  c.send(garbage + "\necho still here\nquit\n");
  const auto answers = c.receive_all();
  EXPECT_TRUE(answers.ends_with("OK still here\r\nOK \r\n"));
  // One answer a line.
  EXPECT_EQ(count(answers, "ERR unknown command\r\n") + count(answers, "OK \r\n") + 1, count(garbage, "\n") + 3);
}

TEST(line_server, a_client_that_has_ended_sending_gets_all_answers) {
  holding_line_server s;
  test::tcp_client c(s.server.port());
  c.send("search 1\nsearch 2\nbegin\ninsert 1 1\ncommit\necho a\necho a part of a line");
  c.end_sending();
  s.take().respond({true, "1:1"});
  s.take().respond({true, "2:1"});
  s.take().respond({true, ""});
  EXPECT_EQ(c.receive_all(), "OK 1:1\r\nOK 2:1\r\nOK \r\nOK \r\nOK \r\nOK a\r\n");
}

TEST(line_server, tells_handlers_that_the_client_is_gone) {
  holding_line_server s;
  test::tcp_client c(s.server.port());
  c.send("search 1\n");
  const auto work = s.take();
  EXPECT_FALSE(work.respond.cancel()->load());
  c.close();
  // What another connection says is dealt with after the end of the first one was.
  while (!work.respond.cancel()->load()) {
    test::tcp_client other(s.server.port());
    other.send("search 2\n");
    s.take();
  }
  work.respond({true, "nobody reads this"});
}

TEST(line_server, calls_a_search_off_when_nobody_may_be_there) {
  holding_line_server s;
  test::tcp_client c(s.server.port());
  c.send("search 1\n");
  const auto work = s.take();
  c.end_sending();
  while (!work.respond.cancel()->load()) {
    test::tcp_client other(s.server.port());
    other.send("search 2\n");
    s.take();
  }
  work.respond({});
  EXPECT_EQ(c.receive_all(), "ERR search failed\r\n");
}

TEST(line_server, reads_no_further_than_its_bounds) {
  holding_line_server s;
  test::tcp_client c(s.server.port(), 16u << 10);
  c.send("search 1\n");
  const auto work = s.take();
  // The server's read-ahead and the kernel's buffers fill up, and then nothing is taken any more.
  const std::string lines = repeat("echo a\n", 10'000);
  size_t rounds = 0;
  while (rounds < 1'000 && c.send_some(lines)) rounds++;
  EXPECT_LT(rounds, 1'000u);
}

TEST(line_server, deals_with_nothing_while_answers_are_not_taken) {
  std::mutex mutex;
  std::condition_variable changed;
  size_t searches = 0;
  line_server server({}, [&](uint32_t, const line_work&, const line_responder& respond) {
    {
      std::lock_guard lock(mutex);
      searches++;
      changed.notify_all();
    }
    respond({true, std::string(100'000, 'x')});
  });
  test::tcp_client c(server.port(), 16u << 10);
  constexpr size_t lines = 2'000;  // 200 MB of answers
  c.send(repeat("search 1\n", lines) + "quit\n");
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return searches > 2; });
  }
  std::string some;
  while (some.size() < 300'000 && c.receive_some(some)) {
  }
  {
    std::lock_guard lock(mutex);
    EXPECT_LT(searches, lines / 2);
  }
  c.close();
}

TEST(line_server, closes_on_a_client_that_does_not_take_its_answers) {
  line_server server({.write_timeout = std::chrono::milliseconds(20)},
                     [&](uint32_t, const line_work&, const line_responder& respond) {
                       respond({true, std::string(1'000'000, 'x')});
                     });
  test::tcp_client c(server.port(), 16u << 10);
  c.send(repeat("search 1\n", 1'000));
  c.wait_for_reset();
  EXPECT_LT(c.receive_all().size(), 1'000u * 1'000'000);
}

TEST(line_server, closes_idle_connections_with_a_word) {
  line_server server({}, answer_at_once);
  test::tcp_client c(server.port());
  c.send("begin\nset idle_timeout 20\n");
  EXPECT_EQ(c.receive_all(), "OK \r\nOK \r\nERR timeout\r\n");
}

TEST(line_server, a_part_of_a_line_does_not_keep_a_connection) {
  line_server server({}, answer_at_once);
  test::tcp_client c(server.port());
  c.send("set idle_timeout 20\necho a");
  EXPECT_EQ(c.receive_all(), "OK \r\nERR timeout\r\n");
}

TEST(line_server, a_line_that_waits_for_its_answer_is_not_idle) {
  holding_line_server s;
  test::tcp_client c(s.server.port()), idle(s.server.port());
  c.send("set idle_timeout 10\nsearch 1\n");
  const auto work = s.take();
  // Another connection with a longer time runs out meanwhile.
  idle.send("set idle_timeout 100\n");
  EXPECT_EQ(idle.receive_all(), "OK \r\nERR timeout\r\n");
  work.respond({true, "1:1"});
  EXPECT_EQ(c.receive_all(), "OK \r\nOK 1:1\r\nERR timeout\r\n");
}

TEST(line_server, bounds_its_connections) {
  line_server server({.max_connections = 2}, answer_at_once);
  test::tcp_client a(server.port()), b(server.port());
  a.send("echo a\n");
  b.send("echo b\n");
  EXPECT_EQ(a.receive_until("\n"), "OK a\r\n");
  EXPECT_EQ(b.receive_until("\n"), "OK b\r\n");
  test::tcp_client c(server.port());
  EXPECT_EQ(c.receive_all(), "ERR too many connections\r\n");
  a.send("quit\n");
  EXPECT_EQ(a.receive_all(), "OK \r\n");
  a.close();
  // There is room again once the server has seen the end of the first.
  std::string answer;
  do {
    test::tcp_client d(server.port());
    d.send_some("echo d\nquit\n");
    answer = d.receive_all();
  } while (answer.find("OK d") == std::string::npos);
}

TEST(line_server, transactions_share_a_bound_and_give_it_back) {
  line_server server({.limits = {.max_transaction_bytes = 10'000}, .max_buffered_bytes = 10'000}, answer_at_once);
  const std::string insert = "insert 1 " + repeat("1,", 2'000) + "1\n";
  test::tcp_client a(server.port());
  a.send("begin\n" + insert);
  EXPECT_EQ(a.receive_until("OK \r\nOK \r\n"), "OK \r\nOK \r\n");
  {
    test::tcp_client b(server.port());
    b.send("begin\n" + insert + "quit\n");
    EXPECT_EQ(b.receive_all(),
              "OK \r\nERR commit failed: other transactions hold all bytes that they may together\r\nOK \r\n");
  }
  a.close();
  // The room comes back once the server has seen the end of the first.
  std::string answer;
  do {
    test::tcp_client c(server.port());
    c.send("begin\n" + insert + "quit\n");
    answer = c.receive_all();
  } while (answer != "OK \r\nOK \r\nOK \r\n");
}

TEST(line_server, finishes_what_it_has_received_when_it_stops) {
  holding_line_server s({.threads = 2});
  test::tcp_client a(s.server.port()), idle(s.server.port());
  a.send("search 1\necho a\nsearch 2\necho a part");
  const auto first = s.take();
  std::thread stopper([&] { s.server.stop(); });
  // Whoever says nothing is let go at once.
  EXPECT_EQ(idle.receive_all(), "");
  first.respond({true, "1:1"});
  s.take().respond({true, "2:1"});
  EXPECT_EQ(a.receive_all(), "OK 1:1\r\nOK a\r\nOK 2:1\r\n");
  stopper.join();
}

TEST(line_server, does_not_wait_for_ever_when_it_stops) {
  holding_line_server s({.stop_timeout = std::chrono::milliseconds(50)});
  test::tcp_client a(s.server.port());
  a.send("search 1\n");
  const auto work = s.take();
  s.server.stop();
  EXPECT_EQ(a.receive_all(), "");
  EXPECT_TRUE(work.respond.cancel()->load());
  // An answer that comes too late has nowhere to go.
  work.respond({true, "late"});
}

TEST(line_server, says_when_it_cannot_listen) {
  line_server first({}, answer_at_once);
  const error e = test::error_of([&] { line_server other({.port = first.port()}, answer_at_once); });
  EXPECT_EQ(e.code(), errc::io_error);
}

}  // namespace
}  // namespace fp
