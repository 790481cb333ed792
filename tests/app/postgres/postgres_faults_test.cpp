#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "tests/app/postgres/postgres_changelog_fixture.hpp"

namespace fp {
namespace {

using test::append_of;
using test::append_one;
using test::in_ms;
using test::inserts;
using test::postgres_server;
using test::soon;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// With a server of its own, which may be killed.
class postgres_faults_test : public testing::Test {
 protected:
  void make_schema() { postgres_admin(server.url()).init(soon()); }

  postgres_server server;
};

TEST_F(postgres_faults_test, finds_the_primary_among_hosts) {
  make_schema();
  postgres_server standby({.settings = {}, .is_standby = true, .primary = nullptr});
  postgres_server full;
  full.admin("alter role feed connection limit 0");
  const auto gone = "127.0.0.1:1", unknown = "no.such.host.invalid";
  for (const auto& first : {standby.host(), full.host(), std::string(gone), std::string(unknown)}) {
    postgres_changelog log("postgresql://feed:secret%20word@" + first + "," + server.host() + "/feed");
    const auto a = log.read_meta(0, 1, soon());
    EXPECT_TRUE(a.is_done()) << a.why;
  }
  postgres_changelog log("postgresql://feed:secret%20word@" + standby.host() + "," + full.host() + "," + gone +
                         "/feed");
  const auto none = log.create_index("main", soon());
  EXPECT_EQ(none.status, changelog_status::unavailable);
  EXPECT_THAT(none.why, HasSubstr(standby.host() + ": is a standby"));
  EXPECT_THAT(none.why, HasSubstr(full.host() + ": FATAL: too many connections for role"));
  EXPECT_THAT(none.why, HasSubstr("Connection refused"));
}

TEST_F(postgres_faults_test, passes_by_a_host_that_is_frozen) {
  make_schema();
  postgres_server frozen;
  frozen.freeze();
  postgres_changelog log("postgresql://feed:secret%20word@" + frozen.host() + "," + server.host() + "/feed");
  const auto a = log.create_index("main", soon());
  EXPECT_TRUE(a.is_done()) << a.why;
  postgres_changelog alone(frozen.url());
  const auto late = alone.create_index("main", in_ms(500));
  EXPECT_EQ(late.status, changelog_status::unavailable);
  EXPECT_THAT(late.why, HasSubstr("no answer in time"));
  frozen.thaw();
}

TEST_F(postgres_faults_test, prefers_the_primary_of_the_higher_timeline) {
  // A failover has left the old primary running, and writable.
  make_schema();
  postgres_server old;
  postgres_admin(old.url()).init(soon());
  server.promote();
  postgres_changelog log("postgresql://feed:secret%20word@" + old.host() + "," + server.host() + "/feed");
  EXPECT_TRUE(log.create_index("main", soon()).is_done());
  EXPECT_EQ(server.admin("select count(*) from fpnode.meta"), "1");
  EXPECT_EQ(old.admin("select count(*) from fpnode.meta"), "0");
}

TEST_F(postgres_faults_test, leaves_a_primary_whose_call_is_late) {
  make_schema();
  postgres_server other;
  postgres_admin(other.url()).init(soon());
  postgres_changelog log("postgresql://feed:secret%20word@" + server.host() + "," + other.host() + "/feed");
  EXPECT_TRUE(log.create_index("main", soon()).is_done());
  const bool was_first = server.admin("select count(*) from fpnode.meta") == "1";
  auto& used = was_first ? server : other;
  auto& unused = was_first ? other : server;
  // It answers whoever connects, and holds up who creates, as one whose commits wait for a standby.
  postgres_connector connector(parse_postgres_url(used.url()));
  const interruption never;
  const auto holder = connector.connect(soon(), never).session;
  EXPECT_TRUE(holder->run("begin; lock table fpnode.meta", {}, soon(), never).is_done());
  EXPECT_EQ(log.create_index("second", in_ms(500)).status, changelog_status::unavailable);
  EXPECT_TRUE(log.create_index("third", soon()).is_done());
  EXPECT_EQ(unused.admin("select string_agg(name, ' ') from fpnode.meta"), "third");
}

TEST_F(postgres_faults_test, keeps_deadlines_while_the_server_is_frozen) {
  make_schema();
  postgres_changelog log(server.url());
  const lineage l{"main", log.create_index("main", soon()).position};
  const auto first = append_of(inserts({1})), second = append_of(inserts({2}));
  append_one(log, l, first);
  server.freeze();
  EXPECT_EQ(append_one(log, l, second, in_ms(300)).status, changelog_status::in_doubt);
  // It stays in doubt, though this one was not even sent; another one is not.
  EXPECT_EQ(append_one(log, l, second, in_ms(300)).status, changelog_status::in_doubt);
  EXPECT_EQ(append_one(log, l, append_of(inserts({3})), in_ms(300)).status, changelog_status::unavailable);
  EXPECT_EQ(log.read(l, 0, {}, {}, in_ms(300)).status, changelog_status::unavailable);
  server.thaw();
  const auto a = append_one(log, l, second);
  EXPECT_TRUE(a.is_done()) << a.why;
  EXPECT_EQ(a.position, 2);
  EXPECT_EQ(append_one(log, l, first).position, 1);
  EXPECT_EQ(log.bounds(l, soon()).newest, 2);
}

TEST_F(postgres_faults_test, goes_on_after_a_restart_without_an_error) {
  make_schema();
  postgres_changelog log(server.url());
  const lineage l{"main", log.create_index("main", soon()).position};
  for (int i = 0; i < 3; i++) {
    if (i == 1) {
      server.stop();
      EXPECT_THAT(log.bounds(l, soon()).why, HasSubstr("Connection refused"));
    } else {
      server.kill();
    }
    server.start();
    const auto a = append_one(log, l, append_of(inserts({1})));
    EXPECT_TRUE(a.is_done()) << a.why;
    EXPECT_EQ(a.position, i + 1);
  }
}

/// Writers that send each append until it is known what became of it, and a follower, while something befalls the
/// server; beside what they were told.
class load {
 public:
  /// `may_be_astray`: a server that is killed may show an append for a moment that waits for a standby; whoever has
  /// read that is told later, and begins anew.
  explicit load(std::string url, bool may_be_astray = false) : url_(std::move(url)), may_be_astray_(may_be_astray) {
    lineage_.generation = postgres_changelog(url_).create_index("main", soon()).position;
    for (document_id w = 1; w <= num_writers; w++) threads_.emplace_back([this, w] { write(w); });
    threads_.emplace_back([this] { follow(); });
  }

