#include "app/changelog/http_changelog.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <future>
#include <map>
#include <nlohmann/json.hpp>

#include "core/fpindex/feed_protocol.hpp"
#include "tests/app/changelog/scripted_http_server.hpp"
#include "tests/core/support/commits.hpp"
#include "tests/support/source_file.hpp"

namespace fp {
namespace {

using namespace std::chrono_literals;
using server = test::scripted_http_server;
using testing::HasSubstr;

changelog::time_point soon() { return std::chrono::steady_clock::now() + 10s; }
/// Long enough for whatever comes at once.
changelog::time_point in_a_moment() { return std::chrono::steady_clock::now() + 300ms; }

std::string as_text(const fpindex::feed_body& body) {
  return {reinterpret_cast<const char*>(body.data()), body.size()};
}

feed_append insert_of(document_id id) {
  changes_encoder changes;
  changes.insert(id, std::vector<hash_value>{1, 2, 3});
  return {std::make_shared<const std::vector<uint8_t>>(changes.take()), std::nullopt, {}};
}

append_answer append_to(changelog& log, const lineage& l, const feed_append& a, changelog::time_point deadline) {
  return log.append(l, {&a, 1}, deadline).at(0);
}

std::string some_entries(feed_position first, size_t count) {
  changes_encoder changes;
  std::vector<feed_position> positions;
  for (size_t i = 0; i < count; i++) {
    changes.insert(static_cast<document_id>(i + 1), std::vector<hash_value>{7, 8});
    positions.push_back(first + 10 * i);
  }
  return as_text(fpindex::encode_read_answer(positions, changes.bytes(), 0ms));
}

const lineage main_1{"main", 1};

TEST(http_changelog_test, asks_as_a_replica_of_fpindex_does) {
  // What a real replica asked, in order; the answers are those that it got.
  struct exchange {
    std::string method, target, request, response;
    int status;
  };
  const auto unhex = [](const std::string& hex) {
    std::string text;
    for (size_t i = 0; i + 1 < hex.size(); i += 2)
      text += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    return text;
  };
  std::vector<exchange> recorded;
  std::ifstream in(test::source_file("tests/data/fpindex/replica_to_coordinator.jsonl"));
  for (std::string line; std::getline(in, line);) {
    const auto o = nlohmann::json::parse(line);
    recorded.push_back({o["method"], o["path"], unhex(o["request_hex"]), unhex(o["response_hex"]), o["status"]});
  }
  ASSERT_GE(recorded.size(), 50u);
  size_t at = 0;
  server s([&](const server::request&) {
    const exchange& e = recorded[at];
    return server::reply{server::answer(e.status, e.response), server::reply::keep};
  });
  http_changelog log(s.url());
  std::map<lineage, feed_position> versions;
  feed_position meta = 0;
  const auto part = [](const std::string& text, size_t from) {
    return text.substr(from, text.find_first_of("/?", from) - from);
  };
  for (at = 0; at < recorded.size(); at++) {
    const exchange& e = recorded[at];
    SCOPED_TRACE(e.method + " " + e.target);
    if (e.target.starts_with("/_meta")) {
      const auto got = log.read_meta(meta, 64, soon());
      ASSERT_TRUE(got.is_done()) << got.why;
      if (!got.operations.empty()) meta = got.operations.back().position;
    } else if (e.target.starts_with("/_index/")) {
      const std::string name = part(e.target, 8);
      const auto got = e.method == "PUT" ? log.create_index(name, soon()) : log.delete_index(name, soon());
      ASSERT_TRUE(got.is_done()) << got.why;
      EXPECT_GT(got.position, 0u);
    } else {
      const size_t name_at = e.target.find('/', 1) + 1;
      const std::string name = part(e.target, name_at);
      const lineage l{name, std::stoull(part(e.target, name_at + name.size() + 1))};
      if (e.method == "POST") {
        const auto wanted = fpindex::decode_append_request("x", std::as_bytes(std::span(e.request)));
        feed_append a = insert_of(1);
        a.changes = std::make_shared<const std::vector<uint8_t>>(wanted.changes);
        a.expected = wanted.expected;
        const auto got = append_to(log, l, a, soon());
        EXPECT_EQ(got.status, e.status == 200 ? changelog_status::done : changelog_status::mismatch) << got.why;
      } else if (e.target.starts_with("/_bootstrap/")) {
        auto got = log.open_bootstrap(l, soon());
        ASSERT_TRUE(got.is_done()) << got.why;
        versions[l] = got.stream->position();
        while (true) {
          const auto next = got.stream->next(soon());
          ASSERT_TRUE(next.is_done()) << next.why;
          if (next.changes.empty()) break;
        }
      } else {
        const auto got = log.read(l, versions[l], {.max_changes = 256}, std::nullopt, soon());
        ASSERT_TRUE(got.is_done()) << got.why;
        EXPECT_GE(got.retry_after, got.positions.empty() ? 1000ms : 0ms);
        if (!got.positions.empty()) versions[l] = got.positions.back();
      }
    }
    const auto asked = s.requests().back();
    EXPECT_EQ(asked.method, e.method);
    EXPECT_EQ(asked.target, e.target);
    EXPECT_EQ(asked.body, e.request);
    EXPECT_EQ(asked.head.find("Content-Type"), std::string::npos);
  }
  EXPECT_LT(s.num_connections(), recorded.size() / 2) << "connections are kept";
}

TEST(http_changelog_test, says_what_a_status_means) {
  int status = 0;
  std::string body;
  server s([&](const server::request&) {
    return server::reply{server::answer(status, body), server::reply::keep};
  });
  http_changelog log(s.url());
  const auto of_read = [&](int code) {
    status = code;
    return log.read(main_1, 5, {}, std::nullopt, soon());
  };
  const auto of_append = [&](int code) {
    status = code;
    return append_to(log, main_1, insert_of(1), soon());
  };
  EXPECT_EQ(of_read(404).status, changelog_status::no_lineage);
  EXPECT_EQ(of_read(410).status, changelog_status::below_retention);
  EXPECT_EQ(of_read(403).status, changelog_status::unavailable);
  EXPECT_EQ(of_read(500).status, changelog_status::unavailable);
  EXPECT_THAT(of_read(401).why, HasSubstr("changelog_token_file"));
  EXPECT_EQ(of_append(403).status, changelog_status::read_only);
  EXPECT_EQ(of_append(404).status, changelog_status::no_lineage);
  EXPECT_EQ(of_append(409).status, changelog_status::mismatch);
  EXPECT_EQ(of_append(400).status, changelog_status::unavailable);
  EXPECT_EQ(of_append(503).status, changelog_status::unavailable);
  EXPECT_EQ(of_append(500).status, changelog_status::in_doubt);
  EXPECT_EQ(of_append(504).status, changelog_status::in_doubt);
  body = "no bootstrap stream";
  status = 404;
  EXPECT_EQ(log.open_bootstrap(main_1, soon()).status, changelog_status::unsupported);
  status = 403;
  EXPECT_EQ(log.create_index("x", soon()).status, changelog_status::read_only);
  EXPECT_EQ(log.delete_index("x", soon()).status, changelog_status::read_only);
  EXPECT_EQ(log.truncate(main_1, 3, soon()).status, changelog_status::read_only);
  EXPECT_EQ(log.bounds(main_1, soon()).status, changelog_status::unsupported);
  EXPECT_EQ(log.newest({}, soon()).status, changelog_status::unsupported);
  status = 200;
  body = as_text(fpindex::encode_number('i', 77));
  EXPECT_EQ(log.bounds(main_1, soon()).newest, 77u);
  body = "\x80";
  EXPECT_TRUE(log.truncate(main_1, 3, soon()).is_done());
  EXPECT_EQ(s.requests().back().target, "/_truncate/main/1?floor=3");
}

TEST(http_changelog_test, follows_a_feed_as_acoustid_server_serves_it) {
  // Positions jump, 410 and 404 have no body, writes are refused, and the base may be of position 0.
  server s([&](const server::request& r) -> server::reply {
    if (r.method != "GET") return {server::answer(403, R"({"error": "read-only"})"), server::reply::keep};
    if (r.target == "/_meta?after=0&max=64") {
      return {server::answer(200, as_text(fpindex::encode_meta_answer(
                                      {{{1, meta_operation::kind::create, "acoustid"}}}, 1000ms))),
              server::reply::keep};
    }
    if (r.target.starts_with("/_changelog/acoustid/1?after=0&"))
      return {server::answer(410, ""), server::reply::keep};
    if (r.target.starts_with("/_changelog/acoustid/1?after=1000&")) {
      return {server::answer(200, some_entries(5'000'000, 3)), server::reply::keep};
    }
    if (r.target == "/_bootstrap/acoustid/1") {
      changes_encoder changes;
      changes.insert(9, std::vector<hash_value>{1});
      std::string stream = as_text(fpindex::encode_number('p', 0));
      stream += as_text(fpindex::encode_bootstrap_part(changes.bytes())) + "\x90";
      std::string chunks;
      for (const char c : stream) chunks += std::string("1\r\n") + c + "\r\n";
      return {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + "0\r\n\r\n", server::reply::keep};
    }
    return {server::answer(404, ""), server::reply::keep};
  });
  http_changelog log(s.url() + "/");
  const lineage acoustid{"acoustid", 1};
  const auto meta = log.read_meta(0, 64, soon());
  ASSERT_EQ(meta.operations.size(), 1u);
  EXPECT_EQ(meta.operations[0].index, "acoustid");
  EXPECT_EQ(log.read(acoustid, 0, {}, std::nullopt, soon()).status, changelog_status::below_retention);
  EXPECT_EQ(log.read({"acoustid", 2}, 0, {}, std::nullopt, soon()).status, changelog_status::no_lineage);
  EXPECT_EQ(log.read(acoustid, 1000, {}, std::nullopt, soon()).positions,
            (std::vector<feed_position>{5'000'000, 5'000'010, 5'000'020}));
  EXPECT_EQ(append_to(log, acoustid, insert_of(1), soon()).status, changelog_status::read_only);
  auto base = log.open_bootstrap(acoustid, soon());
  ASSERT_TRUE(base.is_done()) << base.why;
  EXPECT_EQ(base.stream->position(), 0u);
  EXPECT_FALSE(base.stream->next(soon()).changes.empty());
  EXPECT_TRUE(base.stream->next(soon()).changes.empty());
}

TEST(http_changelog_test, takes_no_answer_that_is_cut_short_or_makes_no_sense) {
  std::string answer;
  server s([&](const server::request&) { return server::reply{answer, server::reply::close}; });
  http_changelog log(s.url());
  const auto why_not = [&](const std::string& whole) {
    answer = whole;
    const auto got = log.read(main_1, 50, {}, std::nullopt, soon());
    EXPECT_EQ(got.status, changelog_status::unavailable);
    EXPECT_TRUE(got.positions.empty());
    EXPECT_THAT(got.why, HasSubstr("127.0.0.1:" + std::to_string(s.port())));
    return got.why;
  };
  const std::string body = some_entries(100, 5);
  const std::string whole = server::answer(200, body);
  EXPECT_THAT(why_not(whole.substr(0, whole.size() - 3)), HasSubstr("ends early"));
  EXPECT_THAT(why_not(whole.substr(0, 20)), HasSubstr("ends early"));
  EXPECT_THAT(why_not(""), HasSubstr("ends early"));
  EXPECT_THAT(why_not("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n"),
              HasSubstr("ends early"));
  EXPECT_THAT(why_not(server::answer(200, body.substr(0, body.size() / 2))), HasSubstr("offset"));
  EXPECT_THAT(why_not(server::answer(200, some_entries(50, 1))), HasSubstr("position 50 does not come behind 50"));
  EXPECT_THAT(why_not(server::answer(200, "<html>")), HasSubstr("expected a map"));
  EXPECT_THAT(why_not("SSH-2.0-OpenSSH\r\n\r\n"), HasSubstr("no HTTP"));
  EXPECT_THAT(why_not("HTTP/1.1 200 OK\r\nX: " + std::string(70'000, 'x')), HasSubstr("no HTTP"));
  // A write is in doubt when its answer got lost.
  for (const std::string& lost : {std::string(), server::answer(200, "<html>"), whole.substr(0, 20)}) {
    answer = lost;
    EXPECT_EQ(append_to(log, main_1, insert_of(1), soon()).status, changelog_status::in_doubt);
    EXPECT_EQ(log.create_index("x", soon()).status, changelog_status::in_doubt);
  }
}

TEST(http_changelog_test, takes_no_body_without_end) {
  server s([&](const server::request& r) -> server::reply {
    // Fewer entries fit.
    const bool is_small = r.target.ends_with("&max=2");
    if (is_small) return {server::answer(200, some_entries(100, 2)), server::reply::close};
    std::string endless = "HTTP/1.1 200 OK\r\n\r\n";
    endless.resize(fpindex::max_feed_body_bytes + 100, 'x');
    return {endless, server::reply::hold};
  });
  http_changelog log(s.url());
  const auto got = log.read(main_1, 5, {.max_changes = 1'024}, std::nullopt, soon());
  EXPECT_TRUE(got.is_done()) << got.why;
  EXPECT_EQ(got.positions.size(), 2u);
  EXPECT_THAT(log.read_meta(0, 64, soon()).why, HasSubstr("an answer of more than"));
}

TEST(http_changelog_test, keeps_its_deadline_whatever_the_server_does) {
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n";
  for (const auto& [bytes, then] : {std::pair(std::string(), server::reply::hold),
                                    {head, server::reply::hold},
                                    {std::string("HTTP/1.1 2"), server::reply::drip},
                                    {head, server::reply::drip}}) {
    server s([reply = server::reply{bytes, then}](const server::request&) { return reply; });
    http_changelog log(s.url());
    EXPECT_THAT(log.read(main_1, 5, {}, std::nullopt, in_a_moment()).why, HasSubstr("nothing came in time"));
    EXPECT_EQ(append_to(log, main_1, insert_of(1), in_a_moment()).status, changelog_status::in_doubt);
  }
  // There is no time, and nobody listens.
  server s([](const server::request&) { return server::reply{{}, server::reply::hold}; });
  http_changelog log(s.url());
  EXPECT_EQ(append_to(log, main_1, insert_of(1), std::chrono::steady_clock::now() - 1s).status,
            changelog_status::unavailable);
  http_changelog nobody("http://127.0.0.1:1");
  EXPECT_EQ(append_to(nobody, main_1, insert_of(1), soon()).status, changelog_status::unavailable);
  EXPECT_THAT(nobody.read_meta(0, 1, soon()).why, HasSubstr("127.0.0.1:1: connecting: "));
}

TEST(http_changelog_test, ends_a_waiting_call_when_it_is_interrupted) {
  std::promise<void> asked;
  server s([&](const server::request&) {
    asked.set_value();
    return server::reply{{}, server::reply::hold};
  });
  http_changelog log(s.url());
  std::thread interrupter([&] {
    asked.get_future().wait();
    log.interrupt();
  });
  const auto got = log.read(main_1, 0, {}, std::nullopt, changelog::time_point::max());
  interrupter.join();
  EXPECT_EQ(got.status, changelog_status::unavailable);
  EXPECT_THAT(got.why, HasSubstr("interrupted"));
  EXPECT_EQ(append_to(log, main_1, insert_of(1), changelog::time_point::max()).status,
            changelog_status::unavailable);
}

TEST(http_changelog_test, follows_redirects_but_not_in_circles) {
  std::function<std::string(const server::request&)> location;
  int status = 302;
  server s([&](const server::request& r) -> server::reply {
    const std::string to = location(r);
    if (to.empty()) {
      const bool is_read = r.method == "GET";
      return {server::answer(200, is_read ? some_entries(100, 2) : as_text(fpindex::encode_number('i', 8))),
              server::reply::keep};
    }
    return {server::answer(status, "", "Location: " + to + "\r\n"), server::reply::keep};
  });
  http_changelog log(s.url());
  const auto why_not = [&] {
    const auto got = log.read(main_1, 5, {}, std::nullopt, soon());
    EXPECT_EQ(got.status, changelog_status::unavailable);
    return got.why;
  };
  location = [&](const server::request& r) { return r.target == "/there?x" ? "" : "/there?x"; };
  EXPECT_EQ(log.read(main_1, 5, {}, std::nullopt, soon()).positions.size(), 2u);
  location = [&](const server::request& r) { return r.target == "/there" ? "" : s.url() + "/there"; };
  EXPECT_EQ(log.read(main_1, 5, {}, std::nullopt, soon()).positions.size(), 2u);
  // A write goes where the same is asked again, and nowhere else.
  EXPECT_EQ(append_to(log, main_1, insert_of(1), soon()).status, changelog_status::unavailable);
  status = 307;
  const feed_append a = insert_of(1);
  EXPECT_EQ(append_to(log, main_1, a, soon()).position, 8u);
  EXPECT_EQ(s.requests().back().body, as_text(fpindex::encode_append_request(*a.changes, std::nullopt)));

  location = [](const server::request& r) { return r.target == "/a" ? "/b" : "/a"; };
  EXPECT_THAT(why_not(), HasSubstr("in a circle"));
  location = [](const server::request& r) { return r.target; };
  EXPECT_THAT(why_not(), HasSubstr("in a circle"));
  location = [n = 0](const server::request&) mutable { return "/" + std::to_string(n++); };
  const size_t before = s.requests().size();
  EXPECT_THAT(why_not(), HasSubstr("more than 10 redirects"));
  EXPECT_EQ(s.requests().size() - before, 11u);
  location = [](const server::request&) { return "ftp://127.0.0.1/"; };
  EXPECT_THAT(why_not(), HasSubstr("ftp://127.0.0.1/, which is not spoken"));
  location = [](const server::request&) { return "there is none"; };
  EXPECT_THAT(why_not(), HasSubstr("to no URL"));
}

TEST(http_changelog_test, asks_again_over_a_new_connection_when_the_kept_one_has_ended) {
  server s([&](const server::request&) {
    return server::reply{server::answer(200, some_entries(100, 1)), server::reply::close};
  });
  http_changelog log(s.url());
  for (int i = 0; i < 20; i++) EXPECT_TRUE(log.read(main_1, 5, {}, std::nullopt, soon()).is_done());
}

TEST(http_changelog_test, passes_entries_that_change_nothing) {
  server s([&](const server::request& r) -> server::reply {
    // {e: [{i: 6, c: {s: {e: []}}}], r: 0}
    const std::string nothing(
        "\x82\xa1"
        "e\x91\x82\xa1"
        "i\x06\xa1"
        "c\x81\xa1"
        "s\x81\xa1"
        "e\x90\xa1"
        "r\x00",
        20);
    const bool is_first = r.target.find("after=5&") != std::string::npos;
    return {server::answer(200, is_first ? nothing : some_entries(100, 1)), server::reply::keep};
  });
  http_changelog log(s.url());
  const auto got = log.read(main_1, 5, {}, std::nullopt, soon());
  ASSERT_TRUE(got.is_done()) << got.why;
  EXPECT_EQ(got.positions, (std::vector<feed_position>{100}));
}

TEST(http_changelog_test, sends_nothing_that_the_protocol_cannot_say) {
  server s([&](const server::request&) { return server::reply{server::answer(200, ""), server::reply::keep}; });
  http_changelog log(s.url());
  for (const std::string name : {"", "a b", "a/b", "a?b", "a#b", "x\r\nHost: y", "\xc3\xa4"}) {
    EXPECT_FALSE(log.read({name, 1}, 0, {}, std::nullopt, soon()).is_done());
    EXPECT_EQ(append_to(log, {name, 1}, insert_of(1), soon()).status, changelog_status::unsupported);
    EXPECT_FALSE(log.create_index(name, soon()).is_done());
    EXPECT_FALSE(log.truncate({name, 1}, 1, soon()).is_done());
    EXPECT_FALSE(log.open_bootstrap({name, 1}, soon()).is_done());
  }
  changes_encoder changes;
  changes.remove_metadata("key");
  feed_append removal = insert_of(1);
  removal.changes = std::make_shared<const std::vector<uint8_t>>(changes.take());
  const auto refused = append_to(log, main_1, removal, soon());
  EXPECT_EQ(refused.status, changelog_status::unsupported);
  EXPECT_THAT(refused.why, HasSubstr("no word for it"));
  EXPECT_TRUE(s.requests().empty());
}

}  // namespace
}  // namespace fp
