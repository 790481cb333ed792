#include "core/changelog/slice_base.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "core/backup/backup_restorer.hpp"
#include "core/backup/backup_writer.hpp"
#include "core/index/manifest.hpp"
#include "tests/core/support/commits.hpp"
#include "tests/core/support/error_of.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp {
namespace {

using byte_vector = std::vector<std::byte>;

class donor_stream final : public base_stream {
 public:
  donor_stream(byte_vector bytes, size_t breaks_at, size_t first_piece = 3000)
      : bytes_(std::move(bytes)), breaks_at_(breaks_at), first_piece_(first_piece) {}
  size_t read(std::span<std::byte> out, std::chrono::steady_clock::time_point) override {
    if (at_ >= breaks_at_) throw error(errc::unreachable, "the donor has gone");
    const size_t count =
        std::min({out.size(), bytes_.size() - at_, breaks_at_ - at_, at_ == 0 ? first_piece_ : size_t{3000}});
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(at_), count, out.begin());
    at_ += count;
    return count;
  }

 private:
  byte_vector bytes_;
  size_t breaks_at_, first_piece_, at_ = 0;
};

class slice_base_test : public ::testing::Test {
 protected:
  /// Segments in memory with rewrites, deletes and documents that come again.
  slice_base_test() {
    std::mt19937 random(11);
    std::vector<segment_ptr> segments;
    for (commit_id id = 1; id <= 6; id++) {
      changes_encoder changes;
      for (int i = 0; i < 300; i++) {
        const document_id d = 1 + random() % 1'000;
        if (random() % 5 == 0) {
          changes.erase(d);
          documents_.erase(d);
        } else {
          const std::vector<hash_value> hashes{static_cast<hash_value>(random() % 50), d, d * 77};
          changes.insert(d, hashes);
          documents_[d] = id;
        }
      }
      if (id == 2) changes.set_metadata("a", "b");
      segments.push_back(test::make_segment(test::make_commit(id, changes)));
    }
    index_ = snapshot::from_segments(segments);
  }

  byte_vector backup() const {
    backup_writer writer(index_, "main", 7);
    byte_vector all;
    while (!writer.at_end()) {
      const auto chunk = writer.next();
      all.insert(all.end(), chunk.begin(), chunk.end());
    }
    return all;
  }

