#include "core/changelog/bootstrap_base.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "core/backup/backup_restorer.hpp"
#include "core/index/manifest.hpp"
#include "tests/core/support/error_of.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp {
namespace {

class bulk_loader_test : public ::testing::Test {
 protected:
  test::temporary_folder folder_;
  file_system& fs_ = posix_file_system();
};

std::vector<uint8_t> inserts(document_id first, document_id last, hash_value shared) {
  changes_encoder encoder;
  for (document_id id = first; id <= last; id++) encoder.insert(id, std::vector<hash_value>{id, shared});
  return encoder.take();
}

TEST_F(bulk_loader_test, all_is_one_commit_whatever_the_number_of_parts) {
  for (const size_t part_bytes : {size_t{1}, size_t{500}, bulk_loader::default_part_bytes}) {
    fs_.remove_all(folder_.path() / "x");
    fs_.create_directories(folder_.path() / "x");
    bulk_loader loader(fs_, folder_.path() / "x", 77, part_bytes);
    for (document_id first = 1; first <= 100; first += 10) loader.add(inserts(first, first + 9, 1000));
    // The last word on a document counts.
    loader.add(inserts(5, 5, 2000));
    const auto made = loader.finish();
    EXPECT_EQ(made->version(), 77u);
    EXPECT_EQ(made->stats().num_documents, 100u);
    EXPECT_EQ(made->num_file_segments(), made->entries().size());
    EXPECT_GE(made->entries().size(), part_bytes == 1 ? 11u : 1u);
  }
}

TEST_F(bulk_loader_test, may_be_at_position_0_and_may_be_empty) {
  fs_.create_directories(folder_.path() / "x");
  bulk_loader loader(fs_, folder_.path() / "x", 0, 100);
  for (document_id first = 1; first <= 100; first += 10) loader.add(inserts(first, first + 9, 1000));
  const auto made = loader.finish();
  EXPECT_EQ(made->version(), 0u);
  EXPECT_EQ(made->stats().num_documents, 100u);
  fs_.create_directories(folder_.path() / "y");
  const auto empty = bulk_loader(fs_, folder_.path() / "y", 9).finish();
  EXPECT_EQ(empty->version(), 9u);
  EXPECT_EQ(empty->stats().num_documents, 0u);
}

TEST_F(bulk_loader_test, what_is_no_change_is_refused) {
  fs_.create_directories(folder_.path() / "x");
  bulk_loader loader(fs_, folder_.path() / "x", 5);
  EXPECT_EQ(test::error_of([&] { loader.add(inserts(0, 0, 1)); }).code(), errc::invalid_document_id);
}

class scripted_stream : public bootstrap_stream {
 public:
  scripted_stream(feed_position position, std::vector<std::vector<uint8_t>> parts, bool is_cut)
      : position_(position), parts_(std::move(parts)), is_cut_(is_cut) {}
  feed_position position() const noexcept override { return position_; }
  part next(std::chrono::steady_clock::time_point) override {
    part p;
    if (at_ < parts_.size()) {
      p.changes = parts_[at_++];
    } else if (is_cut_) {
      p.status = changelog_status::unavailable;
      p.why = "cut short";
    }
    return p;
  }

 private:
  feed_position position_;
  std::vector<std::vector<uint8_t>> parts_;
  bool is_cut_;
  size_t at_ = 0;
};

TEST_F(bulk_loader_test, a_feeds_stream_restores_as_a_backup_does) {
  for (const feed_position position : {feed_position{0}, feed_position{9}}) {
    const path spool = folder_.path() / "spool", data = folder_.path() / "data" / std::to_string(position);
    fs_.create_directories(data);
    {
      bootstrap_base base(
          fs_, spool,
          std::make_unique<scripted_stream>(
              position, std::vector<std::vector<uint8_t>>{inserts(1, 50, 7), inserts(51, 90, 7)}, false),
          {"main", 3}, bootstrap_base::time_point::max());
      backup_restorer restorer(fs_, {data, data / "log"});
      std::vector<std::byte> buffer(1'000);
      for (;;) {
        const size_t count = base.read(buffer, bootstrap_base::time_point::max());
        if (count == 0) break;
        restorer.update(std::span(buffer).first(count));
      }
      const auto header = restorer.finish();
      EXPECT_EQ(header.index_version, position);
      EXPECT_EQ(header.generation, 3u);
      EXPECT_EQ(header.index_name, "main");
    }
    EXPECT_FALSE(fs_.exists(spool));
    EXPECT_FALSE(read_manifest(fs_, data).segments.empty());
  }
}

TEST_F(bulk_loader_test, a_stream_that_is_cut_short_is_nothing) {
  bootstrap_base base(
      fs_, folder_.path() / "spool",
      std::make_unique<scripted_stream>(9, std::vector<std::vector<uint8_t>>{inserts(1, 50, 7)}, true), {"main", 3},
      bootstrap_base::time_point::max());
  std::vector<std::byte> buffer(1'000);
  const auto failure = test::error_of([&] { base.read(buffer, bootstrap_base::time_point::max()); });
  EXPECT_EQ(failure.code(), errc::unreachable);
  EXPECT_STREQ(failure.what(), "cut short");
}

}  // namespace
}  // namespace fp
