#include <algorithm>

#include "core/base/checksum.hpp"
#include "core/oplog/log_replayer.hpp"
#include "core/oplog/oplog_format.hpp"
#include "tests/core/oplog/log_fixture.hpp"
#include "tests/core/support/error_of.hpp"

namespace fp {
namespace {

/// Logs whose versions jump, with a model that is a list of commits.
class jumping_log : public test::log_fixture {
 protected:
  std::vector<commit> commits_behind(commit_id last, size_t count, size_t max_bytes = 60) {
    std::vector<commit> commits;
    for (size_t i = 0; i < count; i++) {
      commit_id id = last + 1;
      if (random_() % 2 == 0) id += random_() % 9;
      if (random_() % 8 == 0) id += uint64_t{random_()} << 8;
      commits.push_back({last, id, random_changes(random_() % max_bytes)});
      last = id;
    }
    return commits;
  }
  void append_some(oplog& log, size_t count, size_t max_bytes = 60) {
    const auto commits = commits_behind(log.last_commit(), count, max_bytes);
    log.append(commits);
    all_.insert(all_.end(), commits.begin(), commits.end());
  }
  commit_id last() const { return all_.empty() ? 0 : all_.back().id; }

  /// How many of the model's commits were delivered behind `after`: they must be the next ones.
  std::optional<size_t> num_delivered(const opened& o, commit_id after) const {
    const auto first = std::ranges::upper_bound(all_, after, {}, &commit::id);
    if (o.commits.size() > static_cast<size_t>(all_.end() - first)) return std::nullopt;
    for (size_t i = 0; i < o.commits.size(); i++) {
      const commit &found = o.commits[i], &expected = first[static_cast<long>(i)];
      if (found.id != expected.id || found.previous != expected.previous || *found.changes != *expected.changes) {
        return std::nullopt;
      }
    }
    return o.commits.size();
  }
  ::testing::AssertionResult is_whole(const opened& o, commit_id after = 0) const {
    const auto expected = std::ranges::count_if(all_, [&](const commit& c) { return c.id > after; });
    if (num_delivered(o, after) != static_cast<size_t>(expected) ||
        o.log->last_commit() != std::max(last(), after)) {
      return ::testing::AssertionFailure() << o.commits.size() << " commits up to " << o.log->last_commit()
                                           << " for " << expected << " up to " << last();
    }
    return ::testing::AssertionSuccess();
  }

  void write_random_log(bool seal) {
    test::write_folder(folder_.path(), {});
    all_.clear();
    options_.max_file_bytes = 400;
    auto o = open();
    for (int i = 0; i < 8; i++) append_some(*o.log, 1 + random_() % 3, 200);
    if (seal) o.log->close();
    o.log.reset();
    pristine_ = test::read_folder(folder_.path());
    ASSERT_GE(log_names().size(), 3u);
  }
  /// `may_be_cut`: nothing tells where the newest file ended.
  void expect_prefix_or_damage(const std::string& where, bool may_be_cut) {
    const bool is_newest = where == newest_;
    try {
      const auto o = open();
      const auto delivered = num_delivered(o, 0);
      ASSERT_TRUE(delivered) << where;
      ASSERT_TRUE(*delivered == all_.size() || (is_newest && (may_be_cut || o.report.torn_bytes > 0))) << where;
    } catch (const error& e) {
      ASSERT_EQ(e.code(), errc::corrupt_data) << e.what();
      ASSERT_NE(std::string(e.what()).find(folder_.path().string()), std::string::npos) << e.what();
      num_damaged_++;
    }
  }

