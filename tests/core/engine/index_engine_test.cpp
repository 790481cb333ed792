#include "core/engine/index_engine.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/search/search.hpp"
#include "tests/core/support/commits.hpp"
#include "tests/core/support/driven_engine.hpp"
#include "tests/core/support/faulty_file_system.hpp"
#include "tests/core/support/full_size.hpp"
#include "tests/core/support/naive_index.hpp"
#include "tests/core/support/volatile_file_system.hpp"

namespace fp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::driven_engine;
using test::faulty_file_system;
using test::fs_operation;
using test::naive_index;
using test::random_data;
using test::volatile_file_system;

const path data = "/d", log_folder = "/l";

void make_folders(volatile_file_system& fs) {
  fs.create_directories(data);
  fs.create_directories(log_folder);
  fs.sync_directory("/");
  write_manifest(fs, data, {});
}

changes_ptr insert(document_id id) {
  changes_encoder changes;
  changes.insert(id, std::vector<hash_value>{id, 1000});
  return std::make_shared<const std::vector<uint8_t>>(changes.take());
}

/// Upkeep only when it is asked for.
driven_engine::options at_rest() {
  driven_engine::options o;
  o.upkeep = {.checkpoint_threshold = 1'000'000,
              .checkpoint_age = milliseconds(0),
              .checkpoint_commits = 0,
              .checkpoint_log_bytes = 0,
              .max_memory_segments = 1'000,
              .idle_after = milliseconds(0),
              .merge = {.segments_per_level = 1'000, .max_segments = 1'000}};
  return o;
}

class index_engine_test : public ::testing::Test {
 protected:
  index_engine_test() { make_folders(disk); }
  driven_engine& make(const driven_engine::options& o) { return index.emplace(fs, data, log_folder, o); }

  volatile_file_system disk;
  faulty_file_system fs{disk};
  std::optional<driven_engine> index;
};

TEST_F(index_engine_test, a_write_is_answered_when_it_is_durable_and_searchable) {
  for (const auto first : {driven_engine::the_log, driven_engine::the_builder}) {
    auto& e = make(at_rest());
    const auto version = e.served().version();
    const auto one = e.update(insert(1));
    e.carry_out(first);
    EXPECT_EQ(e.answers.count(one), 0u);
    EXPECT_EQ(e.served().version(), version);
    e.run();
    EXPECT_EQ(e.answers.at(one).version, version + 1);
    EXPECT_EQ(e.served().version(), version + 1);
    EXPECT_TRUE(e.engine.is_quiet());
  }
}

TEST_F(index_engine_test, what_comes_during_a_batch_is_the_next_one) {
  auto& e = make(at_rest());
  for (int i = 1; i <= 5; i++) e.update(insert(static_cast<document_id>(i)));
  EXPECT_EQ(e.engine.num_queued(), 4u);
  EXPECT_EQ(e.engine.num_updates(), 5u);
  e.run();
  for (uint64_t i = 1; i <= 5; i++) EXPECT_EQ(e.answers.at(i).version, i);
  EXPECT_EQ(e.served().entries().size(), 2u);
}

TEST_F(index_engine_test, a_version_mismatch_is_told_when_what_it_was_compared_with_is_durable) {
  auto& e = make(at_rest());
  e.update(insert(1));
  const auto two = e.update(insert(2)), wrong = e.update(insert(3), 1);
  while (e.answers.count(1) == 0) e.carry_out(e.busy().front());
  EXPECT_EQ(e.answers.count(wrong), 0u);
  e.run();
  EXPECT_EQ(e.answers.at(two).version, 2u);
  EXPECT_EQ(e.answers.at(wrong).why->code(), errc::version_mismatch);
  // Alone there is nothing to wait for.
  const auto alone = e.update(insert(3), 1);
  EXPECT_EQ(e.answers.at(alone).why->code(), errc::version_mismatch);
}

TEST_F(index_engine_test, a_log_that_fails_makes_it_read_only_until_a_probe_succeeds) {
  auto& e = make(at_rest());
  fs.fail(1, {.code = errc::no_space, .permanent = true}, fs_operation::write);
  const auto lost = e.update(insert(1)), behind_it = e.update(insert(2));
  e.run();
  EXPECT_EQ(e.answers.at(lost).why->code(), errc::read_only);
  EXPECT_EQ(e.answers.at(behind_it).why->code(), errc::read_only);
  ASSERT_TRUE(e.hindrance);
  EXPECT_NE(std::string(e.hindrance->what()).find("injected failure"), std::string::npos);
  e.advance(seconds(12));
  EXPECT_TRUE(e.hindrance);
  fs.heal();
  e.advance(seconds(5));
  EXPECT_FALSE(e.hindrance);
  const auto next = e.update(insert(1));
  e.run();
  EXPECT_EQ(e.answers.at(next).version, 1u);
}

