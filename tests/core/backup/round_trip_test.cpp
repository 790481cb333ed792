#include <gmock/gmock.h>
#include <algorithm>

#include <set>

#include "core/merge/merge.hpp"
#include "core/oplog/oplog.hpp"
#include "core/search/search.hpp"
#include "tests/core/backup/backup_fixture.hpp"
#include "tests/core/support/error_of.hpp"
#include "tests/core/support/naive_index.hpp"

namespace fp {
namespace {

using test::backup_of;
using test::byte_vector;
using test::error_of;
using test::naive_index;
using test::random_data;

/// A random history with its model: segments in files and in memory.
class random_index {
 public:
  random_index(uint64_t seed, path folder) : data_(seed), folder_(std::move(folder)) {}

  void step() {
    const size_t files = current->num_file_segments(), all = current->entries().size();
    switch (data_.below(6)) {
      case 0:
        if (all > files) replace(files, 1 + data_.below(all - files));
        break;
      case 1:
        if (files > 0) {
          const size_t first = data_.below(files);
          replace(first, 1 + data_.below(files - first));
        }
        break;
      default: {
        std::vector<commit> commits(1 + data_.below(3));
        // Ids jump now and then.
        for (commit& c : commits) {
          c = data_.commit_behind(model.version());
          model.apply(c);
        }
        current = current->with_added(build_memory_segment(commits));
      }
    }
  }

  void expect_same_answers(const snapshot& restored) {
    EXPECT_EQ(restored.version(), model.version());
    EXPECT_EQ(restored.metadata().to_map(), model.metadata());
    EXPECT_EQ(restored.stats().num_documents, model.documents().size());
    for (const auto& [id, document] : model.documents()) {
      const auto state = restored.find(id);
      ASSERT_TRUE(state) << id;
      EXPECT_EQ(state->commit, document.commit) << id;
    }
    for (int i = 0; i < 20; i++) {
      std::vector<hash_value> query = data_.hashes(100);
      if (!model.documents().empty() && data_.chance(60)) {
        auto some = model.documents().lower_bound(data_.id());
        if (some == model.documents().end()) some = model.documents().begin();
        query.insert(query.end(), some->second.hashes.begin(), some->second.hashes.end());
      }
      search_options options;
      options.limit = data_.pick({1, 40, 1000000});
      options.min_score = data_.pick({0, 1, 2});
      options.score_pct = data_.pick({0, 10});
      const auto expected = model.search(query, options);
      EXPECT_EQ(searcher_.search(restored, query, options).results, expected);
      EXPECT_EQ(searcher_.search(*current, query, options).results, expected);
    }
  }

  snapshot_ptr current = std::make_shared<const snapshot>();
  naive_index model;

 private:
  void replace(size_t first, size_t count) {
    const path file = folder_ / (std::to_string(++num_files_) + ".seg");
    current = current->with_replaced(
        first, count, merge_to_file(*current, first, count, posix_file_system(), file, load_mode::map));
  }

