#include "core/upkeep/upkeep_planner.hpp"

#include <gtest/gtest.h>
#include <algorithm>

#include <random>

#include "core/segment/segment_format.hpp"
#include "tests/core/upkeep/upkeep_world.hpp"

namespace fp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::upkeep_world;

/// Nothing happens by time or idleness.
upkeep_options by_size(uint64_t threshold) {
  upkeep_options o;
  o.checkpoint_threshold = threshold;
  o.checkpoint_age = milliseconds(0);
  o.idle_after = milliseconds(0);
  o.merge = {.min_segment_size = 1,
             .max_segment_size = 1'000'000,
             .segments_per_level = 2,
             .segments_per_merge = 4,
             .max_segments = 0};
  return o;
}

/// Files of one commit and ten postings each.
void add_files(upkeep_world& w, size_t count) {
  for (size_t i = 0; i < count; i++) {
    w.version++;
    w.segments.push_back({w.version, w.version, true, {10, 10}});
  }
  w.planner.loaded(w.segments, 0, 0, w.now);
}

constexpr auto checkpoint = upkeep_kind::checkpoint;
constexpr auto memory_merge = upkeep_kind::memory_merge;
constexpr auto file_merge = upkeep_kind::file_merge;

TEST(upkeep_planner, checkpoint_by_postings) {
  upkeep_world w(by_size(100));
  for (int i = 0; i < 9; i++) w.commit(10);
  w.advance(seconds(1000));
  EXPECT_EQ(w.of(w.tried, checkpoint), 0u);
  w.commit(10);
  w.advance(milliseconds(1));
  EXPECT_EQ(w.of(w.done, checkpoint), 1u);
  EXPECT_EQ(w.num_in_memory(), 0u);
}