TEST_F(index_engine_test, a_write_that_succeeds_ends_read_only_too) {
  auto& e = make(at_rest());
  fs.fail(1, {.code = errc::no_space}, fs_operation::write);
  e.update(insert(1));
  e.run();
  ASSERT_TRUE(e.hindrance);
  const auto next = e.update(insert(1));
  e.run();
  EXPECT_EQ(e.answers.at(next).version, 1u);
  EXPECT_FALSE(e.hindrance);
}

TEST_F(index_engine_test, a_commit_that_cannot_be_indexed_blocks_writes_until_a_load) {
  auto& e = make(at_rest());
  const auto one = e.update(insert(1));
  e.engine.build_failed(1, error(errc::internal_error, "out of memory"), e.now);
  EXPECT_EQ(e.answers.at(one).why->code(), errc::read_only);
  ASSERT_TRUE(e.hindrance);
  EXPECT_STREQ(e.hindrance->what(), "index a: indexing a commit failed (out of memory); reload the index");
  const auto refused = e.update(insert(2));
  EXPECT_EQ(e.answers.at(refused).why->code(), errc::read_only);
  // What the log and the builder say of it later changes nothing.
  e.run();
  EXPECT_EQ(e.served().version(), 0u);
  e.advance(seconds(60));
  EXPECT_TRUE(e.hindrance);
  EXPECT_EQ(make(at_rest()).served().version(), 1u) << "the log has it";
}

TEST_F(index_engine_test, memory_that_cannot_be_written_out_holds_writes_then_refuses_them) {
  auto o = at_rest();
  o.upkeep.checkpoint_threshold = 10;
  auto& e = make(o);
  e.refuse_merge = [](const merge_task& task) -> std::optional<error> {
    if (task.kind == upkeep_kind::checkpoint) return error(errc::no_space, "no room for a checkpoint");
    return std::nullopt;
  };
  uint64_t num_accepted = 0;
  for (document_id id = 1; id <= 200 && !e.hindrance; id++) {
    e.update(insert(id));
    e.run();
    num_accepted = id;
  }
  ASSERT_TRUE(e.hindrance) << "after " << num_accepted;
  EXPECT_NE(std::string(e.hindrance->what()).find("no room for a checkpoint"), std::string::npos);
  const auto refused = e.update(insert(500));
  EXPECT_EQ(e.answers.at(refused).why->code(), errc::read_only);
  EXPECT_FALSE(e.failures.empty());
  e.refuse_merge = nullptr;
  e.advance(seconds(60));
  EXPECT_FALSE(e.hindrance);
  const auto next = e.update(insert(501));
  e.run();
  EXPECT_TRUE(e.answers.at(next).version);
}

TEST_F(index_engine_test, manifests_are_written_one_after_the_other) {
  auto& e = make(at_rest());
  for (document_id id = 1; id <= 3; id++) {
    e.update(insert(id));
    e.run();
    e.checkpoint();
    e.run();
  }
  e.update(insert(4));
  e.run();
  const auto round = e.merge_all();
  // A merge of the files and a checkpoint at once, the result of either waiting for the manifest of the other.
  e.carry_out(driven_engine::checkpointer);
  ASSERT_EQ(e.busy(), std::vector<driven_engine::worker>{driven_engine::the_manifest});
  e.update(insert(5));
  e.run();
  EXPECT_EQ(e.merges_ended.count(round), 1u);
  EXPECT_FALSE(e.merges_ended.at(round));
  EXPECT_EQ(e.served().num_file_segments(), 1u);
  EXPECT_EQ(e.served().version(), 5u);
  EXPECT_EQ(read_manifest(fs, data).segments.size(), 1u);
}

TEST_F(index_engine_test, of_what_it_has_forgotten_it_hears_nothing_more) {
  auto& e = make(at_rest());
  const auto one = e.update(insert(1));
  e.run();
  e.checkpoint();
  const auto two = e.update(insert(2));
  e.engine.stop(error(errc::index_not_ready, "being loaded"));
  ASSERT_TRUE(e.requests_given_up);
  EXPECT_EQ(e.served().version(), 0u);
  e.run();
  EXPECT_EQ(e.served().version(), 0u);
  EXPECT_TRUE(e.answers.at(one).version);
  EXPECT_TRUE(e.answers.at(two).version) << "what was on its way is durable";
  EXPECT_EQ(read_manifest(fs, data).segments.size(), 0u) << "the merge had no manifest written";
  EXPECT_EQ(make(at_rest()).served().version(), 2u);
}

TEST_F(index_engine_test, closing_writes_out_what_waits) {
  auto& e = make(at_rest());
  std::vector<uint64_t> all;
  for (document_id id = 1; id <= 4; id++) all.push_back(e.update(insert(id)));
  e.engine.close(e.now);
  EXPECT_FALSE(e.engine.is_quiet());
  e.run();
  EXPECT_TRUE(e.engine.is_quiet());
  for (const auto number : all) EXPECT_TRUE(e.answers.at(number).version);
}

