#include <gmock/gmock.h>

#include "tests/app/postgres/postgres_changelog_fixture.hpp"
#include "tests/app/support/run_fpctl.hpp"

namespace fp::ctl {
namespace {

using test::inserts;
using test::soon;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class changelog_commands : public testing::Test {
 protected:
  outcome run(std::vector<std::string> words) const {
    words.insert(words.begin(), "changelog");
    words.insert(words.end(), {"--changelog", url});
    return run_fpctl(words);
  }

  test::postgres_server& server = test::shared_postgres();
  const std::string database = server.make_database(), url = server.url(database);
};

TEST_F(changelog_commands, make_a_changelog_once) {
  const auto none = run({"status"});
  EXPECT_EQ(none.code, exit_failed);
  EXPECT_THAT(none.err, HasSubstr("`fpctl changelog init` makes one"));
  EXPECT_EQ(run({"--json", "init"}).document(), (json{{"from_version", 0}, {"version", 1}}));
  const auto again = run({"init"});
  EXPECT_EQ(again.code, exit_ok);
  EXPECT_THAT(again.out, HasSubstr(database + " is up to date: schema version 1"));
  EXPECT_EQ(server.admin("select count(*) from fpnode.schema_version", database), "1");
}

TEST_F(changelog_commands, leave_a_newer_changelog_alone) {
  run({"init"});
  server.admin("insert into fpnode.schema_version values (2)", database);
  for (const auto* command : {"init", "status"}) {
    const auto o = run({command});
    EXPECT_EQ(o.code, exit_failed);
    EXPECT_THAT(o.err, HasSubstr("its schema has version 2"));
    EXPECT_THAT(o.err, HasSubstr("a newer fpnode is needed"));
  }
}

TEST_F(changelog_commands, make_nothing_half) {
  server.admin("create schema fpnode authorization feed", database);
  const auto o = run({"init"});
  EXPECT_EQ(o.code, exit_failed);
  EXPECT_THAT(o.err, HasSubstr("schema \"fpnode\" already exists"));
  EXPECT_EQ(server.admin("select count(*) from pg_class where relnamespace = 'fpnode'::regnamespace", database),
            "0");
}

TEST_F(changelog_commands, show_and_truncate) {
  run({"init"});
  postgres_changelog log(url);
  const lineage music{"music", log.create_index("music", soon()).position};
  const lineage other{"other", log.create_index("other", soon()).position};
  std::vector<document_id> ids(1'500);
  for (size_t i = 0; i < ids.size(); i++) ids[i] = static_cast<document_id>(i + 1);
  test::append_one(log, music, test::append_of(inserts(ids)));
  server.admin("update fpnode.log set at = now() - interval '10 days' where position <= 1000", database);
  test::append_one(log, other, test::append_of(inserts({1, 2, 3})));

  const auto report = run({"--json", "status"}).document();
  EXPECT_EQ(report["server"], server.host());
  EXPECT_EQ(report["timeline"], 1);
  EXPECT_EQ(report["durable"], true);
  ASSERT_EQ(report["lineages"].size(), 2u);
  const auto& first = report["lineages"][0];
  EXPECT_EQ(first["index"], "music");
  EXPECT_EQ(first["newest"], 1'500);
  EXPECT_EQ(first["payload_bytes"], 1'500 * 16);
  EXPECT_GT(first["oldest_age_s"], 9 * 86'400);
  EXPECT_LT(first["newest_age_s"], 86'400);
  const auto text = run({"status"});
  EXPECT_THAT(text.out, HasSubstr("1,500"));
  EXPECT_THAT(text.out, HasSubstr("none that a commit waits for"));
  EXPECT_THAT(text.out, Not(HasSubstr("secret")));

  EXPECT_EQ(run({"truncate", "music", "--up-to", "10"}).code, exit_ok);
  EXPECT_EQ(log.bounds(music, soon()).floor, 10);
  const auto o = run({"--json", "truncate", "--all", "--older-than", "5"}).document();
  EXPECT_EQ(o["lineages"][0], (json{{"index", "music"}, {"floor", 1'000}, {"dropped", 990}}));
  EXPECT_EQ(o["lineages"][1]["dropped"], 0);
  EXPECT_EQ(log.bounds(music, soon()).floor, 1'000);
  EXPECT_THAT(run({"truncate", "--all", "--keep", "2"}).out, HasSubstr("other"));
  EXPECT_EQ(log.bounds(music, soon()).floor, 1'498);
  EXPECT_EQ(log.bounds(other, soon()).floor, 1);
  EXPECT_EQ(server.admin("select count(*) from fpnode.log", database), "4");
  EXPECT_EQ(run({"truncate", "music", "--up-to", "99999"}).code, exit_ok);
  EXPECT_EQ(log.bounds(music, soon()).newest, 1'500);
  EXPECT_EQ(run({"--json", "status"}).document()["lineages"][0]["oldest_age_s"], nullptr);
  EXPECT_EQ(run({"truncate", "nothing", "--keep", "2"}).code, exit_not_found);
}

TEST_F(changelog_commands, refuse_wrong_command_lines) {
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"changelog"},
           {"changelog", "init"},
           {"changelog", "truncate", "x", "--changelog", url},
           {"changelog", "truncate", "--keep", "1", "--changelog", url},
           {"changelog", "truncate", "x", "--all", "--keep", "1", "--changelog", url},
           {"changelog", "truncate", "x", "--keep", "1", "--up-to", "1", "--changelog", url}}) {
    EXPECT_EQ(run_fpctl(words).code, exit_usage) << testing::PrintToString(words);
  }
  const auto o = run_fpctl({"changelog", "init", "--changelog", "postgresql://me:secret@host:x/"});
  EXPECT_EQ(o.code, exit_failed);
  EXPECT_THAT(o.err, Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace fp::ctl
