#include <algorithm>
#include <random>

#include "actors/oplog_actor.hpp"
#include "core/search/search.hpp"
#include "tests/actors/support/actor_fixture.hpp"
#include "tests/core/support/folder_contents.hpp"
#include "tests/core/support/naive_index.hpp"

namespace fp {
namespace {

using test::naive_index;
using test::random_data;

class replay : public test::actor_fixture {
 protected:
  struct outcome {
    std::vector<oplog_opened> opened;
    std::vector<load_failed> failed;
  };

  replay() { std::filesystem::create_directory(log_folder); }

  /// Writes commits as a log, in frames of one or more.
  void write_log(std::span<const commit> commits, std::mt19937& random, bool close) {
    oplog_replay report;
    const auto log = oplog::open(
        posix_file_system(), log_folder, {1'000 + random() % 20'000}, 0, [](commit&&) {}, report);
    while (!commits.empty()) {
      const auto count = std::min<size_t>(1 + random() % 4, commits.size());
      log->append(commits.first(count));
      commits = commits.subspan(count);
    }
    if (close) log->close();
  }

  static std::vector<commit> random_commits(random_data& data, size_t count) {
    std::vector<commit> commits;
    for (commit_id id = 1; id <= count; id++) commits.push_back(data.next_commit(id));
    return commits;
  }

  /// Writes random commits as a log. Returns what is in its folder.
  test::folder_contents write_random_log(size_t count, bool close) {
    std::mt19937 random(1);
    random_data data(1);
    write_log(random_commits(data, count), random, close);
    return test::read_folder(log_folder);
  }

  oplog_handle spawn_log(size_t slice_bytes, commit_id after = 0) {
    auto heard_here = happened;
    const auto listener = system().spawn([heard_here]() -> oplog_listener::behavior_type {
      return {[heard_here](const oplog_opened& o) { heard_here->opened.push_back(o); },
              [heard_here](const load_failed& f) { heard_here->failed.push_back(f); }};
    });
    return system().spawn(
        oplog_actor, oplog_setup{make_env(), "a", 1, log_folder, after, listener, cancel, nullptr, slice_bytes});
  }

  /// A replay of many slices that has handed out some.
  oplog_handle spawn_log_half_replayed() {
    settings.threads = 1;
    const auto log = spawn_log(1);
    for (int i = 0; i < 5; i++) EXPECT_TRUE(step());
    EXPECT_TRUE(happened->opened.empty());
    return log;
  }

  /// Runs until the log is open or the replay has failed.
  void run_until_replayed() {
    run();
    EXPECT_EQ(happened->opened.size() + happened->failed.size(), 1u);
  }

  void expect_same(const snapshot& index, const naive_index& model) {
    EXPECT_EQ(index.version(), model.version());
    EXPECT_EQ(index.metadata().to_map(), model.metadata());
    EXPECT_EQ(index.stats().num_documents, model.documents().size());
    searcher searches;
    for (const auto& [id, d] : model.documents()) {
      const auto state = index.find(id);
      ASSERT_TRUE(state) << id;
      EXPECT_EQ(state->commit, d.commit);
      const std::vector<hash_value> query(d.hashes.begin(), d.hashes.end());
      EXPECT_EQ(searches.search(index, query, {}).results, model.search(query, {})) << id;
    }
  }