  random_data data_;
  path folder_;
  searcher searcher_;
  int num_files_ = 0;
};

class backup_round_trip : public test::backup_test {
 protected:
  /// Restores and compares with the source, segment by segment.
  snapshot_ptr expect_round_trip(const snapshot_ptr& from, std::span<const std::byte> stream,
                                 size_t piece = size_t{1} << 20) {
    empty_target();
    backup_restorer restorer(fs_, target_);
    const auto header = test::feed(restorer, stream, piece);
    EXPECT_EQ(restorer.offset(), stream.size());
    const backup_format::stream_header expected{"main", 3, from->version(), from->entries().size(), stream.size()};
    EXPECT_EQ(header, expected);
    EXPECT_EQ(fs_.list(target_.data).size(), from->entries().size() + 1);
    EXPECT_TRUE(fs_.list(target_.oplog).empty());

    const manifest m = read_manifest(fs_, target_.data);
    EXPECT_TRUE(sweep_data_folder(fs_, target_.data, m).empty());
    const snapshot_ptr restored = open_target();
    EXPECT_EQ(restored->entries().size(), from->entries().size());
    EXPECT_EQ(restored->num_file_segments(), restored->entries().size());
    for (size_t i = 0; i < std::min(restored->entries().size(), from->entries().size()); i++) {
      const segment &a = *from->entries()[i].segment, &b = *restored->entries()[i].segment;
      EXPECT_EQ(a.info(), b.info());
      EXPECT_EQ(m.segments[i].file_name, segment_file_name(a.info().commits()));
      EXPECT_TRUE(std::ranges::equal(a.bytes(), b.bytes()));
      b.verify();
    }
    return restored;
  }
};

TEST_F(backup_round_trip, random_histories) {
  size_t num_mixed = 0;
  for (uint64_t seed = 1; seed <= 25; seed++) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    test::temporary_folder folder;
    random_index index(seed, folder.path());
    for (uint64_t i = 0; i < 3 + seed % 20; i++) index.step();
    const size_t files = index.current->num_file_segments();
    num_mixed += files > 0 && files < index.current->entries().size();
    const auto restored = expect_round_trip(index.current, backup_of(index.current));
    index.expect_same_answers(*restored);
    if (HasFailure()) return;
  }
  EXPECT_GT(num_mixed, 5u);
}

TEST_F(backup_round_trip, an_empty_index) {
  const auto empty = std::make_shared<const snapshot>();
  const byte_vector stream = backup_of(empty);
  EXPECT_EQ(stream.size(), backup_format::stream_header_bytes + backup_format::trailer_bytes);
  EXPECT_EQ(expect_round_trip(empty, stream)->version(), 0u);
}

TEST_F(backup_round_trip, a_version_without_documents) {
  changes_encoder none;
  const auto index = snapshot::from_segments({test::make_segment(test::make_commit(1, none)),
                                              test::make_segment(test::make_commit(2, {}, {5})),
                                              test::make_segment(test::make_commit(3, none))});
  const auto restored = expect_round_trip(index, backup_of(index));
  EXPECT_EQ(restored->version(), 3u);
  EXPECT_EQ(restored->stats().num_documents, 0u);
}

TEST_F(backup_round_trip, the_log_of_a_restored_index_goes_on_after_its_version) {
  const auto index = small_snapshot();
  expect_round_trip(index, backup_of(index));
  size_t num_delivered = 0;
  for (commit_id next : {commit_id{4}, commit_id{5}}) {
    oplog_replay report;
    const auto log = oplog::open(
        fs_, target_.oplog, {}, index->version(), [&](commit&&) { num_delivered++; }, report);
    EXPECT_EQ(log->last_commit(), next - 1);
    EXPECT_FALSE(report.ends_early_at);
    const commit c = test::make_commit(next, {{100, {1}}});
    log->append({&c, 1});
    log->close();
  }
  EXPECT_EQ(num_delivered, 1u);
}

TEST_F(backup_round_trip, comes_in_pieces_of_any_size) {
  const auto index = small_snapshot();
  const byte_vector stream = backup_of(index);
  for (const size_t piece : {1, 7, 4095, 4096, 4097}) expect_round_trip(index, stream, piece);
}

TEST_F(backup_round_trip, chunks_are_bounded_and_make_the_announced_stream) {
  std::vector<hash_value> hashes(200000);
  for (size_t i = 0; i < hashes.size(); i++) hashes[i] = static_cast<hash_value>(i * 2654435761u);
  const auto index = snapshot::from_segments({test::make_segment(test::make_commit(1, {{1, hashes}})),
                                              test::make_segment(test::make_commit(2, {{2, {1}}}))});
  const byte_vector stream = backup_of(index);
  expect_round_trip(index, stream);
  for (const size_t max_chunk : {size_t{1000}, size_t{4096}, size_t{65536}, backup_writer::default_chunk_bytes}) {
    backup_writer writer(index, "main", 3, max_chunk);
    EXPECT_EQ(writer.total_bytes(), stream.size());
    uint64_t done = 0;
    size_t largest = 0;
    for (auto chunk = writer.next(); !chunk.empty(); chunk = writer.next()) {
      ASSERT_LE(chunk.size(), stream.size() - done);
      ASSERT_EQ(std::memcmp(chunk.data(), stream.data() + done, chunk.size()), 0) << done;
      done += chunk.size();
      EXPECT_EQ(writer.num_bytes(), done);
      largest = std::max(largest, chunk.size());
    }
    EXPECT_EQ(done, stream.size());
    EXPECT_EQ(largest, std::max<size_t>(max_chunk, segment_header_bytes));
    EXPECT_TRUE(writer.next().empty());
  }
}

TEST_F(backup_round_trip, the_writer_keeps_what_it_reads) {
  auto index = small_snapshot();
  const path file = temporary_ / "merged.seg";
  index = index->with_replaced(0, 2, merge_to_file(*index, 0, 2, fs_, file, load_mode::map));
  const byte_vector stream = backup_of(index);
  backup_writer writer(index, "main", 3);
  const std::weak_ptr<const snapshot> watched = index;
  index.reset();
  fs_.remove(file);
  EXPECT_FALSE(watched.expired());
  EXPECT_EQ(test::read_all(writer), stream);
}

TEST_F(backup_round_trip, damage_that_comes_to_light_ends_the_backup) {
  const path file = temporary_ / "merged.seg";
  const auto memory = small_snapshot();
  for (const uint64_t offset : {uint64_t{100}, uint64_t{4096}, uint64_t{4200}}) {
    SCOPED_TRACE(offset);
    const auto index = memory->with_replaced(0, 2, merge_to_file(*memory, 0, 2, fs_, file, load_mode::map));
    std::byte byte = index->entries()[0].segment->bytes()[offset];
    byte ^= std::byte{1};
    fs_.open_for_writing(file)->write_at(offset, {&byte, 1});
    backup_writer writer(index, "main", 3);
    const error e = error_of([&] { test::read_all(writer); });
    EXPECT_EQ(e.code(), errc::corrupt_data);
    EXPECT_THAT(e.what(), testing::StartsWith("backup of main: segment of commits 1 to 2: "));
    EXPECT_EQ(error_of([&] { writer.next(); }).code(), errc::internal_error);
    EXPECT_LT(writer.num_bytes(), writer.total_bytes());
  }
}

TEST_F(backup_round_trip, names_are_checked) {
  EXPECT_EQ(error_of([&] { backup_writer(one_segment(), "no/name", 1); }).code(), errc::invalid_index_name);
  EXPECT_EQ(error_of([&] { backup_writer(one_segment(), "main", 0); }).code(), errc::generation_not_allowed);
  backup_writer writer(one_segment(), std::string(255, 'x'), max_generation);
  const auto header = restore(test::read_all(writer));
  EXPECT_EQ(header.index_name, std::string(255, 'x'));
  EXPECT_EQ(header.generation, max_generation);
}

/// Reads a stream by the text of `backup_format.hpp` alone.
TEST_F(backup_round_trip, the_format_is_as_documented) {
  const auto index = small_snapshot();
  const byte_vector stream = backup_of(index);
  const std::span<const std::byte> in(stream);
  const auto u32 = [&](size_t at) {
    uint32_t value;
    std::memcpy(&value, in.data() + at, sizeof value);
    return value;
  };
  const auto u64 = [&](size_t at) {
    uint64_t value;
    std::memcpy(&value, in.data() + at, sizeof value);
    return value;
  };
  EXPECT_EQ(std::memcmp(in.data(),
                        "\x89"
                        "FPBAK\r\n",
                        8),
            0);
  EXPECT_EQ(u32(8), 2u);
  EXPECT_EQ(u32(12), 4u);
  EXPECT_EQ(u64(16), 3u);
  EXPECT_EQ(u64(24), 3u);
  EXPECT_EQ(u64(32), 3u);
  EXPECT_EQ(u64(40), stream.size());
  EXPECT_EQ(std::memcmp(in.data() + 48, "main\0\0\0\0", 8), 0);
  EXPECT_EQ(u64(304), 0u);
  EXPECT_EQ(u64(312), checksum(in.first(312)));
  size_t at = 320;
  for (uint64_t i = 0; i < 3; i++) {
    EXPECT_EQ(u32(at), 1u);
    EXPECT_EQ(u32(at + 4), 0u);
    EXPECT_EQ(u64(at + 8), i);
    const auto bytes = index->entries()[i].segment->bytes();
    ASSERT_EQ(u64(at + 16), bytes.size());
    EXPECT_EQ(u64(at + 24), i);
    EXPECT_EQ(u64(at + 32), i + 1);
    EXPECT_EQ(u64(at + 40), i + 1);
    EXPECT_EQ(u64(at + 48), 0u);
    EXPECT_EQ(u64(at + 56), checksum(in.subspan(at, 56)));
    EXPECT_TRUE(std::ranges::equal(in.subspan(at + 64, bytes.size()), bytes));
    at += 64 + bytes.size();
  }
  EXPECT_EQ(u32(at), 2u);
  EXPECT_EQ(u32(at + 4), 0u);
  EXPECT_EQ(u64(at + 8), 3u);
  EXPECT_EQ(u64(at + 16), stream.size());
  EXPECT_EQ(u64(at + 24), checksum(in.first(at + 24)));
  EXPECT_EQ(at + 32, stream.size());
}

}  // namespace
}  // namespace fp