  void wait_for_appends(int count) {
    const int wanted = acknowledged_ + count;
    for (int now; (now = acknowledged_) < wanted;) acknowledged_.wait(now);
  }
  /// The server can be used again. `is_last`: nothing more will happen, and writers shall end.
  void go_on(bool is_last) {
    const std::lock_guard lock(mutex_);
    life_++;
    ended_ = is_last;
    restarted_.notify_all();
  }
  /// Every append that was acknowledged is in the changelog once, where it was said to be, and no other one.
  void check() {
    for (size_t i = 0; i < num_writers; i++) threads_[i].join();
    acknowledged_++;
    acknowledged_.notify_all();
    threads_.back().join();
    postgres_changelog log(url_);
    std::vector<document_id> all;
    for (feed_position at = 0;;) {
      const auto r = log.read(lineage_, at, {}, {}, soon());
      ASSERT_TRUE(r.is_done()) << r.why;
      if (r.positions.empty()) break;
      const auto more = test::documents_in(r.changes);
      all.insert(all.end(), more.begin(), more.end());
      at = r.positions.back();
    }
    EXPECT_EQ(all.size(), 2 * positions_.size());
    for (const auto& [document, position] : positions_) {
      ASSERT_LE(position, all.size());
      EXPECT_EQ(all[position - 1], document);
      EXPECT_EQ(all[position - 2], document);
      EXPECT_EQ(std::count(all.begin(), all.end(), document), 2);
    }
    for (const auto document : never_) EXPECT_EQ(std::count(all.begin(), all.end(), document), 0);
  }

 private:
  static constexpr document_id num_writers = 4;

  void write(document_id document) {
    postgres_changelog log(url_);
    for (;; document += num_writers) {
      // Two changes, so that half an append would be seen.
      const auto append = append_of(inserts({document, document}));
      for (bool was_in_doubt = false;;) {
        std::unique_lock lock(mutex_);
        const int my_life = life_;
        if (ended_ && !was_in_doubt) return;
        lock.unlock();
        const auto a = append_one(log, lineage_, append);
        lock.lock();
        if (a.is_done()) {
          positions_[document] = a.position;
          acknowledged_++;
          acknowledged_.notify_all();
          break;
        }
        EXPECT_TRUE(a.status == changelog_status::in_doubt || a.status == changelog_status::unavailable) << a.why;
        EXPECT_TRUE(!was_in_doubt || a.status == changelog_status::in_doubt);
        was_in_doubt |= a.status == changelog_status::in_doubt;
        restarted_.wait(lock, [&] { return life_ != my_life; });
        if (was_in_doubt) continue;
        never_.push_back(document);
        break;
      }
    }
  }