  std::vector<commit> all_;
  test::folder_contents pristine_;
  std::string newest_;
  size_t num_damaged_ = 0;
};

TEST_F(jumping_log, random_histories_match_a_model) {
  for (int round = 0; round < 30; round++) {
    test::write_folder(folder_.path(), {});
    all_.clear();
    options_.max_file_bytes = random_() % 2 == 0 ? 1 : 200 + random_() % 4000;
    commit_id durable = 0;
    const auto any_commit_from = [&](commit_id least) {
      const auto first = std::ranges::lower_bound(all_, least, {}, &commit::id);
      const auto count = static_cast<uint64_t>(all_.end() - first);
      return count == 0 || random_() % 4 == 0 ? least : first[static_cast<long>(random_() % count)].id;
    };
    auto o = open();
    for (int step = 0; step < 80; step++) {
      const auto dice = random_() % 10;
      if (dice < 6) {
        append_some(*o.log, 1 + random_() % 4, random_() % 8 == 0 ? 3000 : 60);
      } else if (dice == 6) {
        durable = any_commit_from(durable);
        o.log->truncate(durable);
      } else if (dice == 7) {
        size_t num_seen = 0;
        const auto seen =
            inspect_oplog(fs_, folder_.path(), durable, [&](const commit_view& c, const path&, uint64_t) {
              const auto known = std::ranges::find(all_, c.id, &commit::id);
              ASSERT_NE(known, all_.end());
              ASSERT_EQ(known->previous, c.previous);
              num_seen += c.id > durable;
            });
        ASSERT_FALSE(seen.first) << seen.first->reason;
        ASSERT_EQ(seen.last_commit, last());
        ASSERT_EQ(num_seen, static_cast<size_t>(
                                std::ranges::count_if(all_, [&](const commit& c) { return c.id > durable; })));
      } else {
        if (random_() % 2 == 0) o.log->close();
        o.log.reset();
        durable = any_commit_from(durable);
        o = open(durable);
        ASSERT_TRUE(is_whole(o, durable));
        ASSERT_EQ(o.report.torn_bytes, 0u);
        ASSERT_FALSE(o.report.ends_early_at);
      }
      ASSERT_EQ(o.log->last_commit(), last());
    }
  }
}

TEST_F(jumping_log, the_size_of_slices_changes_nothing) {
  for (int round = 0; round < 10; round++) {
    write_random_log(false);
    for (const size_t slice_bytes : {1u, 33u, 200u, 100'000u}) {
      log_replayer found(fs_, folder_.path(), 0, nullptr, slice_bytes);
      log_slice slice;
      std::vector<commit> commits;
      while (found.next(slice)) {
        for (const auto& c : slice.commits) commits.push_back(owned(c));
        ASSERT_EQ(slice.frames.front().before, slice.commits.front().previous);
      }
      ASSERT_EQ(commits.size(), all_.size());
      for (size_t i = 0; i < commits.size(); i++) {
        ASSERT_EQ(commits[i].id, all_[i].id);
        ASSERT_EQ(commits[i].previous, all_[i].previous);
      }
    }
  }
}

TEST_F(jumping_log, every_flipped_bit_and_every_truncation_is_noticed) {
  for (const bool sealed : {false, true}) {
    write_random_log(sealed);
    newest_ = log_names().back();
    num_damaged_ = 0;
    for (const auto& [name, contents] : pristine_) {
      for (size_t bit = 0; bit < contents.size() * 8; bit++) {
        auto damaged = pristine_;
        damaged[name][bit / 8] = static_cast<char>(contents[bit / 8] ^ (1 << bit % 8));
        test::write_folder(folder_.path(), damaged);
        ASSERT_NO_FATAL_FAILURE(expect_prefix_or_damage(name, false)) << "bit " << bit;
      }
      for (size_t size = 0; size < contents.size(); size++) {
        auto damaged = pristine_;
        damaged[name].resize(size);
        test::write_folder(folder_.path(), damaged);
        ASSERT_NO_FATAL_FAILURE(expect_prefix_or_damage(name, !sealed)) << size << " bytes";
      }
    }
    EXPECT_GT(num_damaged_, 1000u);
  }
}

TEST_F(jumping_log, a_missing_file_is_noticed_however_far_versions_jump) {
  options_.max_file_bytes = 1;
  {
    auto o = open();
    for (int i = 0; i < 6; i++) append_some(*o.log, 1);
  }
  pristine_ = test::read_folder(folder_.path());
  const auto names = log_names();
  ASSERT_EQ(names.size(), all_.size());
  for (size_t gone = 0; gone + 1 < names.size(); gone++) {
    auto rest = pristine_;
    rest.erase(names[gone]);
    for (size_t known = 0; known < all_.size(); known++) {
      test::write_folder(folder_.path(), rest);
      const commit_id after = all_[known].id;
      if (known >= gone) {
        EXPECT_TRUE(is_whole(open(after), after)) << "file " << gone << ", segments up to " << known;
        continue;
      }
      const error e = open_error(after);
      EXPECT_EQ(e.code(), errc::corrupt_data);
      EXPECT_NE(std::string(e.what()).find(names[gone + 1] + ": offset 0"), std::string::npos) << e.what();
    }
    test::write_folder(folder_.path(), rest);
    EXPECT_EQ(open_error(0).code(), errc::corrupt_data);
  }
  for (size_t a = 0; a < names.size(); a++) {
    for (size_t b = a + 1; b < names.size(); b++) {
      auto exchanged = pristine_;
      std::swap(exchanged[names[a]], exchanged[names[b]]);
      test::write_folder(folder_.path(), exchanged);
      EXPECT_EQ(open_error().code(), errc::corrupt_data) << a << " and " << b;
    }
  }
}

TEST_F(jumping_log, a_missing_frame_is_noticed) {
  auto o = open();
  std::vector<size_t> begins;
  for (int i = 0; i < 5; i++) {
    begins.push_back(std::max<size_t>(o.log->num_bytes(), oplog_format::file_header_bytes));
    append_some(*o.log, 1 + random_() % 2);
  }
  const auto name = log_names().at(0);
  o.log.reset();
  pristine_ = test::read_folder(folder_.path());
  for (size_t i = 0; i + 1 < begins.size(); i++) {
    auto damaged = pristine_;
    damaged[name].erase(begins[i], begins[i + 1] - begins[i]);
    test::write_folder(folder_.path(), damaged);
    const error e = open_error();
    EXPECT_EQ(e.code(), errc::corrupt_data);
    EXPECT_NE(
        std::string(e.what()).find(name + ": offset " + std::to_string(begins[i]) + ": a frame begins behind"),
        std::string::npos)
        << e.what();
  }
}

/// A log and segments of different histories: the segments end where the log has no commit.
TEST_F(jumping_log, segments_that_end_between_two_of_its_commits_are_of_another_history) {
  {
    auto o = open();
    o.log->append({{{0, 3, random_changes(8)}, {3, 9, random_changes(8)}}});
    o.log->append({{{9, 10, random_changes(8)}}});
  }
  for (const commit_id after : {0, 3, 9, 10}) EXPECT_EQ(open(after).log->last_commit(), 10u) << after;
  for (const commit_id after : {1, 2, 4, 8}) {
    const error e = open_error(after);
    EXPECT_EQ(e.code(), errc::corrupt_data);
    EXPECT_NE(std::string(e.what()).find("segments end with commit " + std::to_string(after)), std::string::npos)
        << e.what();
    EXPECT_TRUE(inspect_oplog(fs_, folder_.path(), after, [](const commit_view&, const path&, uint64_t) {}).first);
  }
  auto o = open(1000);
  EXPECT_EQ(o.report.ends_early_at, 10u);
  EXPECT_EQ(o.log->last_commit(), 1000u);
  o.log->append({{{1000, 5000, random_changes(8)}}});
  o.log.reset();
  o = open(1000);
  ASSERT_EQ(o.commits.size(), 1u);
  EXPECT_EQ(o.commits[0].previous, 1000u);
  EXPECT_EQ(o.commits[0].id, 5000u);
  EXPECT_FALSE(o.report.ends_early_at);
}

TEST_F(jumping_log, commits_of_a_frame_that_do_not_ascend_are_damage) {
  {
    auto o = open();
    o.log->append({{{0, 3, random_changes(8)}, {3, 9, random_changes(8)}}});
  }
  const auto name = log_names().at(0);
  pristine_ = test::read_folder(folder_.path());
  const size_t frame = oplog_format::file_header_bytes, payload = frame + oplog_format::frame_header_bytes;
  const size_t second = payload + oplog_format::commit_header_bytes(oplog_format::version) + 8 + sizeof(uint32_t);
  for (const commit_id id : {commit_id{0}, commit_id{2}, commit_id{3}, UINT64_MAX}) {
    auto damaged = pristine_;
    std::string& text = damaged[name];
    std::memcpy(text.data() + second, &id, sizeof id);
    oplog_format::frame_header header;
    const auto bytes = std::as_writable_bytes(std::span(text)).subspan(frame);
    ASSERT_TRUE(oplog_format::decode_frame_header(bytes, header));
    header.payload_checksum = checksum(std::string_view(text).substr(payload, header.payload_bytes));
    oplog_format::encode_frame_header(header, bytes);
    test::write_folder(folder_.path(), damaged);
    EXPECT_EQ(open_error().code(), errc::corrupt_data) << id;
  }
}

TEST_F(jumping_log, survives_every_failure_while_appending) {
  for (const bool after_effect : {false, true}) {
    for (uint64_t nth = 1;; nth++) {
      test::write_folder(folder_.path(), {});
      all_.clear();
      options_.max_file_bytes = 300;
      auto o = open();
      append_some(*o.log, 1);
      fs_.reset_counts();
      fs_.fail(nth, {.code = errc::io_error, .after_effect = after_effect});
      for (int step = 0; step < 6; step++) {
        const auto commits = commits_behind(o.log->last_commit(), 1, 120);
        try {
          o.log->append(commits);
          all_.push_back(commits[0]);
        } catch (const error&) {
          ASSERT_FALSE(o.log->is_broken());
        }
        ASSERT_EQ(o.log->last_commit(), last());
      }
      const bool struck = fs_.num_failed() != 0;
      fs_.heal();
      o.log.reset();
      ASSERT_TRUE(is_whole(open())) << "operation " << nth;
      if (!struck) break;
    }
  }
}

}  // namespace
}  // namespace fp