TEST_F(index_engine_test, giving_up_answers_everybody) {
  auto& e = make(at_rest());
  const auto on_its_way = e.update(insert(1)), waiting = e.update(insert(2));
  e.checkpoint();
  const error why(errc::internal_error, "it has ended");
  e.engine.refuse_requests(why);
  e.engine.refuse_updates(why);
  EXPECT_EQ(e.answers.at(on_its_way).why->what(), std::string("it has ended"));
  EXPECT_EQ(e.answers.at(waiting).why->what(), std::string("it has ended"));
  EXPECT_TRUE(e.requests_given_up);
  EXPECT_EQ(e.engine.num_updates(), 0u);
}

/// Random work whose parts end in any order, kills and power failures in between: what is served agrees with the
/// naive model, and what was acknowledged is there afterwards.
void play(uint64_t seed) {
  random_data random(seed);
  driven_engine::options o;
  o.upkeep = {.checkpoint_threshold = random.pick({20, 100, 1000}),
              .checkpoint_age = milliseconds(random.pick({0, 50, 5000})),
              .checkpoint_commits = random.pick({0, 7}),
              .checkpoint_log_bytes = random.pick({0, 500}),
              .max_memory_segments = random.pick({2, 4, 16}),
              .idle_after = milliseconds(random.pick({0, 20})),
              .merge = {.min_segment_size = 10,
                        .max_segment_size = random.pick({200, 100'000}),
                        .segments_per_level = 2,
                        .segments_per_merge = 3,
                        .max_segments = 6}};
  o.log_file_bytes = random.pick({1, 500, 100'000});
  volatile_file_system disk;
  make_folders(disk);
  std::optional<driven_engine> index(std::in_place, disk, data, log_folder, o);
  naive_index model;  // of what is acknowledged
  std::vector<std::pair<uint64_t, changes_ptr>> sent;
  const auto take_answers = [&] {
    size_t taken = 0;
    for (; taken < sent.size() && index->answers.contains(sent[taken].first); taken++) {
      const auto& answer = index->answers.at(sent[taken].first);
      ASSERT_TRUE(answer.version) << answer.why->what();
      ASSERT_EQ(*answer.version, model.version() + 1);
      model.apply({model.version(), *answer.version, sent[taken].second});
    }
    sent.erase(sent.begin(), sent.begin() + static_cast<ptrdiff_t>(taken));
  };
  const auto check = [&] {
    ASSERT_EQ(index->served().version(), model.version());
    ASSERT_EQ(index->served().stats().num_documents, model.documents().size());
    searcher search;
    for (int i = 0; i < 3; i++) {
      const auto hashes = random.hashes(30);
      search_options options;
      options.min_score = 1;
      options.limit = 1000;
      ASSERT_EQ(search.search(index->served(), hashes, options).results, model.search(hashes, options));
    }
  };
  for (int i = 0; i < 150; i++) {
    const auto what = random.below(16);
    if (what < 2) {
      index->run();
      take_answers();
      check();
    } else if (what == 2) {
      index->checkpoint();
    } else if (what == 3) {
      index->merge_all();
    } else if (what == 4) {
      // Whoever was not answered may find it done or not; what follows goes on from what is there.
      index.reset();
      if (random.chance(50)) disk.lose_power(test::power_failure(random.below(1000)));
      index.emplace(disk, data, log_folder, o);
      while (model.version() < index->served().version()) {
        ASSERT_FALSE(sent.empty()) << "a commit that nobody sent";
        model.apply({model.version(), model.version() + 1, sent.front().second});
        sent.erase(sent.begin());
      }
      sent.clear();
      check();
    } else if (what == 5) {
      index->run();
      take_answers();
      index->advance(milliseconds(random.below(200)));
    } else if (what < 10) {
      const auto changes = random.next_commit(1, 8, 20).changes;
      sent.emplace_back(index->update(changes), changes);
    } else if (const auto busy = index->busy(); !busy.empty()) {
      index->carry_out(busy[random.below(busy.size())]);
      take_answers();
    }
    if (testing::Test::HasFatalFailure()) return;
    ASSERT_TRUE(index->failures.empty()) << index->failures.front().second;
  }
}

TEST(IndexEngine, AgreesWithTheNaiveModelInWhateverOrderItsWorkEnds) {
  const uint64_t num_seeds = test::is_full_size() ? 5'000 : 150;
  for (uint64_t seed = 1; seed <= num_seeds; seed++) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    ASSERT_NO_FATAL_FAILURE(play(seed));
  }
}

}  // namespace
}  // namespace fp