  /// Sees each position once, whatever happens.
  void follow() {
    postgres_changelog log(url_);
    feed_position at = 0;
    std::optional<uint64_t> tag;
    for (;;) {
      std::unique_lock lock(mutex_);
      const int my_life = life_;
      const bool is_last = ended_;
      lock.unlock();
      const int seen = acknowledged_;
      const auto r = log.read(lineage_, at, {.max_changes = 7}, tag, soon());
      const bool is_astray = r.status == changelog_status::diverged || r.status == changelog_status::ahead_of_log;
      if (may_be_astray_ && is_astray) {
        at = 0;
        tag.reset();
      } else if (!r.is_done()) {
        ASSERT_EQ(r.status, changelog_status::unavailable) << r.why;
        lock.lock();
        restarted_.wait(lock, [&] { return life_ != my_life; });
      } else if (!r.positions.empty()) {
        EXPECT_EQ(r.positions.front(), at + 1);
        at = r.positions.back();
        tag = r.tag;
      } else if (is_last) {
        return;
      } else {
        acknowledged_.wait(seen);
      }
    }
  }

  const std::string url_;
  const bool may_be_astray_;
  lineage lineage_{"main", 0};
  std::mutex mutex_;
  std::condition_variable restarted_;
  int life_ = 0;
  bool ended_ = false;
  std::map<document_id, feed_position> positions_;  ///< of what was acknowledged
  std::vector<document_id> never_;                  ///< what is not in the changelog, as was said
  std::atomic<int> acknowledged_ = 0;
  std::vector<std::jthread> threads_;
};

TEST_F(postgres_faults_test, loses_and_doubles_nothing_when_it_is_killed_under_load) {
  make_schema();
  load under(server.url());
  constexpr int num_kills = 6;
  for (int k = 1; k <= num_kills; k++) {
    under.wait_for_appends(15);
    server.kill();
    server.start();
    under.go_on(k == num_kills);
  }
  under.check();
}

TEST(postgres_failover, loses_and_doubles_nothing_when_a_synchronous_standby_takes_over) {
  postgres_server primary({.settings = {"synchronous_standby_names=*"}, .is_standby = false, .primary = nullptr});
  postgres_server standby({.settings = {}, .is_standby = true, .primary = &primary});
  const auto url = standby.url("feed", primary.host());
  postgres_admin(url).init(soon());
  load under(url, true);
  under.wait_for_appends(60);
  primary.kill();
  standby.promote();
  under.go_on(false);
  under.wait_for_appends(60);
  under.go_on(true);
  under.check();
}

TEST(postgres_failover, does_not_take_an_older_primary_for_a_changelog_that_went_back) {
  postgres_server old({.settings = {"synchronous_standby_names=*"}, .is_standby = false, .primary = nullptr});
  postgres_server next({.settings = {}, .is_standby = true, .primary = &old});
  const auto url = old.url("feed", next.host());
  postgres_admin(url).init(soon());
  postgres_changelog stays(url), longer(url), longest(url);
  const lineage l{"main", stays.create_index("main", soon()).position};
  EXPECT_EQ(append_one(stays, l, append_of(inserts({1}))).position, 1);
  EXPECT_EQ(longer.bounds(l, soon()).newest, 1);
  EXPECT_EQ(longest.bounds(l, soon()).newest, 1);
  next.promote();
  postgres_changelog goes(url);
  EXPECT_EQ(append_one(goes, l, append_of(inserts({2}))).position, 2);
  const auto read = stays.read(l, 2, {}, {}, soon());
  EXPECT_TRUE(read.is_done()) << read.why;
  EXPECT_EQ(read.newest, 2);
  // Neither for a writer's mistake.
  EXPECT_EQ(append_one(longest, l, append_of(inserts({3}), 2)).position, 3);
  // The old one goes on by itself.
  old.admin(
      "set synchronous_commit = local;"
      "insert into fpnode.log(generation, position, tag, document, payload) values (1, 2, 1, 3, '')");
  const auto tag = goes.read(l, 1, {.max_changes = 1}, {}, soon()).tag;
  EXPECT_EQ(postgres_changelog(old.url()).read(l, 2, {}, tag, soon()).status, changelog_status::diverged);
  const auto other = longer.read(l, 2, {}, tag, soon());
  EXPECT_TRUE(other.is_done()) << other.why;
}

// -- A standby that acknowledges nothing

class postgres_standby_test : public testing::Test {
 protected:
  postgres_standby_test() {
    postgres_admin(server.url()).init(soon());
    l.generation = log.create_index("main", soon()).position;
    append_one(log, l, known);
    server.admin("create table probe(x int); grant all on probe to feed", "postgres");
    server.admin("alter system set synchronous_standby_names = 'nobody'", "postgres");
    server.admin("select pg_reload_conf()", "postgres");
    // The server takes it over when it likes. The commit that shows it waits from then on.
    postgres_connector elsewhere(parse_postgres_url(server.url("postgres")));
    const interruption never;
    const auto session = elsewhere.connect(soon(), never).session;
    while (session->run("insert into probe values (1)", {}, in_ms(500), never).is_done()) {
    }
  }

