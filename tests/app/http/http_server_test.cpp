#include "app/http/http_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "core/base/error.hpp"
#include "tests/app/support/tcp_client.hpp"
#include "tests/core/support/error_of.hpp"

namespace fp {
namespace {

http_response refusal(unsigned status, const http_request&) {
  http_response r;
  r.status = status;
  r.body = "refused";
  return r;
}

/// Counts what is asked of it, and ends after so many pieces, or fails.
class counted_source : public body_source {
 public:
  struct progress {
    std::mutex mutex;
    std::condition_variable changed;
    size_t asked = 0;
    bool gone = false, two_at_once = false, asking = false;
    template <class F>
    void wait(F done) {
      std::unique_lock lock(mutex);
      changed.wait(lock, done);
    }
  };
  counted_source(std::shared_ptr<progress> p, size_t pieces, size_t bytes, bool fails)
      : progress_(std::move(p)), left_(pieces), bytes_(bytes), fails_(fails) {}
  ~counted_source() override {
    std::lock_guard lock(progress_->mutex);
    progress_->gone = true;
    progress_->changed.notify_all();
  }
  void next(piece_callback deliver) override {
    std::lock_guard lock(progress_->mutex);
    progress_->two_at_once |= progress_->asking;
    progress_->asking = true;
    progress_->asked++;
    progress_->changed.notify_all();
    // Pieces come from another thread.
    std::thread([p = progress_, deliver = std::move(deliver), piece = make()]() mutable {
      {
        std::lock_guard inner(p->mutex);
        p->asking = false;
      }
      deliver(std::move(piece));
    }).detach();
  }

