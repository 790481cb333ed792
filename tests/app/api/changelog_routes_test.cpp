#include <gmock/gmock.h>
#include <spdlog/sinks/ostream_sink.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "actors/changelog_actor.hpp"
#include "app/api/http_gateway.hpp"
#include "app/changelog/http_changelog.hpp"
#include "core/changelog/local_changelog.hpp"
#include "core/fpindex/feed_protocol.hpp"
#include "tests/app/support/tcp_client.hpp"
#include "tests/core/changelog/changelog_model.hpp"
#include "tests/core/support/temporary_folder.hpp"
#include "tests/support/source_file.hpp"

namespace fp {
namespace {

using testing::HasSubstr;

changelog::time_point in_time() { return std::chrono::steady_clock::now() + std::chrono::seconds(20); }

/// An engine that gives every question the same answer.
class constant_changelog final : public changelog {
 public:
  explicit constant_changelog(changelog_answer answer) : answer_(std::move(answer)) {}

  const std::string& name() const noexcept override { return answer_.why; }
  bool resolves_doubt() const noexcept override { return true; }
  std::vector<append_answer> append(const lineage&, std::span<const feed_append> appends, time_point) override {
    return std::vector<append_answer>(appends.size(), say<append_answer>());
  }
  feed_changes read(const lineage&, feed_position, const read_limits&, std::optional<uint64_t>,
                    time_point) override {
    return say<feed_changes>();
  }
  feed_bounds bounds(const lineage&, time_point) override { return say<feed_bounds>(); }
  newest_answer newest(std::span<const lineage>, time_point) override { return say<newest_answer>(); }
  changelog_answer truncate(const lineage&, feed_position, time_point) override { return answer_; }
  bootstrap_answer open_bootstrap(const lineage&, time_point) override { return say<bootstrap_answer>(); }
  meta_operations read_meta(feed_position, uint32_t, time_point) override { return say<meta_operations>(); }
  meta_answer create_index(const std::string&, time_point) override { return say<meta_answer>(); }
  meta_answer delete_index(const std::string&, time_point) override { return say<meta_answer>(); }
  void interrupt() noexcept override {}

 private:
  template <class Answer>
  Answer say() const {
    Answer a;
    static_cast<changelog_answer&>(a) = answer_;
    return a;
  }

  changelog_answer answer_;
};

/// The HTTP gateway of a node that serves a changelog, without the node.
class served_changelog {
 public:
  explicit served_changelog(std::function<std::unique_ptr<changelog>()> make) {
    auto env = std::make_shared<environment>();
    env->log = std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(text));
    hooks_.log = env->log;
    hooks_.metrics = env->metrics;
    hooks_.changelog = system_.spawn(changelog_actor, changelog_setup{env, std::move(make)});
    http_settings how;
    how.port.port = 0;
    gateway_ = std::make_unique<http_gateway>(system_, how, tls_settings{}, config{}.max_update_bytes,
                                              node_handle(), hooks_);
  }
  ~served_changelog() {
    gateway_->stop();
    caf::anon_send_exit(hooks_.changelog, caf::exit_reason::user_shutdown);
  }

  uint16_t port() const { return gateway_->port(); }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port()); }

  struct reply {
    int status = 0;
    std::string content_type, body;
  };
  reply ask(const std::string& method, const std::string& target, const std::string& body = {}) const {
    test::tcp_client c(port());
    c.send(method + " " + target + " HTTP/1.0\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body);
    const std::string all = c.receive_all();
    reply r;
    const auto end = all.find("\r\n\r\n");
    const std::string head = all.substr(0, end + 2);
    r.status = std::stoi(head.substr(9, 3));
    r.body = all.substr(end + 4);
    if (const auto at = head.find("Content-Type: "); at != std::string::npos) {
      r.content_type = head.substr(at + 14, head.find("\r\n", at) - at - 14);
    }
    return r;
  }

  std::ostringstream text;

 private:
  caf::actor_system_config config_;
  caf::actor_system system_{config_};
  gateway_hooks hooks_;
  std::unique_ptr<http_gateway> gateway_;
};

class changelog_routes : public testing::Test {
 protected:
  std::unique_ptr<served_changelog> serve() {
    return std::make_unique<served_changelog>(
        [this] { return std::make_unique<local_changelog>(posix_file_system(), folder_.path(), options_); });
  }

  test::temporary_folder folder_;
  local_changelog_options options_;
};

std::string from_hex(const std::string& hex) {
  std::string text;
  for (size_t i = 0; i + 1 < hex.size(); i += 2)
    text += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return text;
}