  postgres_server server;
  postgres_changelog log{server.url()};
  lineage l{"main", 0};
  const feed_append known = append_of(inserts({1}));
};

TEST_F(postgres_standby_test, does_not_acknowledge_what_is_on_one_machine_alone) {
  const auto a = append_of(inserts({2}));
  EXPECT_EQ(append_one(log, l, a, in_ms(1'000)).status, changelog_status::in_doubt);
  // The same again waits behind it; nobody reads it before.
  EXPECT_EQ(append_one(log, l, a, in_ms(1'000)).status, changelog_status::in_doubt);
  EXPECT_EQ(log.bounds(l, soon()).newest, 1);
  // What was acknowledged before waits for the standby of now. (The lock is of another lineage.)
  EXPECT_EQ(log.create_index("main", in_ms(1'000)).status, changelog_status::unavailable);
  server.admin("alter system reset synchronous_standby_names", "postgres");
  server.admin("select pg_reload_conf()", "postgres");
  const auto resolved = append_one(log, l, a);
  EXPECT_TRUE(resolved.is_done()) << resolved.why;
  EXPECT_EQ(resolved.position, 2);
}

TEST_F(postgres_standby_test, waits_for_the_standby_again_when_an_append_is_repeated) {
  EXPECT_EQ(append_one(log, l, known, in_ms(1'000)).status, changelog_status::in_doubt);
  server.admin("alter system reset synchronous_standby_names", "postgres");
  server.admin("select pg_reload_conf()", "postgres");
  EXPECT_EQ(append_one(log, l, known).position, 1);
}

TEST_F(postgres_standby_test, what_was_sent_is_sent_though_its_server_is_gone_before_anybody_looks) {
  postgres_connector elsewhere(parse_postgres_url(server.url("postgres")));
  const interruption never;
  const auto session = elsewhere.connect(soon(), never).session;
  ASSERT_TRUE(session->begin("insert into probe values (7)"));
  // It is committed here, and a standby that takes over may have it.
  server.admin(
      "do $$ begin loop"
      " perform 1 from pg_stat_activity where wait_event = 'SyncRep' and query like '%(7)%';"
      " exit when found; perform pg_stat_clear_snapshot(), pg_sleep(0.01); end loop; end $$",
      "postgres");
  server.kill();
  const auto answer = session->step();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->how, postgres_answer::outcome::lost);
  EXPECT_TRUE(answer->is_sent);
}

TEST_F(postgres_standby_test, takes_a_wait_that_is_cancelled_for_doubt) {
  // PostgreSQL calls it a success, with a warning.
  const std::jthread cancels([&] {
    server.admin(
        "do $$ begin loop"
        " perform pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep' and datname = 'feed';"
        " exit when found; perform pg_stat_clear_snapshot(), pg_sleep(0.01); end loop; end $$",
        "postgres");
  });
  const auto a = append_one(log, l, append_of(inserts({2})));
  EXPECT_EQ(a.status, changelog_status::in_doubt);
  EXPECT_THAT(a.why, HasSubstr("one machine alone"));
  EXPECT_EQ(log.bounds(l, soon()).newest, 2);
}

}  // namespace
}  // namespace fp