  path log_folder = folder.path() / "log";
  cancel_flag_ptr cancel = std::make_shared<cancel_flag>(false);
  std::shared_ptr<outcome> happened = std::make_shared<outcome>();
};

TEST_F(replay, slices_built_side_by_side_are_the_index_that_was_written) {
  for (uint32_t seed = 0; seed < 40; seed++) {
    std::mt19937 random(seed);
    random_data data(seed);
    std::filesystem::remove_all(log_folder);
    std::filesystem::create_directory(log_folder);
    const auto commits = random_commits(data, 1 + random() % 60);
    write_log(commits, random, seed % 3 == 0);
    naive_index model;
    for (const auto& c : commits) model.apply(c);
    settings.threads = 1 + random() % 6;
    *happened = {};
    const auto log = spawn_log(1 + random() % 20'000);
    run_until_replayed();
    ASSERT_EQ(happened->opened.size(), 1u) << "seed " << seed;
    const auto& opened = happened->opened.front();
    EXPECT_EQ(opened.report.num_commits, commits.size());
    expect_same(*snapshot::from_segments(opened.segments), model);
    // It appends behind what it has read.
    const auto next = std::make_shared<const commit_batch>(commit_batch{data.next_commit(commits.size() + 1)});
    EXPECT_GT(get<uint64_t>(log, append_atom_v, next), 0u);
    kill(log);
    run();
    if (HasFailure()) return;
  }
}

TEST_F(replay, leaves_out_what_file_segments_hold) {
  std::mt19937 random(1);
  random_data data(1);
  const auto commits = random_commits(data, 30);
  write_log(commits, random, false);
  const auto log = spawn_log(500, 17);
  run_until_replayed();
  ASSERT_EQ(happened->opened.size(), 1u);
  const auto& segments = happened->opened.front().segments;
  EXPECT_EQ(segments.front()->info().first_commit, 18u);
  EXPECT_EQ(segments.back()->info().last_commit, 30u);
  kill(log);
}

TEST_F(replay, keeps_few_slices_at_a_time) {
  write_random_log(60, false);
  settings.threads = 3;
  const auto log = spawn_log(1);
  const auto& state = state_in<oplog_state>(log);
  size_t most = 0;
  while (step()) {
    if (!state.opening) continue;
    const auto& o = *state.opening;
    EXPECT_LE(o.num_building + o.unused.size() + (o.ready ? 1 : 0), 4u);
    EXPECT_LE(o.builders.size(), 3u);
    most = std::max(most, o.num_building);
  }
  EXPECT_EQ(most, 3u);
  ASSERT_EQ(happened->opened.size(), 1u);
  EXPECT_FALSE(state.opening);
  kill(log);
}

TEST_F(replay, a_commit_that_cannot_be_built_fails_it_and_leaves_the_log_alone) {
  std::mt19937 random(1);
  random_data data(1);
  auto commits = random_commits(data, 20);
  commits[9].changes = std::make_shared<const std::vector<uint8_t>>(8, uint8_t{9});
  write_log(commits, random, true);
  const auto before = test::read_folder(log_folder);
  const auto log = spawn_log(1);
  run_until_replayed();
  ASSERT_EQ(happened->failed.size(), 1u);
  EXPECT_EQ(code_of(happened->failed.front().reason), errc::bad_request);
  EXPECT_EQ(test::read_folder(log_folder), before);
  EXPECT_TRUE(ask<uint64_t>(log, append_atom_v, std::make_shared<const commit_batch>()).text().empty());
  kill(log);
}

TEST_F(replay, damage_fails_it_and_leaves_the_log_alone) {
  write_random_log(20, true);
  const auto file = log_folder / posix_file_system().list(log_folder).front();
  const std::vector<std::byte> bytes(1, std::byte{0x55});
  posix_file_system().open_for_writing(file)->write_at(70, bytes);
  const auto before = test::read_folder(log_folder);
  const auto log = spawn_log(1);
  run_until_replayed();
  ASSERT_EQ(happened->failed.size(), 1u);
  EXPECT_EQ(code_of(happened->failed.front().reason), errc::corrupt_data);
  EXPECT_NE(text_of(happened->failed.front().reason).find(file.string()), std::string::npos);
  EXPECT_EQ(test::read_folder(log_folder), before);
  kill(log);
}

TEST_F(replay, is_cancelled_between_slices) {
  const auto before = write_random_log(60, true);
  const auto log = spawn_log_half_replayed();
  *cancel = true;
  run_until_replayed();
  ASSERT_EQ(happened->failed.size(), 1u);
  EXPECT_EQ(code_of(happened->failed.front().reason), errc::cancelled);
  EXPECT_EQ(test::read_folder(log_folder), before);
  kill(log);
}

TEST_F(replay, a_log_that_is_closed_meanwhile_keeps_its_seal) {
  const auto before = write_random_log(60, true);
  const auto log = spawn_log_half_replayed();
  EXPECT_EQ(get<done_atom>(log, close_atom_v), done_atom_v);
  EXPECT_TRUE(happened->opened.empty());
  EXPECT_EQ(test::read_folder(log_folder), before);
  kill(log);
}

TEST_F(replay, ends_with_a_builder_that_dies) {
  const auto before = write_random_log(60, true);
  settings.threads = 2;
  const auto log = spawn_log(1);
  auto& state = state_in<oplog_state>(log);
  while (!state.opening || state.opening->builders.size() < 2) ASSERT_TRUE(step());
  kill(state.opening->builders.back());
  run();
  EXPECT_TRUE(happened->opened.empty());
  EXPECT_EQ(happened->failed.size(), 1u);
  EXPECT_EQ(test::read_folder(log_folder), before);
  kill(log);
}

}  // namespace
}  // namespace fp