  /// What it sends, restored.
  snapshot_ptr restored(base_stream& from) {
    const path data = folder_.path() / ("data" + std::to_string(num_restored_++));
    fs_.create_directories(data);
    backup_restorer restorer(fs_, {data, data / "log"});
    byte_vector buffer(1'000);
    while (const size_t count = from.read(buffer, base_source::time_point::max())) {
      restorer.update(std::span(buffer).first(count));
    }
    EXPECT_EQ(restorer.finish().index_version, 6u);
    std::vector<segment_ptr> segments;
    for (const auto& entry : read_manifest(fs_, data).segments) {
      segments.push_back(open_segment(fs_, data / entry.file_name, &entry.info, {load_mode::map, nullptr, {}}));
    }
    return snapshot::from_segments(std::move(segments));
  }

  void expect_slice(const snapshot& made, const slice& part) {
    uint64_t count = 0;
    for (document_id d = 1; d <= 1'000; d++) {
      const auto it = documents_.find(d);
      const bool is_there = it != documents_.end() && part.contains(d);
      const auto found = made.find(d);
      ASSERT_EQ(found.has_value(), is_there) << d;
      if (!found) continue;
      EXPECT_EQ(found->commit, it->second);
      count++;
    }
    EXPECT_EQ(made.stats().num_documents, count);
    EXPECT_EQ(made.version(), 6u);
    EXPECT_EQ(made.metadata().size(), 1u);
    uint64_t num_postings = 0;
    for (const auto& e : made.entries()) {
      num_postings += e.segment->info().num_postings;
      for (const auto id : e.segment->documents()) EXPECT_TRUE(part.contains(id));
    }
    EXPECT_LT(num_postings, index_->stats().num_postings);
  }

  test::temporary_folder folder_;
  file_system& fs_ = posix_file_system();
  std::map<document_id, commit_id> documents_;
  snapshot_ptr index_;
  int num_restored_ = 0;
};

TEST_F(slice_base_test, holds_the_documents_of_its_slice) {
  for (const slice& part : {slice(1, 2), slice(2, 3), slice(4'000, 4'096)}) {
    slice_base own(fs_, folder_.path() / "spool", index_, {"main", 7}, part,
                   {base_source::time_point::max(), {}, {}});
    expect_slice(*restored(own), part);
    uint64_t seen = 0, total = 0;
    slice_base sent(
        fs_, folder_.path() / "sent", std::make_unique<donor_stream>(backup(), SIZE_MAX), {"main", 7}, part,
        {base_source::time_point::max(), [&](uint64_t bytes, uint64_t of) { seen = bytes, total = of; }, {}});
    expect_slice(*restored(sent), part);
    EXPECT_EQ(seen, total);
    EXPECT_GT(total, 0u);
  }
  EXPECT_FALSE(fs_.exists(folder_.path() / "spool"));
  EXPECT_FALSE(fs_.exists(folder_.path() / "sent"));
}

TEST_F(slice_base_test, may_begin_with_a_part_of_the_header) {
  for (const size_t piece : {size_t{1}, size_t{100}, size_t{320}, size_t{321}}) {
    slice_base sent(fs_, folder_.path() / "sent", std::make_unique<donor_stream>(backup(), SIZE_MAX, piece),
                    {"main", 7}, {1, 2}, {base_source::time_point::max(), [](uint64_t, uint64_t) {}, {}});
    expect_slice(*restored(sent), {1, 2});
  }
}

TEST_F(slice_base_test, keeps_whole_segments_of_a_donor_that_breaks) {
  const auto bytes = backup();
  const path held = folder_.path() / "held";
  {
    slice_base sent(fs_, folder_.path() / "sent", std::make_unique<donor_stream>(bytes, bytes.size() - 10),
                    {"main", 7}, {1, 2}, {base_source::time_point::max(), {}, held});
    byte_vector buffer(1'000);
    EXPECT_EQ(test::error_of([&] { sent.read(buffer, base_source::time_point::max()); }).code(), errc::unreachable);
  }
  EXPECT_EQ(fs_.list(held).size(), index_->entries().size());
  EXPECT_FALSE(fs_.exists(folder_.path() / "sent"));
}

TEST_F(slice_base_test, ends_when_it_is_called_off) {
  const auto called_off = std::make_shared<cancel_flag>(true);
  const slice_base::options o{base_source::time_point::max(), {}, {}, called_off};
  slice_base own(fs_, folder_.path() / "own", index_, {"main", 7}, {1, 2}, o);
  slice_base sent(fs_, folder_.path() / "sent", std::make_unique<donor_stream>(backup(), SIZE_MAX), {"main", 7},
                  {1, 2}, o);
  byte_vector buffer(1'000);
  for (base_stream* one : {static_cast<base_stream*>(&own), static_cast<base_stream*>(&sent)}) {
    EXPECT_EQ(test::error_of([&] { one->read(buffer, base_source::time_point::max()); }).code(), errc::cancelled);
  }
}

TEST_F(slice_base_test, takes_no_other_index) {
  slice_base sent(fs_, folder_.path() / "sent", std::make_unique<donor_stream>(backup(), SIZE_MAX), {"main", 8},
                  {1, 2}, {base_source::time_point::max(), {}, {}});
  byte_vector buffer(1'000);
  EXPECT_STREQ(test::error_of([&] { sent.read(buffer, base_source::time_point::max()); }).what(),
               "sends main, generation 7");
}

}  // namespace
}  // namespace fp
