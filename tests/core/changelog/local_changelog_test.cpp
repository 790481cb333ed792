#include "core/changelog/local_changelog.hpp"

#include <gmock/gmock.h>

#include <algorithm>

#include "core/changelog/local_format.hpp"
#include "tests/core/changelog/changelog_model.hpp"
#include "tests/core/support/error_of.hpp"
#include "tests/core/support/faulty_file_system.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp {
namespace {

using test::fs_operation;
using test::no_deadline;
using testing::HasSubstr;

class local_changelog_test : public ::testing::Test {
 protected:
  std::unique_ptr<local_changelog> open() {
    return std::make_unique<local_changelog>(fs_, folder_.path(), options_);
  }
  static feed_append insert(document_id id, size_t num_hashes = 3) {
    static uint64_t number = 1'000'000;
    changes_encoder changes;
    changes.insert(id, std::vector<hash_value>(num_hashes, id));
    feed_append a;
    a.id = test::numbered_append(++number);
    a.changes = std::make_shared<const std::vector<uint8_t>>(changes.take());
    return a;
  }
  static append_answer append(changelog& log, const lineage& l, const feed_append& a) {
    return log.append(l, {&a, 1}, no_deadline).at(0);
  }
  path log_folder(const lineage& l) const {
    return folder_ / "lineages" / *local_format::lineage_folder_name(l) / "log";
  }