// As in fpindex; and nobody who writes waits for it.
TEST(upkeep_planner, at_threshold_0_whatever_is_in_memory_is_written_out) {
  upkeep_world w(by_size(0));
  w.commit(1);
  w.advance(milliseconds(1));
  EXPECT_EQ(w.of(w.done, checkpoint), 1u);
  EXPECT_EQ(w.num_in_memory(), 0u);
  w.commit(100'000);
  EXPECT_EQ(w.planner.may_write(w.segments), writers::go);
}

TEST(upkeep_planner, checkpoint_by_commits_and_by_bytes_of_the_log) {
  for (const bool by_bytes : {false, true}) {
    auto o = by_size(1'000'000);
    o.checkpoint_commits = by_bytes ? 0 : 20;
    o.checkpoint_log_bytes = by_bytes ? 2'000 : 0;
    upkeep_world w(o);
    // Deletes alone: nothing to count but commits and what they take in the log.
    for (int i = 0; i < 400; i++) {
      w.commit(0, 100);
      w.advance(milliseconds(2));
    }
    EXPECT_EQ(w.of(w.done, checkpoint), 20u) << by_bytes;
  }
}

TEST(upkeep_planner, replayed_commits_count) {
  auto o = by_size(1'000'000);
  o.checkpoint_commits = 5;
  upkeep_world w(o);
  for (int i = 0; i < 4; i++) w.commit(1);
  w.planner.loaded(w.segments, 4, 40, w.now);
  w.commit(1);
  w.advance(milliseconds(1));
  EXPECT_EQ(w.of(w.done, checkpoint), 1u);
}

TEST(upkeep_planner, checkpoint_by_age) {
  auto o = by_size(1'000'000);
  o.checkpoint_age = seconds(10);
  upkeep_world w(o);
  w.advance(seconds(100));
  w.commit(1);
  w.advance(milliseconds(9'999));
  w.commit(1);
  EXPECT_EQ(w.of(w.tried, checkpoint), 0u);
  w.advance(milliseconds(2));
  EXPECT_EQ(w.of(w.done, checkpoint), 1u);
}

TEST(upkeep_planner, delays_after_failures_grow_up_to_a_bound_and_end_with_success) {
  auto o = by_size(10);
  upkeep_world w(o);
  bool fails = true;
  w.fault = [&](const upkeep_job&, auto&) {
    return fails ? std::optional<error>(error(errc::io_error, "no disk")) : std::nullopt;
  };
  std::vector<upkeep_world::time_point> tries;
  w.started = [&](const upkeep_job& j) {
    if (j.kind == checkpoint) tries.push_back(w.now);
  };
  w.commit(12);
  w.advance(seconds(1000));
  ASSERT_GT(tries.size(), 8u);
  EXPECT_LT(tries.size(), 25u);
  const auto between = [&](size_t i) { return std::chrono::round<seconds>(tries[i + 1] - tries[i]); };
  EXPECT_EQ(between(0), seconds(5));
  EXPECT_EQ(between(1), seconds(10));
  EXPECT_EQ(between(6), seconds(60));
  EXPECT_NE(w.planner.errors().find("checkpoint: no disk"), std::string::npos) << w.planner.errors();
  fails = false;
  w.advance(seconds(60));
  EXPECT_EQ(w.of(w.done, checkpoint), 1u);
  EXPECT_EQ(w.planner.errors(), "");
  fails = true;
  tries.clear();
  w.commit(12);
  w.advance(seconds(10));
  ASSERT_EQ(tries.size(), 2u);
  EXPECT_EQ(between(0), seconds(5));
}

TEST(upkeep_planner, a_kind_that_fails_holds_up_no_other) {
  for (const auto failing : {memory_merge, file_merge}) {
    auto o = by_size(100);
    o.max_memory_segments = 4;
    upkeep_world w(o);
    w.fault = [&](const upkeep_job& j, auto&) {
      return j.kind == failing ? std::optional<error>(error(errc::no_space, "no room")) : std::nullopt;
    };
    for (int i = 0; i < 900; i++) {
      w.commit(10);
      EXPECT_EQ(w.planner.may_write(w.segments), writers::go);
      w.advance(milliseconds(10));
    }
    EXPECT_EQ(w.of(w.done, failing), 0u);
    EXPECT_GT(w.of(w.tried, failing), 1u);
    EXPECT_LT(w.of(w.tried, failing), 10u);
    EXPECT_GT(w.of(w.done, checkpoint), 50u);
    EXPECT_GT(w.of(w.done, failing == memory_merge ? file_merge : memory_merge), 5u);
    EXPECT_LE(w.num_in_memory(), 20u);
  }
}

TEST(upkeep_planner, damaged_inputs_are_left_alone_and_their_neighbours_merged) {
  upkeep_world w(by_size(10));
  w.fault = [&](const upkeep_job& j, std::vector<segment_info>& damaged) -> std::optional<error> {
    if (j.kind != file_merge) return std::nullopt;
    for (size_t i = j.first; i < j.first + j.count; i++) {
      if (w.segments[i].first_commit == 3) damaged.push_back({.first_commit = 3, .last_commit = 3});
    }
    if (damaged.empty()) return std::nullopt;
    return error(errc::corrupt_data, "flipped");
  };
  add_files(w, 1);
  for (int i = 0; i < 300; i++) {
    w.commit(10);
    w.advance(milliseconds(2));
    ASSERT_EQ(w.planner.may_write(w.segments), writers::go);
  }
  EXPECT_TRUE(w.planner.is_barred({3}));
  EXPECT_EQ(w.of(w.tried, file_merge), w.of(w.done, file_merge) + 1) << "tried again with the damage in it";
  EXPECT_LT(w.num_files(), 30u);
  // Its file is put back: the same merges as ever.
  w.fault = nullptr;
  w.planner.mended({.first_commit = 3, .last_commit = 4}, w.now);
  EXPECT_TRUE(w.planner.is_barred({3})) << "another segment";
  w.planner.mended({.first_commit = 3, .last_commit = 3}, w.now);
  EXPECT_FALSE(w.planner.is_barred({3}));
  w.planner.request_merge(w.segments, w.now);
  w.advance(seconds(1));
  EXPECT_EQ(w.num_files(), 1u);
}

TEST(upkeep_planner, without_a_culprit_all_inputs_are_left_alone) {
  upkeep_world w(by_size(10));
  add_files(w, 8);
  w.fault = [&](const upkeep_job&, auto&) { return error(errc::corrupt_data, "inconsistent"); };
  w.advance(seconds(1000));
  const auto tried = w.of(w.tried, file_merge);
  EXPECT_GE(tried, 1u);
  EXPECT_LE(tried, 4u);
  // A reload begins anew.
  w.planner.loaded(w.segments, 0, 0, w.now);
  w.advance(seconds(1));
  EXPECT_GT(w.of(w.tried, file_merge), tried);
}

TEST(upkeep_planner, what_fails_by_damage_is_forgotten_with_the_damage) {
  upkeep_world w(by_size(10));
  add_files(w, 2);
  w.fault = [&](const upkeep_job&, std::vector<segment_info>& damaged) {
    damaged.push_back({.first_commit = 1, .last_commit = 1});
    return error(errc::corrupt_data, "flipped");
  };
  w.planner.request_merge(w.segments, w.now);
  w.advance(seconds(1));
  ASSERT_EQ(w.merges.size(), 1u);
  ASSERT_TRUE(w.merges[0].hindrance);
  EXPECT_EQ(w.merges[0].hindrance->code(), errc::corrupt_data);
  EXPECT_NE(w.planner.errors(), "");
  w.fault = nullptr;
  w.planner.mended({.first_commit = 1, .last_commit = 1}, w.now);
  EXPECT_EQ(w.planner.errors(), "");
}

TEST(upkeep_planner, writers_wait_for_checkpoints_that_work_and_are_refused_for_those_that_do_not) {
  upkeep_world w(by_size(100));
  w.duration = [](const upkeep_job&) { return seconds(1); };
  bool fails = true;
  w.fault = [&](const upkeep_job&, auto&) {
    return fails ? std::optional<error>(error(errc::io_error, "no disk")) : std::nullopt;
  };
  for (int i = 0; i < 39; i++) w.commit(10);
  EXPECT_EQ(w.planner.may_write(w.segments), writers::go);
  w.commit(10);
  EXPECT_EQ(w.planner.may_write(w.segments), writers::wait);
  w.advance(seconds(2));
  EXPECT_EQ(w.planner.may_write(w.segments), writers::refused);
  w.advance(seconds(1000));
  EXPECT_EQ(w.planner.may_write(w.segments), writers::refused);
  EXPECT_GT(w.of(w.tried, checkpoint), 100u) << "nothing else can go on before one succeeds";
  fails = false;
  w.advance(seconds(7));
  EXPECT_EQ(w.planner.may_write(w.segments), writers::go);
}

TEST(upkeep_planner, requested_checkpoint_is_about_what_was_there) {
  upkeep_world w(by_size(1'000'000));
  w.duration = [](const upkeep_job&) { return seconds(1); };
  w.commit(10);
  w.planner.request_checkpoint(w.segments, w.now);
  EXPECT_FALSE(w.planner.checkpoint_request_is_met(w.segments));
  w.work();
  w.commit(10);
  w.advance(seconds(10));
  EXPECT_TRUE(w.planner.checkpoint_request_is_met(w.segments));
  EXPECT_EQ(w.of(w.done, checkpoint), 1u);
  EXPECT_EQ(w.num_in_memory(), 1u);
}

TEST(upkeep_planner, requested_merge_ends_while_writes_go_on) {
  auto o = by_size(10'000);
  upkeep_world w(o);
  w.duration = [&w](const upkeep_job& j) {
    uint64_t postings = 0;
    for (size_t i = j.first; i < j.first + j.count; i++) postings += w.segments[i].size.stored;
    return milliseconds(1 + postings / (j.kind == file_merge ? 100 : 1'000));
  };
  const auto write_for = [&](int commits) {
    for (int i = 0; i < commits; i++) {
      w.commit(100);
      w.advance(milliseconds(2));
    }
  };
  write_for(5'000);
  const auto begun = w.version;
  uint64_t merged = 0;
  w.started = [&](const upkeep_job& j) {
    if (j.kind != file_merge) return;
    for (size_t i = j.first; i < j.first + j.count; i++) {
      if (w.segments[i].first_commit <= begun) merged += w.segments[i].size.stored;
    }
  };
  const auto round = w.planner.request_merge(w.segments, w.now);
  const auto written_before = w.written;
  // Asked for again while it runs, it is about more and comes afterwards.
  write_for(3);
  const auto second = w.planner.request_merge(w.segments, w.now);
  EXPECT_NE(second, round);
  write_for(3);
  EXPECT_EQ(w.planner.request_merge(w.segments, w.now), second) << "what waits is joined";
  for (int i = 0; i < 20'000 && w.merges.empty(); i++) write_for(1);
  ASSERT_GE(w.merges.size(), 1u);
  EXPECT_EQ(w.merges[0].round, round);
  EXPECT_FALSE(w.merges[0].hindrance);
  // A merge that was running already may have had them, too.
  EXPECT_LE(merged, written_before * 2);
  size_t of_the_beginning = 0;
  for (const auto& s : w.segments) of_the_beginning += s.first_commit <= begun;
  EXPECT_EQ(of_the_beginning, 1u);
  for (int i = 0; i < 40'000 && w.merges.size() < 2; i++) write_for(1);
  ASSERT_EQ(w.merges.size(), 2u);
  EXPECT_EQ(w.merges[1].round, second);
}

TEST(upkeep_planner, requested_merge_writes_memory_out_first) {
  upkeep_world w(by_size(1'000'000));
  add_files(w, 3);
  w.commit(10);
  const auto round = w.planner.request_merge(w.segments, w.now);
  EXPECT_EQ(w.planner.request_merge(w.segments, w.now), round) << "nothing was written since";
  w.advance(seconds(1));
  ASSERT_EQ(w.merges.size(), 1u);
  EXPECT_EQ(w.segments.size(), 1u);
  EXPECT_EQ(w.of(w.done, file_merge), 1u);
}

TEST(upkeep_planner, requested_merge_ends_with_the_error_of_what_it_needs) {
  for (const auto failing : {checkpoint, file_merge}) {
    upkeep_world w(by_size(1'000'000));
    add_files(w, 3);
    w.commit(10);
    w.fault = [&](const upkeep_job& j, auto&) {
      return j.kind == failing ? std::optional<error>(error(errc::io_error, "a bad disk")) : std::nullopt;
    };
    w.planner.request_merge(w.segments, w.now);
    w.advance(milliseconds(10));
    ASSERT_EQ(w.merges.size(), 1u);
    ASSERT_TRUE(w.merges[0].hindrance);
    EXPECT_EQ(w.merges[0].hindrance->code(), errc::io_error);
    EXPECT_EQ(w.of(w.tried, failing), 1u);
    // The next request does not wait for the delay.
    w.fault = nullptr;
    w.planner.request_merge(w.segments, w.now);
    w.advance(milliseconds(10));
    ASSERT_EQ(w.merges.size(), 2u);
    EXPECT_FALSE(w.merges[1].hindrance);
  }
}

TEST(upkeep_planner, idle_index_is_checkpointed_and_merged_on) {
  auto o = by_size(1'000'000);
  o.idle_after = seconds(3);
  o.checkpoint_age = seconds(3'600);
  upkeep_world w(o);
  w.advance(seconds(60));
  for (int i = 0; i < 10; i++) {
    w.commit(10);
    w.advance(milliseconds(2'999));
    EXPECT_EQ(w.of(w.tried, checkpoint), 0u) << "somebody writes";
  }
  w.advance(milliseconds(3));
  EXPECT_EQ(w.of(w.done, checkpoint), 1u);
  EXPECT_EQ(w.num_in_memory(), 0u);
  const auto looks = w.looks;
  w.advance(seconds(10'000));
  EXPECT_LE(w.looks, looks + 2) << "at rest the clock does not ring";
}

TEST(upkeep_planner, what_has_died_is_rewritten_though_no_segment_came) {
  upkeep_world w(by_size(1'000'000));
  w.version = 1;
  w.segments.push_back({1, 1, true, {1'000, 1'000}});
  w.planner.loaded(w.segments, 0, 0, w.now);
  w.work();
  EXPECT_EQ(w.of(w.tried, file_merge), 0u);
  w.segments[0].size.live = 500;
  w.commit(0);
  w.advance(milliseconds(10));
  EXPECT_EQ(w.of(w.done, file_merge), 1u);
  EXPECT_EQ(w.segments[0].size.stored, 500u);
}

TEST(upkeep_planner, slow_writers_cause_few_idle_checkpoints) {
  auto o = by_size(1'000'000);
  o.idle_after = seconds(3);
  o.checkpoint_age = seconds(60);
  upkeep_world w(o);
  for (int i = 0; i < 250; i++) {
    w.commit(10);
    w.advance(seconds(4));
  }
  EXPECT_LE(w.of(w.done, checkpoint), 1'000u / 12 + 1);
  EXPECT_LE(w.of(w.postings_done, checkpoint), w.written);
}

TEST(upkeep_planner, small_merges_go_on_beside_large_ones_for_which_the_disk_has_no_room) {
  upkeep_world w(by_size(10));
  constexpr size_t large = 30;
  for (size_t i = 0; i < large; i++) {
    w.version++;
    w.segments.push_back({w.version, w.version, true, {10'000, 10'000}});
  }
  w.planner.loaded(w.segments, 0, 0, w.now);
  bool is_full = true;
  w.fault = [&](const upkeep_job& job, std::vector<segment_info>&) -> std::optional<error> {
    uint64_t live = 0;
    for (size_t i = job.first; i < job.first + job.count; i++) live += w.segments[i].size.live;
    if (!is_full || job.kind != file_merge || live <= 500) return std::nullopt;
    return error(errc::no_space, "no room");
  };
  for (int i = 0; i < 300; i++) {
    w.commit(10);
    w.advance(seconds(1));
    EXPECT_EQ(w.planner.errors(), "merge of files: no room");
  }
  EXPECT_EQ(w.of(w.done, checkpoint), 300u);
  EXPECT_LT(w.num_files(), large + 25);
  const auto failed = w.of(w.tried, file_merge) - w.of(w.done, file_merge);
  EXPECT_GT(failed, 5u) << "the large one is tried again";
  EXPECT_LT(failed, 20u) << "each at its time";
  is_full = false;
  w.advance(seconds(60));
  EXPECT_EQ(w.planner.errors(), "");
  EXPECT_LT(w.num_files(), 20u);
}

// Deleted documents leave segments whose merges need as good as no room, and may fail for want of it all the same.
TEST(upkeep_planner, merges_of_any_size_for_which_the_disk_has_no_room_are_tried_at_their_times) {
  for (const uint64_t live : {0, 1, 2, 1'000}) {
    upkeep_world w(by_size(10));
    for (size_t i = 0; i < 30; i++) {
      w.version++;
      w.segments.push_back({w.version, w.version, true, {1'000, live}});
    }
    w.planner.loaded(w.segments, 0, 0, w.now);
    w.fault = [&](const upkeep_job& job, std::vector<segment_info>&) -> std::optional<error> {
      if (job.kind != file_merge) return std::nullopt;
      return error(errc::no_space, "no room");
    };
    w.advance(seconds(300));
    EXPECT_GT(w.of(w.tried, file_merge), 5u) << live;
    EXPECT_LT(w.of(w.tried, file_merge), 100u) << live;
    w.fault = nullptr;
    w.advance(seconds(60));
    EXPECT_EQ(w.planner.errors(), "") << live;
    EXPECT_LT(w.num_files(), 20u) << live;
  }
}

// A merge of more could never succeed, and what cannot succeed would be tried for ever.
TEST(upkeep_planner, no_merge_is_planned_that_the_format_cannot_hold) {
  std::mt19937 random(17);
  const auto below = [&](uint32_t n) { return static_cast<uint32_t>(random() % n); };
  uint64_t largest = 0;
  for (int round = 0; round < 300; round++) {
    auto o = by_size(1'000'000);
    o.idle_after = milliseconds(below(2) * 3'000);
    o.merge = {.max_segment_size = round % 3 == 0 ? UINT64_MAX : max_segment_postings - below(1'000'000),
               .segments_per_level = 2 + below(3),
               .segments_per_merge = 2 + below(8),
               .max_segments = below(3)};
    upkeep_world w(o);
    w.started = [&](const upkeep_job& job) {
      uint64_t stored = 0;
      for (size_t i = job.first; i < job.first + job.count; i++) stored += w.segments[i].size.stored;
      EXPECT_LE(stored, max_segment_postings);
      largest = std::max(largest, stored);
    };
    for (size_t i = 2 + below(10); i > 0; i--) {
      w.version++;
      const uint64_t stored = (max_segment_postings >> below(4)) - below(1'000);
      w.segments.push_back({w.version, w.version, true, {stored, stored / (1 + below(4))}});
    }
    w.planner.loaded(w.segments, 0, 0, w.now);
    w.advance(seconds(100));
    w.planner.request_merge(w.segments, w.now);
    w.commit(10);
    w.advance(seconds(100));
    EXPECT_EQ(w.merges.size(), 1u);
    if (HasFailure()) return;
  }
  EXPECT_GT(largest, max_segment_postings - 10'000) << "and what fits is merged";
}

// Whatever happens in whatever order: inputs are there and in one job at a time, of one kind (the world checks
// that), and everything comes to an end.
TEST(upkeep_planner, random_histories) {
  for (uint32_t seed = 1; seed <= 200; seed++) {
    std::mt19937 random(seed);
    const auto draw = [&](uint32_t below) { return static_cast<uint32_t>(random() % below); };
    auto o = by_size(50 + draw(1'000));
    o.max_memory_segments = 1 + draw(10);
    o.idle_after = seconds(draw(3) * 2);
    o.checkpoint_age = seconds(draw(3) * 5);
    o.checkpoint_commits = draw(2) * 100;
    o.merge.max_segment_size = 100 + draw(20'000);
    upkeep_world w(o);
    w.duration = [&](const upkeep_job&) { return milliseconds(draw(500)); };
    uint32_t fault_share = draw(40);
    w.fault = [&](const upkeep_job& j, std::vector<segment_info>& damaged) -> std::optional<error> {
      if (draw(100) >= fault_share) return std::nullopt;
      if (j.kind != file_merge || draw(2) == 0) return error(errc::io_error, "drawn");
      const auto& s = w.segments[j.first + draw(static_cast<uint32_t>(j.count))];
      if (draw(2) == 0) damaged.push_back({.first_commit = s.first_commit, .last_commit = s.last_commit});
      return error(errc::corrupt_data, "drawn");
    };
    uint64_t requested = 0;
    for (int step = 0; step < 400; step++) {
      switch (draw(12)) {
        case 0:
          requested = w.planner.request_merge(w.segments, w.now);
          break;
        case 1:
          w.planner.request_checkpoint(w.segments, w.now);
          break;
        case 2:
          w.advance(milliseconds(draw(20'000)));
          break;
        default:
          if (w.planner.may_write(w.segments) == writers::go) w.commit(draw(40));
          w.advance(milliseconds(draw(30)));
      }
    }
    fault_share = 0;
    w.advance(seconds(600));
    EXPECT_EQ(w.planner.may_write(w.segments), writers::go) << seed;
    if (requested > 0) {
      ASSERT_FALSE(w.merges.empty()) << seed;
      EXPECT_EQ(w.merges.back().round, requested) << seed;
    }
    for (const auto kind : {checkpoint, memory_merge, file_merge}) EXPECT_FALSE(w.planner.is_running(kind)) << seed;
    uint64_t postings = 0;
    for (const auto& s : w.segments) postings += s.size.stored;
    EXPECT_EQ(postings, w.written) << seed;
    EXPECT_LT(w.looks, 5'000u) << seed;
  }
}

TEST(upkeep_planner, parts_of_one_commit_are_told_apart) {
  upkeep_world w(by_size(1'000'000));
  w.version = 7;
  for (const uint32_t part : {0, 1, 2, 3}) w.segments.push_back({7, 7, true, {10, 10}, part});
  w.planner.loaded(w.segments, 0, 0, w.now);
  const segment_info second{.first_commit = 7, .last_commit = 7, .first_part = 1, .last_part = 2};
  w.fault = [&](const upkeep_job& job, auto& damaged) -> std::optional<error> {
    if (job.first > 1 || job.first + job.count <= 1) return std::nullopt;
    damaged.push_back(second);
    return error(errc::corrupt_data, "damaged");
  };
  w.planner.request_merge(w.segments, w.now);
  w.advance(seconds(100));
  EXPECT_TRUE(w.planner.is_barred({7, 1}));
  EXPECT_FALSE(w.planner.is_barred({7, 0}));
  EXPECT_FALSE(w.planner.is_barred({7, 2}));
  w.planner.mended({.first_commit = 7, .last_commit = 7}, w.now);
  EXPECT_TRUE(w.planner.is_barred({7, 1})) << "another part is right";
  w.planner.mended(second, w.now);
  EXPECT_FALSE(w.planner.is_barred({7, 1}));
}

TEST(UpkeepPlanner, PlansNoMergeThatTheFormatCannotHold) {
  auto o = by_size(1'000'000);
  o.merge.max_segment_size = max_segment_postings;
  o.merge.segments_per_level = 4;
  o.idle_after = seconds(3);
  upkeep_world w(o);
  add_files(w, 4);
  const auto claim = [&](uint64_t stored, uint64_t live) {
    for (auto& segment : w.segments) segment.size = {stored, live};
  };
  const auto merge_all = [&] {
    w.planner.request_merge(w.segments, w.now);
    w.advance(seconds(60));
    return w.num_files();
  };
  constexpr uint64_t half = max_segment_postings / 2 + 1;
  w.fault = [&](const upkeep_job& job, std::vector<segment_info>&) -> std::optional<error> {
    uint64_t live = 0;
    for (size_t i = 0; i < job.count; i++) live += w.segments[job.first + i].size.live;
    if (live <= max_segment_postings) return std::nullopt;
    return error(errc::internal_error, "more than the format holds");
  };
  claim(half, half / 10 * 9);
  w.advance(seconds(60));
  claim(half, half);
  EXPECT_EQ(merge_all(), w.num_files());
  EXPECT_EQ(w.planner.errors(), "");
  const size_t before = w.num_files();
  EXPECT_EQ(merge_all(), before) << "there is nothing to do";
  claim(half - 1, half - 1);
  EXPECT_EQ(merge_all(), (before + 1) / 2) << "as much as the format holds";
  EXPECT_EQ(w.planner.errors(), "");
}

}  // namespace
}  // namespace fp