TEST_F(changelog_routes, answer_as_a_coordinator_of_fpindex_byte_for_byte) {
  const auto server = serve();
  // A replica came to the coordinator when it had been asked all that.
  std::vector<std::string> lines;
  for (const std::string file : {"coordinator.jsonl", "replica_to_coordinator.jsonl"}) {
    std::ifstream in(test::source_file("tests/data/fpindex/" + file));
    for (std::string line; std::getline(in, line);) lines.push_back(line);
  }
  size_t num_compared = 0;
  for (const std::string& line : lines) {
    const auto o = nlohmann::json::parse(line);
    const std::string method = o["method"];
    std::string path = o["path"];
    // These a node has of its own.
    if (path == "/_health" || path == "/nope") continue;
    SCOPED_TRACE(method + " " + path);
    // Metadata of two keys is the fifth change there, and the fifth and sixth here.
    const bool is_behind_metadata = path.starts_with("/_changelog/main/1?after=5");
    if (is_behind_metadata) path.replace(path.find('5'), 1, "6");
    const auto got = server->ask(method, path, from_hex(o["request_hex"]));
    std::string expected = from_hex(o["response_hex"]);
    const auto move_position = [&](const std::string& before, const std::string& after) {
      const auto at = expected.find(before);
      if (at == std::string::npos || got.body == expected) return;
      expected.replace(at, before.size(), after);
    };
    if (path.starts_with("/_changelog/main/1")) {
      move_position(
          "\x82\xa1i\x05\xa1"
          "c\x81\xa1s",
          "\x82\xa1i\x06\xa1"
          "c\x81\xa1s");
      move_position("\x81\xa1i\x05", "\x81\xa1i\x06");
    }
    if (path.starts_with("/_bootstrap/main/1")) move_position("\x81\xa1p\x05", "\x81\xa1p\x06");
    EXPECT_EQ(got.status, o["status"]);
    EXPECT_EQ(got.content_type, o["content_type"].is_null() ? "" : o["content_type"].get<std::string>());
    EXPECT_EQ(got.body, expected);
    num_compared++;
  }
  EXPECT_GE(num_compared, 100u);
}