  test::temporary_folder folder_;
  test::faulty_file_system fs_{posix_file_system()};
  local_changelog_options options_;
};

TEST_F(local_changelog_test, answers_as_a_plain_model_does_through_reopenings) {
  for (uint64_t seed = 1; seed <= 12; seed++) {
    const test::temporary_folder folder;
    std::mt19937_64 random(seed);
    const auto below = [&](uint64_t limit) { return random() % limit; };
    local_changelog_options options;
    options.max_file_bytes = 300 + below(3000);
    options.max_open_lineages = 1 + below(4);
    options.max_open_files = 1 + below(3);
    const auto reopen = [&] { return std::make_unique<local_changelog>(fs_, folder.path(), options); };
    auto log = reopen();
    test::changelog_model model;
    test::random_updates updates(seed);
    std::vector<feed_append> sent;
    const std::vector<std::string> names = {"main", "a/b", "_bad", "bad%20name", "x"};
    for (int step = 0; step < 300; step++) {
      const std::string& name = names[below(names.size())];
      const auto generation = model.generations.find(name);
      const bool is_there = generation != model.generations.end();
      const lineage l{name, is_there ? generation->second : 0};
      switch (below(20)) {
        case 0:
        case 1:
          ASSERT_EQ(log->create_index(name, no_deadline).position, model.create(name));
          break;
        case 2:
          if (below(3) == 0) {
            ASSERT_EQ(log->delete_index(name, no_deadline).position, model.erase(name));
          }
          break;
        case 3:
          log.reset();
          log = reopen();
          break;
        case 4:
          ASSERT_TRUE(test::holds_model(*log, model, static_cast<uint32_t>(1 + below(20)))) << "seed " << seed;
          break;
        case 5:
          if (is_there) {
            auto& m = model.logs.at(l);
            const feed_position floor = below(m.changes.size() + 3);
            ASSERT_TRUE(log->truncate(l, floor, no_deadline).is_done());
            m.floor = std::max(m.floor, std::min<feed_position>(floor, m.changes.size()));
          }
          break;
        default: {
          std::vector<feed_append> appends, fresh;
          for (uint64_t i = 1 + below(5); i > 0; i--) {
            const bool is_repeated = !sent.empty() && below(4) == 0;
            appends.push_back(is_repeated ? sent[below(sent.size())] : updates.next());
            if (!is_repeated) fresh.push_back(appends.back());
            if (below(3) == 0) {
              appends.back().expected = is_there ? model.logs.at(l).changes.size() + below(2) : below(2);
            }
          }
          const auto answers = log->append(l, appends, no_deadline);
          ASSERT_EQ(answers.size(), appends.size());
          for (size_t i = 0; i < appends.size(); i++) {
            if (!is_there) {
              ASSERT_EQ(answers[i].status, changelog_status::no_lineage);
              continue;
            }
            const auto expected = model.append(l, appends[i]);
            ASSERT_EQ(answers[i].status, expected.status) << answers[i].why;
            ASSERT_EQ(answers[i].position, expected.position);
          }
          sent = fresh;
        }
      }
    }
    ASSERT_TRUE(test::holds_model(*log, model)) << "seed " << seed;
    log.reset();
    ASSERT_TRUE(test::holds_model(*reopen(), model, 1'000)) << "seed " << seed;
  }
}

TEST_F(local_changelog_test, says_where_a_reader_stands_that_it_cannot_serve) {
  const auto log = open();
  const lineage l{"main", log->create_index("main", no_deadline).position};
  for (document_id id = 1; id <= 10; id++) ASSERT_TRUE(append(*log, l, insert(id)).is_done());
  const auto status_behind = [&](feed_position after) {
    return log->read(l, after, {}, std::nullopt, no_deadline).status;
  };
  EXPECT_EQ(status_behind(10), changelog_status::done);
  EXPECT_EQ(status_behind(11), changelog_status::ahead_of_log);
  EXPECT_EQ(status_behind(UINT64_MAX), changelog_status::ahead_of_log);
  ASSERT_TRUE(log->truncate(l, 4, no_deadline).is_done());
  EXPECT_EQ(status_behind(3), changelog_status::below_retention);
  EXPECT_EQ(status_behind(4), changelog_status::done);
  ASSERT_TRUE(log->truncate(l, 2, no_deadline).is_done());
  EXPECT_EQ(log->bounds(l, no_deadline).floor, 4u) << "a floor is never lowered";
  // As far as the log goes, so that whoever stands at its end can go on.
  ASSERT_TRUE(log->truncate(l, UINT64_MAX, no_deadline).is_done());
  EXPECT_EQ(status_behind(10), changelog_status::done);
  EXPECT_EQ(log->read_meta(5, 10, no_deadline).status, changelog_status::ahead_of_log);
}

TEST_F(local_changelog_test, gives_a_base_to_who_comes_too_late) {
  const auto log = open();
  const lineage l{"main", log->create_index("main", no_deadline).position};
  for (document_id id = 1; id <= 10; id++) append(*log, l, insert(1 + id % 3));
  EXPECT_EQ(log->open_bootstrap(l, no_deadline).status, changelog_status::unsupported);
  ASSERT_TRUE(log->truncate(l, 8, no_deadline).is_done());
  auto bootstrap = log->open_bootstrap(l, no_deadline);
  ASSERT_TRUE(bootstrap.is_done()) << bootstrap.why;
  EXPECT_EQ(bootstrap.stream->position(), 10u);
  append(*log, l, insert(77));
  std::vector<std::vector<uint8_t>> changes;
  for (;;) {
    auto part = bootstrap.stream->next(no_deadline);
    ASSERT_TRUE(part.is_done()) << part.why;
    if (part.changes.empty()) break;
    for (auto& c : test::split_changes(part.changes)) changes.push_back(std::move(c));
  }
  EXPECT_EQ(changes.size(), 5u) << "three documents up to 8, then 9 and 10";

  // One that is overtaken by a truncation has no place to go on.
  bootstrap = log->open_bootstrap(l, no_deadline);
  append(*log, l, insert(78));
  ASSERT_TRUE(log->truncate(l, 12, no_deadline).is_done());
  EXPECT_EQ(bootstrap.stream->next(no_deadline).status, changelog_status::unavailable);
}

TEST_F(local_changelog_test, begins_a_generation_anew_that_somebody_wrote_to_before_it_came_to_be) {
  auto log = open();
  const lineage main{"main", 2}, other{"other", 3};
  EXPECT_EQ(append(*log, main, insert(1)).position, 1u);
  EXPECT_EQ(append(*log, other, insert(1)).position, 1u);
  log.reset();
  log = open();
  EXPECT_EQ(log->bounds(main, no_deadline).newest, 1u);
  EXPECT_EQ(log->create_index("first", no_deadline).position, 1u);
  EXPECT_EQ(log->create_index("main", no_deadline).position, 2u);
  EXPECT_EQ(log->bounds(main, no_deadline).newest, 0u);
  EXPECT_EQ(append(*log, main, insert(2)).position, 1u);
  EXPECT_EQ(log->create_index("third", no_deadline).position, 3u);
  EXPECT_EQ(append(*log, other, insert(2)).status, changelog_status::no_lineage);
  EXPECT_FALSE(fs_.exists(log_folder(other)));
  log->delete_index("main", no_deadline);
  EXPECT_EQ(append(*log, main, insert(2)).status, changelog_status::no_lineage);
  EXPECT_FALSE(fs_.exists(log_folder(main)));
}

TEST_F(local_changelog_test, bounds_what_is_written_to_no_index) {
  const auto log = open();
  // Who only asks leaves nothing behind.
  fs_.reset_counts();
  std::vector<lineage> all;
  for (uint64_t g = 1; g <= 10'000; g++) all.push_back({"nobody's", g});
  for (const lineage& l : all) {
    ASSERT_EQ(log->bounds(l, no_deadline).newest, 0u);
    ASSERT_TRUE(log->read(l, 0, {}, std::nullopt, no_deadline).is_done());
    ASSERT_EQ(log->read(l, 1, {}, std::nullopt, no_deadline).status, changelog_status::ahead_of_log);
    ASSERT_TRUE(log->truncate(l, 5, no_deadline).is_done());
  }
  EXPECT_EQ(log->newest(all, no_deadline).lineages.size(), all.size());
  EXPECT_EQ(log->num_open(), 0u);
  EXPECT_EQ(fs_.num_operations(), 0u);
  for (uint64_t g = 1; g <= local_changelog::max_lineages_ahead; g++) {
    ASSERT_TRUE(append(*log, {"x", 5 + g}, insert(1)).is_done());
  }
  EXPECT_EQ(append(*log, {"x", 5}, insert(1)).status, changelog_status::no_lineage);
  EXPECT_TRUE(append(*log, {"x", 6}, insert(1)).is_done());
}

TEST_F(local_changelog_test, serves_ten_thousand_lineages_with_few_files_open_and_reads_none_to_open) {
  constexpr size_t num_lineages = 10'000;
  options_.max_open_files = 4;
  options_.max_open_lineages = 50;
  auto log = open();
  std::vector<lineage> all;
  for (size_t i = 0; i < num_lineages; i++) {
    const std::string name = "index" + std::to_string(i);
    all.push_back({name, log->create_index(name, no_deadline).position});
  }
  for (size_t i = 0; i < num_lineages; i += 50) ASSERT_TRUE(append(*log, all[i], insert(1)).is_done());
  EXPECT_LE(log->num_open(), 50u);
  log.reset();
  fs_.reset_counts();
  log = open();
  for (const auto& r : fs_.history()) {
    ASSERT_NE(r.file.filename().string().find(".log"), 0u);
    ASSERT_FALSE(r.operation == fs_operation::read && r.file.string().find("/lineages/") != std::string::npos);
  }
  const auto newest = log->newest(all, no_deadline);
  ASSERT_EQ(newest.lineages.size(), num_lineages);
  for (size_t i = 0; i < num_lineages; i++) ASSERT_EQ(newest.lineages[i].newest, i % 50 == 0 ? 1u : 0u);
  // Who asks again costs no disk.
  for (size_t i = 0; i < num_lineages; i += 50) append(*log, all[i], insert(2));
  fs_.reset_counts();
  std::vector<lineage> written;
  for (size_t i = 0; i < num_lineages; i += 50) written.push_back(all[i]);
  log->newest(written, no_deadline);
  EXPECT_EQ(fs_.num_operations(), 0u);
}

TEST_F(local_changelog_test, finds_a_position_without_reading_what_is_before_it) {
  options_.max_file_bytes = 1 << 20;
  auto log = open();
  const lineage l{"main", log->create_index("main", no_deadline).position};
  for (document_id id = 1; id <= 300; id++) {
    std::vector<feed_append> appends;
    for (document_id i = 0; i < 100; i++) appends.push_back(insert(id, 120));
    log->append(l, appends, no_deadline);
  }
  log.reset();
  log = open();
  log->bounds(l, no_deadline);
  fs_.reset_counts();
  const auto found = log->read(l, 14'950, {.max_changes = 10}, std::nullopt, no_deadline);
  ASSERT_EQ(found.positions.size(), 10u);
  EXPECT_EQ(found.positions.front(), 14'951u);
  EXPECT_LE(fs_.num_operations(fs_operation::read), 4u) << "of one file of 14, in windows of 1 MiB";
  fs_.reset_counts();
  log->read(l, 14'960, {.max_changes = 10}, std::nullopt, no_deadline);
  EXPECT_EQ(fs_.num_operations(), 0u) << "it lies in what was read";

  // In order, a byte is read about once.
  fs_.reset_counts();
  test::read_all(*log, l, 0, {.max_changes = 1'024});
  EXPECT_LE(fs_.num_operations(fs_operation::read), 14u * 5);
}

TEST_F(local_changelog_test, knows_appends_after_a_restart_by_its_newest_files_only) {
  options_.max_file_bytes = 1'000;
  auto log = open();
  const lineage l{"main", log->create_index("main", no_deadline).position};
  const feed_append first = insert(1), last = insert(2);
  EXPECT_EQ(append(*log, l, first).position, 1u);
  for (document_id id = 1; id <= 100; id++) append(*log, l, insert(id));
  EXPECT_EQ(append(*log, l, last).position, 102u);
  EXPECT_EQ(append(*log, l, first).position, 1u);
  log.reset();
  log = open();
  EXPECT_EQ(append(*log, l, last).position, 102u);
  EXPECT_EQ(append(*log, l, first).position, 103u) << "forgotten";
}

TEST_F(local_changelog_test, forgets_the_oldest_append_when_there_are_too_many) {
  options_.max_recent_of_lineage = 3;
  const auto log = open();
  const lineage l{"main", log->create_index("main", no_deadline).position};
  std::vector<feed_append> appends;
  for (document_id id = 1; id <= 4; id++) appends.push_back(insert(id));
  log->append(l, appends, no_deadline);
  EXPECT_EQ(append(*log, l, appends[1]).position, 2u);
  EXPECT_EQ(append(*log, l, appends[0]).position, 5u);
}

TEST_F(local_changelog_test, ends_at_its_deadline_and_when_it_is_interrupted) {
  const auto log = open();
  const lineage l{"main", log->create_index("main", no_deadline).position};
  const auto past = steady_clock::now() - std::chrono::seconds(1);
  const feed_append a = insert(1);
  EXPECT_EQ(log->append(l, {&a, 1}, past).at(0).status, changelog_status::unavailable);
  EXPECT_EQ(log->create_index("late", past).status, changelog_status::unavailable);
  EXPECT_EQ(append(*log, l, a).position, 1u);
  EXPECT_EQ(log->read(l, 0, {}, std::nullopt, past).status, changelog_status::unavailable);
  EXPECT_EQ(log->truncate(l, 1, past).status, changelog_status::unavailable);
  log->interrupt();
  const auto interrupted = log->read(l, 0, {}, std::nullopt, no_deadline);
  EXPECT_EQ(interrupted.status, changelog_status::unavailable);
  EXPECT_THAT(interrupted.why, HasSubstr("interrupted"));
}

TEST_F(local_changelog_test, belongs_to_one_process) {
  const auto log = open();
  EXPECT_EQ(test::error_of([&] { open(); }).code(), errc::data_folder_locked);
}

TEST_F(local_changelog_test, refuses_names_that_have_no_folder) {
  const auto log = open();
  const std::string longest(local_format::max_written_name, 'x');
  EXPECT_TRUE(log->create_index(longest, no_deadline).is_done());
  EXPECT_EQ(log->create_index(longest + "x", no_deadline).status, changelog_status::unsupported);
  EXPECT_EQ(log->create_index("", no_deadline).status, changelog_status::unsupported);
  EXPECT_EQ(log->create_index(std::string(100, '/'), no_deadline).status, changelog_status::unsupported);
  EXPECT_EQ(append(*log, {"", 9}, insert(1)).status, changelog_status::no_lineage);
  EXPECT_EQ(log->delete_index(longest + "x", no_deadline).position, 1u);
}

TEST(local_format_test, folder_names_are_those_of_one_lineage) {
  for (const std::string name : {"main", "a/b", "..", "bad%20name", "\xff\x01", "Ü", "A-b_9"}) {
    const lineage l{name, 77};
    const auto written = local_format::lineage_folder_name(l);
    ASSERT_TRUE(written);
    EXPECT_EQ(written->find('/'), std::string::npos);
    EXPECT_EQ(local_format::parse_lineage_folder_name(*written), l);
  }
  const std::string digits(16, '0');
  for (const std::string& name : {digits + ".a%2", digits + ".%61", digits + ".%2f", digits + ".", digits + "a",
                                  std::string("main"), digits + ".a b"}) {
    EXPECT_FALSE(local_format::parse_lineage_folder_name(name)) << name;
  }
}

}  // namespace
}  // namespace fp