 private:
  piece make() {
    if (left_ == 0) return fails_ ? piece() : piece("");
    left_--;
    return std::string(bytes_, 'x');
  }
  std::shared_ptr<progress> progress_;
  size_t left_, bytes_;
  bool fails_;
};

struct streaming_server {
  explicit streaming_server(size_t pieces, size_t bytes, bool fails = false)
      : server(
            {.threads = 1},
            [=, this](http_request, http_responder respond) {
              http_response r;
              r.stream = std::make_shared<counted_source>(progress, pieces, bytes, fails);
              respond(std::move(r));
            },
            refusal) {}
  std::shared_ptr<counted_source::progress> progress = std::make_shared<counted_source::progress>();
  http_server server;
};

constexpr std::string_view get_1_1 = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

TEST(http_server, streams_chunk_by_chunk_and_goes_on) {
  streaming_server s(3, 5);
  test::tcp_client c(s.server.port());
  for (int i = 0; i < 2; i++) {
    c.send(get_1_1);
    const auto text = c.receive_until("\r\n0\r\n\r\n");
    EXPECT_NE(text.find("Transfer-Encoding: chunked\r\n"), std::string::npos);
    EXPECT_EQ(text.substr(text.find("\r\n\r\n") + 4), "5\r\nxxxxx\r\n5\r\nxxxxx\r\n5\r\nxxxxx\r\n0\r\n\r\n");
  }
  EXPECT_FALSE(s.progress->two_at_once);
}

TEST(http_server, streams_without_chunks_to_old_clients) {
  streaming_server s(3, 5);
  test::tcp_client c(s.server.port());
  c.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const auto text = c.receive_all();
  EXPECT_EQ(text.find("chunked"), std::string::npos);
  EXPECT_EQ(text.substr(text.find("\r\n\r\n") + 4), std::string(15, 'x'));
}

TEST(http_server, answers_a_pipelined_request_after_a_stream) {
  streaming_server s(2, 3);
  test::tcp_client c(s.server.port());
  std::string both(get_1_1);
  both.append("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  c.send(both);
  const auto text = c.receive_all();
  size_t ends = 0;
  for (size_t at = 0; (at = text.find("\r\n0\r\n\r\n", at)) != std::string::npos; at++) ends++;
  EXPECT_EQ(ends, 2u);
}

TEST(http_server, cuts_a_stream_that_fails) {
  streaming_server s(2, 5, true);
  test::tcp_client c(s.server.port());
  c.send(get_1_1);
  const auto text = c.receive_all();
  EXPECT_EQ(text.substr(text.find("\r\n\r\n") + 4), "5\r\nxxxxx\r\n5\r\nxxxxx\r\n");
}

TEST(http_server, asks_a_source_only_as_fast_as_the_client_reads) {
  constexpr size_t pieces = 100'000, bytes = 64u << 10;
  streaming_server s(pieces, bytes);
  test::tcp_client c(s.server.port(), 16u << 10);
  c.send(get_1_1);
  // The client reads nothing: what the kernel's buffers do not take stays with the source.
  s.progress->wait([&] { return s.progress->asked >= 2; });
  std::string read;
  while (read.size() < 10 * bytes && c.receive_some(read)) {
  }
  {
    std::lock_guard lock(s.progress->mutex);
    EXPECT_LT(s.progress->asked, 1000u);
    EXPECT_GE(s.progress->asked, 10u);
    EXPECT_FALSE(s.progress->two_at_once);
  }
  c.close();
  s.progress->wait([&] { return s.progress->gone; });
}

TEST(http_server, head_does_not_start_a_stream) {
  streaming_server s(2, 5);
  test::tcp_client c(s.server.port());
  c.send("HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(c.receive_all().ends_with("\r\n\r\n"));
  EXPECT_EQ(s.progress->asked, 0u);
}

TEST(http_server, hands_over_conditions_and_writes_further_fields) {
  http_server server(
      {.threads = 1},
      [](const http_request& request, const http_responder& respond) {
        http_response r;
        r.fields = {{"ETag", "\"1\""}, {"X-Other", "a b"}};
        if (request.if_none_match == "\"1\"") {
          r.status = 304;
        } else {
          r.body = "whole";
        }
        respond(std::move(r));
      },
      refusal);
  test::tcp_client c(server.port());
  c.send(get_1_1);
  EXPECT_THAT(c.receive_until("whole"), testing::HasSubstr("\r\nETag: \"1\"\r\nX-Other: a b\r\n"));
  c.send("GET / HTTP/1.1\r\nHost: x\r\nIf-None-Match: \"1\"\r\nConnection: close\r\n\r\n");
  const auto unchanged = c.receive_all();
  EXPECT_TRUE(unchanged.starts_with("HTTP/1.1 304 Not Modified\r\n")) << unchanged;
  EXPECT_TRUE(unchanged.ends_with("\r\n\r\n")) << unchanged;
  EXPECT_EQ(unchanged.find("Content-Length"), std::string::npos);
}

/// Keeps the requests that it gets.
struct holding_server {
  explicit holding_server(http_server_options o = {.threads = 1}, http_gate gate = {})
      : server(
            std::move(o),
            [this](http_request, http_responder respond) {
              std::lock_guard lock(mutex);
              held.push_back(std::move(respond));
              changed.notify_all();
            },
            refusal, std::move(gate)) {}
  void wait_for(size_t count) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return held.size() >= count; });
  }
  std::vector<http_responder> take() {
    std::lock_guard lock(mutex);
    return std::exchange(held, {});
  }
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<http_responder> held;
  http_server server;
};

http_response text(std::string body) {
  http_response r;
  r.body = std::move(body);
  return r;
}

std::string bodies_of(const std::string& answers) {
  std::string out;
  for (size_t at = 0; (at = answers.find("\r\n\r\n", at)) != std::string::npos; at += 4) {
    out += answers.substr(at + 4, answers.find("HTTP/", at) - at - 4);
  }
  return out;
}

TEST(http_server, keeps_the_order_of_answers) {
  holding_server s;
  test::tcp_client c(s.server.port());
  c.send(std::string(get_1_1) + std::string(get_1_1) + "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  s.wait_for(3);
  const auto held = s.take();
  held[2](text("c"));
  held[0](text("a"));
  held[0](text("not this"));
  held[1](text("b"));
  EXPECT_EQ(bodies_of(c.receive_all()), "abc");
}

TEST(http_server, bounds_what_it_reads_ahead) {
  holding_server s({.threads = 1, .max_pipelined = 2});
  test::tcp_client c(s.server.port());
  c.send(std::string(get_1_1) + std::string(get_1_1) + "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  s.wait_for(2);
  const auto held = s.take();
  ASSERT_EQ(held.size(), 2u);
  held[0](text("a"));
  s.wait_for(1);
  held[1](text("b"));
  s.take()[0](text("c"));
  EXPECT_EQ(bodies_of(c.receive_all()), "abc");
}

TEST(http_server, answers_for_handlers_that_do_not) {
  holding_server s;
  test::tcp_client c(s.server.port());
  c.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  s.wait_for(1);
  s.take();
  EXPECT_TRUE(c.receive_all().starts_with("HTTP/1.1 500 "));
}

TEST(http_server, answers_for_handlers_that_throw) {
  http_server server(
      {.threads = 1}, [](http_request, http_responder) { throw std::runtime_error("x"); }, refusal);
  test::tcp_client c(server.port());
  c.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(c.receive_all().starts_with("HTTP/1.1 500 "));
}

TEST(http_server, refuses_requests_beyond_the_bound) {
  holding_server s({.threads = 1, .max_requests_in_flight = 1});
  test::tcp_client a(s.server.port()), b(s.server.port());
  a.send(get_1_1);
  s.wait_for(1);
  b.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(b.receive_all().starts_with("HTTP/1.1 503 "));
  s.take()[0](text("a"));
  EXPECT_TRUE(a.receive_until("\r\n\r\na").starts_with("HTTP/1.1 200 "));
  a.send(get_1_1);
  s.wait_for(1);
}

constexpr size_t large = 600'000, max_buffered = 1'000'000;

std::string post_of(size_t bytes, std::string_view fields = "", std::string_view target = "/") {
  return "POST " + std::string(target) + " HTTP/1.1\r\nHost: x\r\n" + std::string(fields) +
         "Content-Length: " + std::to_string(bytes) + "\r\n\r\n";
}

/// Answers with as many bytes as the request's target says.
struct sized_server {
  sized_server()
      : server(
            {.threads = 2, .max_buffered_bytes = max_buffered},
            [](const http_request& request, const http_responder& respond) {
              respond(text(std::string(std::stoul(request.target.substr(1)), 'x')));
            },
            refusal) {}
  static std::string get(size_t bytes, std::string_view fields = "") {
    return "GET /" + std::to_string(bytes) + " HTTP/1.1\r\nHost: x\r\n" + std::string(fields) + "\r\n";
  }
  http_server server;
};

TEST(http_server, requests_that_wait_for_answers_count_and_small_ones_go_on) {
  holding_server s({.threads = 2, .max_buffered_bytes = max_buffered});
  test::tcp_client waiting(s.server.port());
  waiting.send(post_of(large, "Connection: close\r\n"));
  waiting.send(std::string(large, 'x'));
  s.wait_for(1);
  const auto first = s.take();
  test::tcp_client refused(s.server.port());
  refused.send(post_of(large));
  refused.send(std::string(large, 'x'));
  EXPECT_TRUE(refused.receive_all().starts_with("HTTP/1.1 503 "));
  test::tcp_client small(s.server.port());
  small.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  s.wait_for(1);
  s.take()[0](text("small"));
  EXPECT_TRUE(small.receive_all().ends_with("small"));
  // It waits for the server, not the server for it.
  first[0](text("kept"));
  EXPECT_TRUE(waiting.receive_all().ends_with("kept"));
}

TEST(http_server, slow_writers_do_not_keep_the_memory_of_all) {
  sized_server s;
  const auto post = [&](test::tcp_client& c, size_t bytes_sent) {
    c.send(post_of(large, "Connection: close\r\n", "/6"));
    c.send(std::string(bytes_sent, 'x'));
  };
  test::tcp_client slow(s.server.port());
  post(slow, large - 1);
  // From when the server has read all that on, whoever comes next makes the one that has waited longest give up.
  while (!slow.has_received()) {
    test::tcp_client next(s.server.port());
    post(next, large);
    const auto answer = next.receive_all();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ") || answer.starts_with("HTTP/1.1 503 ")) << answer;
  }
  EXPECT_TRUE(slow.receive_all().starts_with("HTTP/1.1 503 "));
  test::tcp_client last(s.server.port());
  post(last, large);
  EXPECT_TRUE(last.receive_all().ends_with("xxxxxx"));
}

TEST(http_server, slow_readers_do_not_keep_the_memory_of_all) {
  sized_server s;
  // More than the kernel's buffers and the bound take together.
  constexpr size_t readers = 64;
  std::vector<std::unique_ptr<test::tcp_client>> slow;
  for (size_t i = 0; i < readers; i++) {
    slow.push_back(std::make_unique<test::tcp_client>(s.server.port(), 4096));
    for (size_t k = 0; k < 16; k++) slow.back()->send(sized_server::get(large / 2));
    test::tcp_client busy(s.server.port());
    busy.send(sized_server::get(1000, "Connection: close\r\n"));
    EXPECT_TRUE(busy.receive_all().ends_with(std::string(1000, 'x')));
  }
  // Those that wait longest are cut off one by one, as often as somebody else finds no room.
  for (bool served = false; !served;) {
    test::tcp_client busy(s.server.port());
    busy.send(sized_server::get(large, "Connection: close\r\n"));
    const auto answer = busy.receive_all();
    served = answer.starts_with("HTTP/1.1 200 ");
    EXPECT_TRUE(served || answer.starts_with("HTTP/1.1 503 ")) << answer;
  }
}

TEST(http_server, counts_what_has_come_of_bodies_and_not_what_is_announced) {
  holding_server s({.threads = 2, .max_body_bytes = 50u << 20, .max_buffered_bytes = max_buffered});
  const auto load = s.server.load();
  std::vector<std::unique_ptr<test::tcp_client>> silent;
  for (int i = 0; i < 10; i++) {
    silent.push_back(std::make_unique<test::tcp_client>(s.server.port()));
    silent.back()->send(post_of(50u << 20));
  }
  test::tcp_client busy(s.server.port());
  busy.send(post_of(large));
  busy.send(std::string(large, 'x'));
  s.wait_for(1);
  EXPECT_GE(*load.buffered_bytes, large - (64u << 10));
  EXPECT_LE(*load.buffered_bytes, max_buffered);
  for (const auto& c : silent) EXPECT_FALSE(c->has_received());
  s.take()[0](text("done"));
  EXPECT_TRUE(busy.receive_until("done").starts_with("HTTP/1.1 200 "));
  busy.send(get_1_1);
  s.wait_for(1);
  EXPECT_EQ(*load.buffered_bytes, 0u);
  s.take()[0](text("done"));
}

TEST(http_server, refuses_an_answer_that_there_is_no_room_for) {
  sized_server s;
  test::tcp_client c(s.server.port());
  c.send(sized_server::get(max_buffered + 1, "Connection: close\r\n"));
  EXPECT_TRUE(c.receive_all().starts_with("HTTP/1.1 503 "));
}

/// Lets nobody in who asks for "/closed", and answers the others with the size of their bodies.
struct gated_server {
  gated_server()
      : server(
            {.threads = 1, .max_body_bytes = 50u << 20},
            [](const http_request& request, const http_responder& respond) {
              respond(text(std::to_string(request.body.size())));
            },
            refusal,
            [](const http_request& head) -> std::optional<http_response> {
              if (head.target != "/closed") return std::nullopt;
              http_response r;
              r.status = head.authorization.empty() ? 401 : 403;
              r.body = "no";
              return r;
            }) {}
  http_server server;
};

TEST(http_server, turns_away_by_the_head_alone) {
  gated_server s;
  test::tcp_client c(s.server.port());
  c.send(post_of(50u << 20, "", "/closed"));
  const auto answer = c.receive_until("\r\n\r\nno");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 401 ")) << answer;
  EXPECT_THAT(answer, testing::HasSubstr("\r\nConnection: close\r\n"));
  // Who goes on sending all the same gets the answer, not a reset.
  c.send(std::string(1u << 20, 'x'));
  c.end_sending();
  EXPECT_EQ(c.receive_all(), "");
}

TEST(http_server, goes_on_behind_a_small_body_that_it_turned_away) {
  gated_server s;
  test::tcp_client c(s.server.port());
  // Without a body, with one that comes later, and with one that is there already.
  c.send(post_of(0, "", "/closed"));
  EXPECT_TRUE(c.receive_until("no").starts_with("HTTP/1.1 401 "));
  c.send(post_of(5, "Authorization: x\r\n", "/closed"));
  EXPECT_TRUE(c.receive_until("no").starts_with("HTTP/1.1 403 "));
  c.send("12345" + post_of(5, "", "/closed") + "12345" + post_of(3) + "abc");
  const auto answers = c.receive_until("\r\n\r\n3");
  EXPECT_EQ(bodies_of(answers), "no3") << answers;
  EXPECT_EQ(answers.find("Connection: close"), std::string::npos) << answers;
}

TEST(http_server, ends_behind_a_body_of_unknown_size_that_it_turned_away) {
  gated_server s;
  test::tcp_client c(s.server.port());
  c.send("POST /closed HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  c.send("3\r\nabc\r\n0\r\n\r\n" + std::string(get_1_1));
  c.end_sending();
  const auto answer = c.receive_all();
  EXPECT_EQ(bodies_of(answer), "no");
  EXPECT_THAT(answer, testing::HasSubstr("\r\nConnection: close\r\n"));
}

TEST(http_server, asks_nobody_for_a_body_whom_it_turns_away) {
  gated_server s;
  test::tcp_client welcome(s.server.port()), unwelcome(s.server.port());
  welcome.send(post_of(3, "Expect: 100-continue\r\nConnection: close\r\n"));
  EXPECT_EQ(welcome.receive_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  welcome.send("abc");
  EXPECT_TRUE(welcome.receive_all().ends_with("\r\n\r\n3"));
  unwelcome.send(post_of(3, "Expect: 100-continue\r\n", "/closed"));
  unwelcome.end_sending();
  const auto answer = unwelcome.receive_all();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 401 ")) << answer;
  EXPECT_EQ(answer.find("100 Continue"), std::string::npos);
}

TEST(http_server, turns_away_in_the_order_of_requests) {
  holding_server s({.threads = 1}, [](const http_request& head) -> std::optional<http_response> {
    if (head.method == http_method::get) return std::nullopt;
    return text("no");
  });
  test::tcp_client c(s.server.port());
  c.send(std::string(get_1_1) + post_of(3) + "abc" + "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  s.wait_for(2);
  const auto held = s.take();
  held[1](text("b"));
  held[0](text("a"));
  EXPECT_EQ(bodies_of(c.receive_all()), "anob");
}

TEST(http_server, a_gate_that_throws_lets_nobody_in) {
  http_server server(
      {.threads = 1}, [](http_request, const http_responder& respond) { respond(text("in")); }, refusal,
      [](const http_request&) -> std::optional<http_response> { throw std::bad_alloc(); });
  test::tcp_client c(server.port());
  c.send(get_1_1);
  EXPECT_TRUE(c.receive_all().starts_with("HTTP/1.1 500 "));
}

TEST(http_server, does_not_wait_for_ever_for_a_body_that_it_turned_away) {
  http_server server(
      {.threads = 1, .body_timeout = std::chrono::milliseconds(20)},
      [](http_request, const http_responder& respond) { respond(text("in")); }, refusal,
      [](const http_request&) { return std::optional(text("no")); });
  test::tcp_client c(server.port());
  c.send(post_of(5));
  EXPECT_EQ(bodies_of(c.receive_all()), "no");
}

TEST(http_server, tells_handlers_that_the_client_is_gone) {
  holding_server s;
  auto c = std::make_unique<test::tcp_client>(s.server.port());
  c->send(get_1_1);
  s.wait_for(1);
  const auto held = s.take();
  EXPECT_FALSE(held[0].cancel()->load());
  c.reset();
  // Another request of the same thread is handled after the end of the first connection was.
  while (!held[0].cancel()->load()) {
    test::tcp_client other(s.server.port());
    other.send(get_1_1);
    s.wait_for(1);
    s.take();
  }
  held[0](text("nobody reads this"));
}

TEST(http_server, stops_with_answers_but_does_not_wait_for_ever) {
  holding_server s({.threads = 2, .stop_timeout = std::chrono::milliseconds(50)});
  test::tcp_client a(s.server.port());
  a.send(get_1_1);
  s.wait_for(1);
  const auto held = s.take();
  s.server.stop();
  EXPECT_EQ(a.receive_all(), "");
  // An answer that comes too late has nowhere to go.
  held[0](text("late"));
}

TEST(http_server, finishes_what_is_in_flight_when_it_stops) {
  holding_server s({.threads = 2});
  test::tcp_client a(s.server.port());
  a.send(get_1_1);
  s.wait_for(1);
  std::thread stopper([&] { s.server.stop(); });
  s.take()[0](text("done"));
  EXPECT_TRUE(a.receive_all().ends_with("\r\n\r\ndone"));
  stopper.join();
}

TEST(http_server, says_when_it_cannot_listen) {
  holding_server s;
  const auto again = [&] { holding_server other({.port = s.server.port(), .threads = 1}); };
  const error e = test::error_of(again);
  EXPECT_EQ(e.code(), errc::io_error);
  EXPECT_NE(std::string(e.what()).find("127.0.0.1:" + std::to_string(s.server.port())), std::string::npos);
}

TEST(http_server, load_counts_connections_and_keeps_nothing_else_alive) {
  auto held = std::make_shared<int>(0);
  const std::weak_ptr<int> watched = held;
  http_load load;
  {
    http_server server(
        {.threads = 1}, [held](http_request, http_responder respond) { respond({}); }, refusal);
    held.reset();
    load = server.load();
    test::tcp_client c(server.port());
    c.send(get_1_1);
    c.receive_until("\r\n\r\n");
    EXPECT_EQ(*load.connections, 1u);
    EXPECT_EQ(*load.in_flight, 0u);
  }
  EXPECT_EQ(*load.connections, 0u);
  EXPECT_TRUE(watched.expired());
}

}  // namespace
}  // namespace fp