TEST_F(changelog_routes, are_followed_by_our_own_client) {
  options_.max_file_bytes = 5'000;
  const auto server = serve();
  http_changelog log(server->url());
  test::changelog_model model;
  std::mt19937_64 random(7);
  test::random_updates updates(3);
  for (int step = 0; step < 120; step++) {
    const std::string name = "index" + std::to_string(random() % 3);
    const auto it = model.generations.find(name);
    if (it == model.generations.end()) {
      ASSERT_EQ(log.create_index(name, in_time()).position, model.create(name));
    } else if (random() % 20 == 0) {
      ASSERT_EQ(log.delete_index(name, in_time()).position, model.erase(name));
    } else {
      const lineage l{name, it->second};
      if (random() % 15 == 0) {
        auto& m = model.logs.at(l);
        m.floor = std::max<feed_position>(m.floor, random() % (m.changes.size() + 1));
        ASSERT_TRUE(log.truncate(l, m.floor, in_time()).is_done());
      }
      feed_append a = updates.next_without_zeros(4, 30);
      if (random() % 3 == 0) a.expected = model.logs.at(l).changes.size() + random() % 2;
      const auto got = log.append(l, {&a, 1}, in_time()).at(0);
      const auto expected = model.append(l, a);
      ASSERT_EQ(got.status, expected.status) << got.why;
      if (got.is_done()) {
        ASSERT_EQ(got.position, expected.position);
      }
    }
  }
  for (const auto& [l, m] : model.logs) {
    EXPECT_EQ(log.bounds(l, in_time()).newest, m.changes.size());
    const auto read = test::read_all(log, l, m.floor, {.max_changes = 7});
    ASSERT_TRUE(read.is_done()) << read.why;
    EXPECT_EQ(
        test::split_changes(read.changes),
        std::vector<std::vector<uint8_t>>(m.changes.begin() + static_cast<ptrdiff_t>(m.floor), m.changes.end()));
    if (m.floor > 0) {
      EXPECT_EQ(log.read(l, 0, {}, std::nullopt, in_time()).status, changelog_status::below_retention);
    }
    // The stream, applied, is the index.
    auto base = log.open_bootstrap(l, in_time());
    ASSERT_TRUE(base.is_done()) << base.why;
    EXPECT_EQ(base.stream->position(), m.changes.size());
    test::changelog_model::log applied;
    for (;;) {
      const auto part = base.stream->next(in_time());
      ASSERT_TRUE(part.is_done()) << part.why;
      if (part.changes.empty()) break;
      for (auto& change : test::split_changes(part.changes)) applied.changes.push_back(std::move(change));
    }
    std::vector<std::vector<uint8_t>> found, wanted;
    for (const auto& [position, change] : test::changelog_model::fold(applied)) found.push_back(change);
    for (const auto& [position, change] : test::changelog_model::fold(m)) wanted.push_back(change);
    EXPECT_EQ(found, wanted);
  }
  const lineage nobody{"index0", 1'000'000'000};
  EXPECT_TRUE(log.read(nobody, 0, {}, std::nullopt, in_time()).is_done());
  EXPECT_EQ(log.read_meta(0, 1'024, in_time()).operations.size(), model.operations.size());
}

TEST_F(changelog_routes, bound_what_one_answer_holds) {
  const auto server = serve();
  http_changelog log(server->url());
  const lineage l{"main", log.create_index("main", in_time()).position};
  changes_encoder changes;
  for (document_id id = 1; id <= 3'000; id++) {
    changes.insert(id, std::vector<hash_value>(700, 0xfffffff0));
    if (id % 500 != 0) continue;
    feed_append a;
    a.changes = std::make_shared<const std::vector<uint8_t>>(changes.take());
    ASSERT_TRUE(log.append(l, {&a, 1}, in_time()).at(0).is_done());
  }
  const auto first = server->ask("GET", "/_changelog/main/1?max=99999");
  EXPECT_EQ(first.status, 200);
  EXPECT_LT(first.body.size(), size_t{10} << 20) << "fpindex takes no more";
  const auto read =
      fpindex::decode_read_answer("x", std::as_bytes(std::span(first.body)), 0, {.max_bytes = UINT64_MAX});
  EXPECT_LE(read.positions.size(), 1'024u);
  EXPECT_EQ(read.retry_after.count(), 0) << "there is more";
  EXPECT_EQ(test::read_all(log, l, 0, {}).positions.size(), 3'000u);
  const auto body = std::string(size_t{17} << 20, 'x');
  EXPECT_EQ(server->ask("POST", "/_changelog/main/1", body).status, 413);
}

TEST_F(changelog_routes, tell_what_the_protocol_has_no_word_for) {
  local_changelog(posix_file_system(), folder_.path()).create_index("main", in_time());
  {
    local_changelog log(posix_file_system(), folder_.path());
    changes_encoder changes;
    changes.remove_metadata("artist");
    feed_append a;
    a.changes = std::make_shared<const std::vector<uint8_t>>(changes.take());
    ASSERT_TRUE(log.append({"main", 1}, {&a, 1}, in_time()).at(0).is_done());
  }
  const auto server = serve();
  EXPECT_EQ(server->ask("GET", "/_changelog/main/1").status, 500);
  EXPECT_THAT(server->text.str(), HasSubstr("the removal of the metadata key \"artist\""));
  http_changelog log(server->url());
  auto base = log.open_bootstrap({"main", 1}, in_time());
  EXPECT_TRUE(!base.is_done() || !base.stream->next(in_time()).is_done());
}

TEST(changelog_statuses, become_those_of_the_protocol) {
  const std::string append = from_hex("81a1639181a16982a16901a1689101");
  struct row {
    changelog_status status;
    int read, write;
    std::string body;
  };
  for (const row& r : {row{changelog_status::mismatch, 409, 409, "VersionMismatch"},
                       row{changelog_status::below_retention, 410, 410, "BelowRetention"},
                       row{changelog_status::no_lineage, 404, 404, "IndexNotFound"},
                       row{changelog_status::read_only, 403, 403, "FeedIsReadOnly"},
                       row{changelog_status::in_doubt, 500, 500, "Internal Server Error\n"},
                       row{changelog_status::unavailable, 503, 503, "ChangelogUnavailable"},
                       row{changelog_status::unsupported, 400, 400, "for a secret reason"}}) {
    served_changelog server([&] {
      return std::make_unique<constant_changelog>(changelog_answer{r.status, "for a secret reason"});
    });
    SCOPED_TRACE(to_string(r.status));
    const auto read = server.ask("GET", "/_changelog/main/1");
    EXPECT_EQ(read.status, r.read);
    EXPECT_EQ(read.body, r.body);
    EXPECT_EQ(read.content_type, "");
    const auto written = server.ask("POST", "/_changelog/main/1", append);
    EXPECT_EQ(written.status, r.write);
    EXPECT_EQ(written.body, r.body);
    EXPECT_EQ(server.ask("PUT", "/_index/x").status, r.write);
    EXPECT_EQ(server.ask("DELETE", "/_index/x").status, r.write);
    EXPECT_EQ(server.ask("GET", "/_meta").status, r.read);
    EXPECT_EQ(server.ask("POST", "/_truncate/main/1?floor=1").status, r.write);
    if (r.status == changelog_status::unsupported) {
      EXPECT_EQ(server.ask("GET", "/_bootstrap/main/1").body, "no bootstrap stream");
    }
    const bool is_told = r.status == changelog_status::in_doubt || r.status == changelog_status::unavailable;
    EXPECT_EQ(server.text.str().find("for a secret reason") != std::string::npos, is_told);
  }
  // Whoever is ahead of the log is told nothing of it, as fpindex does.
  served_changelog server([] {
    return std::make_unique<constant_changelog>(changelog_answer{changelog_status::ahead_of_log, ""});
  });
  EXPECT_EQ(server.ask("GET", "/_changelog/main/1?after=9").body, from_hex("82a16590a172cd03e8"));
  EXPECT_EQ(server.ask("GET", "/_meta?after=9").body, from_hex("82a16f90a172cd03e8"));
}

}  // namespace
}  // namespace fp
