#include "app/changelog/postgres_changelog.hpp"

#include <numeric>

#include "app/changelog/postgres_schema.hpp"
#include "tests/app/postgres/postgres_changelog_fixture.hpp"

namespace fp {
namespace {

using test::append_of;
using test::append_one;
using test::documents_in;
using test::in_ms;
using test::inserts;
using test::soon;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class postgres_changelog_test : public test::postgres_changelog_test {};

TEST_F(postgres_changelog_test, numbers_changes_and_reads_them_back) {
  const auto l = make("main");
  EXPECT_EQ(append_one(log, l, append_of(inserts({7}))).position, 1);
  EXPECT_EQ(append_one(log, l, append_of(inserts({8, 9, 7}), 1)).position, 4);
  const auto r = log.read(l, 0, {}, {}, soon());
  ASSERT_TRUE(r.is_done()) << r.why;
  EXPECT_THAT(r.positions, ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(documents_in(r.changes), ElementsAre(7, 8, 9, 7));
  EXPECT_EQ(r.newest, 4);
  ASSERT_TRUE(r.tag);
  const auto rest = log.read(l, 2, {}, {}, soon());
  EXPECT_THAT(rest.positions, ElementsAre(3, 4));
  EXPECT_EQ(rest.tag, r.tag);
  const auto nothing = log.read(l, 4, {}, r.tag, soon());
  EXPECT_TRUE(nothing.is_done());
  EXPECT_THAT(nothing.positions, IsEmpty());
  EXPECT_EQ(nothing.newest, 4);
}

TEST_F(postgres_changelog_test, gives_back_every_kind_of_change_as_it_was) {
  const auto l = make("main");
  changes_encoder e;
  std::vector<hash_value> many(5'000);
  std::iota(many.begin(), many.end(), 0xffff'0000u);
  e.insert(4'294'967'295u, many);
  e.erase(3);
  e.set_metadata("key", "value of it");
  e.remove_metadata("k");
  e.insert(1, {});
  const auto bytes = e.bytes();
  append_one(log, l, append_of(std::make_shared<const std::vector<uint8_t>>(bytes)));
  const auto r = log.read(l, 0, {}, {}, soon());
  EXPECT_THAT(r.positions, ElementsAre(1, 2, 3, 4, 5));
  EXPECT_EQ(r.changes, bytes);
  EXPECT_EQ(server.admin("select string_agg(coalesce(document::text, '-'), ' ' order by position) from fpnode.log",
                         database),
            "4294967295 3 - - 1");
}

TEST_F(postgres_changelog_test, appends_each_by_itself) {
  const auto l = make("main");
  const std::vector<feed_append> appends{append_of(inserts({1}), 0), append_of(inserts({2}), 7),
                                         append_of(inserts({3, 4})), append_of(inserts({5}), 1),
                                         append_of(inserts({6}), 3)};
  const auto answers = log.append(l, appends, soon());
  ASSERT_EQ(answers.size(), 5u);
  EXPECT_TRUE(answers[0].is_done());
  EXPECT_EQ(answers[1].status, changelog_status::mismatch);
  EXPECT_EQ(answers[1].position, 1);
  EXPECT_EQ(answers[2].position, 3);
  EXPECT_EQ(answers[3].status, changelog_status::mismatch);
  EXPECT_EQ(answers[3].position, 3);
  EXPECT_EQ(answers[4].position, 4);
  EXPECT_THAT(all_of(l), ElementsAre(1, 3, 4, 6));
  // The same again, with one that mismatched and would fit.
  auto again = appends;
  again[1].expected = 4;
  const auto repeated = log.append(l, again, soon());
  EXPECT_EQ(repeated[0].position, 1);
  EXPECT_EQ(repeated[1].position, 5);
  EXPECT_EQ(repeated[2].position, 3);
  EXPECT_EQ(repeated[3].status, changelog_status::mismatch);
  EXPECT_EQ(repeated[4].position, 4);
  EXPECT_THAT(all_of(l), ElementsAre(1, 3, 4, 6, 2));
}

TEST_F(postgres_changelog_test, appends_an_id_that_comes_twice_in_a_call_once) {
  const auto l = make("main");
  const auto a = append_of(inserts({1, 2}));
  const auto answers = log.append(l, std::vector<feed_append>{a, append_of(inserts({3})), a}, soon());
  EXPECT_EQ(answers[0].position, 2);
  EXPECT_EQ(answers[1].position, 3);
  EXPECT_EQ(answers[2].position, 2);
  EXPECT_TRUE(answers[2].is_done());
  EXPECT_THAT(all_of(l), ElementsAre(1, 2, 3));
}

TEST_F(postgres_changelog_test, splits_calls_that_are_too_large) {
  const auto l = make("main");
  changes_encoder e;
  const std::vector<hash_value> hashes(1'000'000, 5);
  e.insert(1, hashes);
  const auto large = std::make_shared<const std::vector<uint8_t>>(e.take());
  const std::vector<feed_append> appends(12, feed_append{large, {}, {}});
  auto distinct = appends;
  for (auto& a : distinct) a.id = test::random_id();
  const auto answers = log.append(l, distinct, soon());
  for (size_t i = 0; i < answers.size(); i++) EXPECT_EQ(answers[i].position, i + 1) << answers[i].why;
  // Each is larger than what may be read at once, but for the first.
  const auto r = log.read(l, 3, {.max_changes = 100, .max_bytes = 1'000}, {}, soon());
  EXPECT_THAT(r.positions, ElementsAre(4));
  EXPECT_EQ(r.changes, *large);
}

TEST_F(postgres_changelog_test, bounds_what_is_read) {
  const auto l = make("main");
  std::vector<document_id> ids(100);
  std::iota(ids.begin(), ids.end(), 1u);
  append_one(log, l, append_of(inserts(ids)));
  EXPECT_THAT(log.read(l, 10, {.max_changes = 3}, {}, soon()).positions, ElementsAre(11, 12, 13));
  // 16 bytes a change.
  EXPECT_THAT(log.read(l, 10, {.max_bytes = 48}, {}, soon()).positions, ElementsAre(11, 12, 13));
  EXPECT_THAT(log.read(l, 0, {.max_bytes = 47}, {}, soon()).positions, ElementsAre(1, 2));
  EXPECT_THAT(log.read(l, 98, {.max_bytes = 0}, {}, soon()).positions, ElementsAre(99));
  const auto r = log.read(l, 98, {.max_changes = 0}, {}, soon());
  EXPECT_THAT(r.positions, ElementsAre(99));
  EXPECT_EQ(r.newest, 100);
}

TEST_F(postgres_changelog_test, notices_a_log_that_is_not_what_it_was) {
  const auto l = make("main");
  append_one(log, l, append_of(inserts({1, 2, 3})));
  const auto tag = log.read(l, 0, {}, {}, soon()).tag;
  EXPECT_EQ(log.read(l, 4, {}, tag, soon()).status, changelog_status::ahead_of_log);
  EXPECT_EQ(log.read(l, ~uint64_t{0}, {}, tag, soon()).status, changelog_status::ahead_of_log);
  // A failover has lost the last change, and another one has come instead.
  server.admin("delete from fpnode.log where position = 3", database);
  EXPECT_EQ(log.read(l, 3, {}, tag, soon()).status, changelog_status::ahead_of_log);
  append_one(log, l, append_of(inserts({3})));
  const auto r = log.read(l, 3, {}, tag, soon());
  EXPECT_EQ(r.status, changelog_status::diverged);
  EXPECT_THAT(r.why, HasSubstr("main, generation 1"));
  EXPECT_THAT(r.positions, IsEmpty());
  EXPECT_TRUE(log.read(l, 3, {}, {}, soon()).is_done());
}

TEST_F(postgres_changelog_test, delivers_nothing_behind_a_hole) {
  const auto l = make("main");
  append_one(log, l, append_of(inserts({1, 2, 3, 4})));
  server.admin("delete from fpnode.log where position = 2", database);
  for (const feed_position after : {0, 1}) {
    const auto r = log.read(l, after, {}, {}, soon());
    EXPECT_EQ(r.status, changelog_status::unavailable);
    EXPECT_THAT(r.why, HasSubstr("lacks position 2"));
    EXPECT_THAT(r.changes, IsEmpty());
  }
  server.admin("delete from fpnode.log where position = 3", database);
  EXPECT_THAT(log.read(l, 1, {.max_changes = 1}, {}, soon()).why, HasSubstr("lacks position 2"));
}

TEST_F(postgres_changelog_test, tells_the_newest_position_of_many) {
  std::vector<lineage> all;
  for (int i = 0; i < 300; i++) {
    all.push_back(make("index" + std::to_string(i)));
    if (i % 3 == 0) append_one(log, all.back(), append_of(inserts(std::vector<document_id>(i + 1, 1))));
  }
  all.push_back({"index1", 1});
  all.push_back({"index1", ~uint64_t{0}});
  const auto answer = log.newest(all, soon());
  ASSERT_TRUE(answer.is_done()) << answer.why;
  ASSERT_EQ(answer.lineages.size(), all.size());
  for (size_t i = 0; i < 300; i++) {
    EXPECT_TRUE(answer.lineages[i].is_done());
    EXPECT_EQ(answer.lineages[i].newest, i % 3 == 0 ? i + 1 : 0);
  }
  EXPECT_EQ(answer.lineages[300].status, changelog_status::no_lineage);
  EXPECT_EQ(answer.lineages[301].status, changelog_status::no_lineage);
  EXPECT_TRUE(log.newest({}, soon()).is_done());
}

TEST_F(postgres_changelog_test, keeps_the_meta_feed) {
  EXPECT_EQ(log.create_index("a", soon()).position, 1);
  EXPECT_EQ(log.create_index("b c/\"'\xc3\xa4", soon()).position, 2);
  EXPECT_EQ(log.create_index("a", soon()).position, 1);
  EXPECT_EQ(log.delete_index("none", soon()).position, 2);
  EXPECT_EQ(log.delete_index("a", soon()).position, 3);
  EXPECT_EQ(log.delete_index("a", soon()).position, 3);
  EXPECT_EQ(log.create_index("a", soon()).position, 4);
  const auto all = log.read_meta(0, 100, soon());
  ASSERT_EQ(all.operations.size(), 4u);
  EXPECT_EQ(all.operations[1].index, "b c/\"'\xc3\xa4");
  EXPECT_EQ(all.operations[2].what, meta_operation::kind::erase);
  EXPECT_EQ(all.operations[2].position, 3);
  const auto some = log.read_meta(1, 2, soon());
  ASSERT_EQ(some.operations.size(), 2u);
  EXPECT_EQ(some.operations[0].position, 2);
  EXPECT_THAT(log.read_meta(4, 9, soon()).operations, IsEmpty());
  // What is no text is refused, and nothing else is harmed.
  EXPECT_EQ(log.create_index("\xff", soon()).status, changelog_status::unavailable);
  EXPECT_EQ(log.create_index(std::string("x\0y", 3), soon()).status, changelog_status::unavailable);
  EXPECT_EQ(log.create_index("c", soon()).position, 5);
}

TEST_F(postgres_changelog_test, knows_a_lineage_by_name_and_generation) {
  const auto first = make("main");
  append_one(log, first, append_of(inserts({1, 2})));
  log.delete_index("main", soon());
  const auto second = make("main");
  EXPECT_NE(first.generation, second.generation);
  for (const auto& l : {first, lineage{"other", second.generation}, lineage{"main", 99}}) {
    EXPECT_EQ(append_one(log, l, append_of(inserts({3}))).status, changelog_status::no_lineage);
    EXPECT_EQ(log.read(l, 0, {}, {}, soon()).status, changelog_status::no_lineage);
    EXPECT_EQ(log.bounds(l, soon()).status, changelog_status::no_lineage);
    EXPECT_EQ(log.truncate(l, 1, soon()).status, changelog_status::no_lineage);
  }
  EXPECT_EQ(log.bounds(second, soon()).newest, 0);
  EXPECT_EQ(log.open_bootstrap(second, soon()).status, changelog_status::unsupported);
}

TEST_F(postgres_changelog_test, truncates) {
  const auto l = make("main"), other = make("other"), gone = make("gone");
  std::vector<document_id> ids(25'000);
  std::iota(ids.begin(), ids.end(), 1u);
  append_one(log, l, append_of(inserts(ids)));
  append_one(log, other, append_of(inserts({1, 2, 3})));
  append_one(log, gone, append_of(inserts({1, 2, 3})));
  const auto old = append_of(inserts({1}));
  append_one(log, other, old);
  log.delete_index("gone", soon());
  EXPECT_TRUE(log.truncate(l, 24'998, soon()).is_done());
  EXPECT_EQ(log.bounds(l, soon()).floor, 24'998);
  EXPECT_EQ(log.bounds(l, soon()).newest, 25'000);
  EXPECT_EQ(log.read(l, 24'997, {}, {}, soon()).status, changelog_status::below_retention);
  EXPECT_THAT(all_of(l, 24'998), ElementsAre(24'999, 25'000));
  EXPECT_EQ(server.admin("select count(*) from fpnode.log", database), "6");
  EXPECT_EQ(server.admin("select count(*) from fpnode.lineage", database), "2");
  // Lower, and beyond the end.
  EXPECT_TRUE(log.truncate(l, 5, soon()).is_done());
  EXPECT_EQ(log.bounds(l, soon()).floor, 24'998);
  EXPECT_TRUE(log.truncate(l, 1'000'000, soon()).is_done());
  EXPECT_EQ(log.bounds(l, soon()).floor, 25'000);
  EXPECT_EQ(log.bounds(l, soon()).newest, 25'000);
  EXPECT_EQ(append_one(log, l, append_of(inserts({1}), 25'000)).position, 25'001);
  EXPECT_THAT(all_of(l, 25'000), ElementsAre(1));
  // Ids outlive the changes, for a day.
  log.truncate(other, 4, soon());
  EXPECT_EQ(append_one(log, other, old).position, 4);
  server.admin("update fpnode.request set at = now() - interval '25 hours'", database);
  log.truncate(other, 4, soon());
  EXPECT_EQ(server.admin("select count(*) from fpnode.request", database), "0");
}

TEST_F(postgres_changelog_test, keeps_nothing_of_a_deleted_index) {
  const auto l = make("main"), large = make("large");
  append_one(log, l, append_of(inserts({1, 2, 3})));
  append_one(log, large, append_of(inserts(std::vector<document_id>(10'001, 7))));
  log.delete_index("main", soon());
  EXPECT_EQ(server.admin("select count(*) from fpnode.log", database), "10001");
  EXPECT_EQ(server.admin("select count(*) from fpnode.lineage", database), "1");
  log.delete_index("large", soon());
  EXPECT_EQ(server.admin("select count(*) from fpnode.log", database), "1");
  // What is left of it is nobody's.
  EXPECT_EQ(log.read(large, 0, {}, {}, soon()).status, changelog_status::no_lineage);
  EXPECT_EQ(log.read(large, 10'000, {}, {}, soon()).status, changelog_status::no_lineage);
  log.delete_index("none", soon());
  EXPECT_EQ(server.admin("select count(*) from fpnode.log", database), "0");
  EXPECT_EQ(server.admin("select count(*) from fpnode.lineage", database), "0");
}

TEST_F(postgres_changelog_test, refuses_writes_by_those_who_may_only_read) {
  const auto l = make("main");
  append_one(log, l, append_of(inserts({1})));
  server.admin("create role reader_" + database + " login password 'x'; grant usage on schema fpnode to reader_" +
                   database + "; grant select on all tables in schema fpnode to reader_" + database,
               database);
  postgres_changelog reader("postgresql://reader_" + database + ":x@" + server.host() + "/" + database);
  EXPECT_EQ(append_one(reader, l, append_of(inserts({2}))).status, changelog_status::read_only);
  EXPECT_EQ(reader.create_index("x", soon()).status, changelog_status::read_only);
  EXPECT_EQ(reader.delete_index("main", soon()).status, changelog_status::read_only);
  EXPECT_EQ(reader.truncate(l, 1, soon()).status, changelog_status::read_only);
  EXPECT_EQ(reader.read_meta(0, 9, soon()).operations.size(), 1u);
  EXPECT_EQ(reader.bounds(l, soon()).newest, 1);
  EXPECT_THAT(reader.read(l, 0, {}, {}, soon()).positions, ElementsAre(1));
}

TEST_F(postgres_changelog_test, is_not_held_up_by_transactions_elsewhere) {
  const auto l = make("main");
  append_one(log, l, append_of(inserts({1, 2, 3})));
  // Each has the locks of a statement that read everything, and one of a write.
  postgres_connector connector(parse_postgres_url(url));
  const interruption never;
  std::vector<std::unique_ptr<postgres_session>> idle;
  for (const auto* sql :
       {"begin isolation level repeatable read; select * from fpnode.log, fpnode.lineage, fpnode.request",
        "begin; create temp table t(x int); select * from fpnode.log, fpnode.meta for share"}) {
    idle.push_back(connector.connect(soon(), never).session);
    ASSERT_TRUE(idle.back());
    EXPECT_TRUE(idle.back()->run(sql, {}, soon(), never).is_done());
  }
  EXPECT_EQ(append_one(log, l, append_of(inserts({4}))).position, 4);
  EXPECT_TRUE(log.create_index("other", soon()).is_done());
  EXPECT_EQ(log.read(l, 3, {}, {}, soon()).positions.size(), 1u);
  idle.pop_back();
  EXPECT_TRUE(log.truncate(l, 2, soon()).is_done());
  EXPECT_EQ(server.admin("select count(*) from fpnode.log", database), "2");
  EXPECT_EQ(log.read(l, 2, {}, {}, soon()).positions.size(), 2u);
}

TEST_F(postgres_changelog_test, tells_what_to_do_about_a_schema_that_does_not_fit) {
  const auto empty = server.make_database();
  postgres_changelog without(server.url(empty));
  const auto none = without.read_meta(0, 1, soon());
  EXPECT_EQ(none.status, changelog_status::unavailable);
  EXPECT_THAT(none.why, HasSubstr("`fpctl changelog init` makes one"));
  postgres_admin(server.url(empty)).init(soon());
  EXPECT_TRUE(without.read_meta(0, 1, soon()).is_done());

  server.admin("insert into fpnode.schema_version(version) values (999)", empty);
  postgres_changelog behind(server.url(empty));
  const auto newer = behind.read_meta(0, 1, soon());
  EXPECT_EQ(newer.status, changelog_status::unavailable);
  EXPECT_THAT(newer.why, HasSubstr("its schema has version 999"));
  EXPECT_THAT(newer.why, HasSubstr("a newer fpnode is needed"));
}

TEST_F(postgres_changelog_test, shows_no_password) {
  EXPECT_EQ(log.name(), "the changelog at " + server.host() + "/" + database);
  postgres_changelog wrong("postgresql://feed:geheim@" + server.host() + "/" + database);
  const auto refused = wrong.read_meta(0, 1, soon());
  EXPECT_EQ(refused.status, changelog_status::unavailable);
  EXPECT_THAT(refused.why, HasSubstr("password authentication failed for user \"feed\""));
  EXPECT_THAT(refused.why, Not(HasSubstr("geheim")));
  postgres_changelog nowhere(server.url("nowhere"));
  EXPECT_THAT(nowhere.read_meta(0, 1, soon()).why, HasSubstr("database \"nowhere\" does not exist"));
}

TEST_F(postgres_changelog_test, ends_a_call_that_is_interrupted) {
  const auto l = make("main");
  // An append that waits for a lock.
  postgres_connector connector(parse_postgres_url(url));
  const interruption never;
  const auto holder = connector.connect(soon(), never).session;
  EXPECT_TRUE(holder->run("begin; select pg_advisory_xact_lock(1718644324, 1)", {}, soon(), never).is_done());
  std::jthread interrupts([&] {
    EXPECT_TRUE(server.wait_for_log("still waiting for ExclusiveLock on advisory lock"));
    log.interrupt();
  });
  const auto a = append_one(log, l, append_of(inserts({1})));
  EXPECT_EQ(a.status, changelog_status::in_doubt);
  EXPECT_THAT(a.why, HasSubstr("interrupted"));
  const auto later = log.read_meta(0, 1, soon());
  EXPECT_EQ(later.status, changelog_status::unavailable);
  EXPECT_THAT(later.why, HasSubstr("interrupted"));
}

TEST_F(postgres_changelog_test, knows_that_an_append_that_waits_too_long_for_others_is_not_in_the_log) {
  const auto l = make("main");
  postgres_connector connector(parse_postgres_url(url));
  const interruption never;
  const auto holder = connector.connect(soon(), never).session;
  EXPECT_TRUE(holder->run("begin; select pg_advisory_xact_lock(1718644324, 1)", {}, soon(), never).is_done());
  const auto a = append_one(log, l, append_of(inserts({1})), in_ms(4'000));
  EXPECT_EQ(a.status, changelog_status::unavailable);
  EXPECT_THAT(a.why, HasSubstr("lock timeout"));
  EXPECT_TRUE(holder->run("rollback", {}, soon(), never).is_done());
  EXPECT_THAT(all_of(l), IsEmpty());
}

}  // namespace
}  // namespace fp
