#include <gtest/gtest.h>

#include <filesystem>

#include "core/check/check.hpp"
#include "core/oplog/oplog_format.hpp"
#include "core/segment/segment_format.hpp"
#include "tests/core/support/backup_streams.hpp"
#include "tests/core/support/commits.hpp"
#include "tests/core/support/driven_node.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp {
namespace {

/// An index that a release wrote which knew segments of version 2, logs and backups of version 1. In a segment: 40
/// documents, of which 7 is deleted and 8 rewritten; in the log: 100 new, 9 deleted, 1 rewritten, and metadata.
const std::filesystem::path written_by_a_release = FPNODE_TEST_FORMATS;

class older_formats : public ::testing::Test {
 protected:
  older_formats() { std::filesystem::copy(written_by_a_release / "folder" / "old", folder_ / "old", recursive); }

  static void expect_whole(const snapshot& index) {
    EXPECT_EQ(index.version(), 4u);
    EXPECT_EQ(index.stats().num_documents, 39u);
    EXPECT_EQ(index.stats().max_document, 100u);
    EXPECT_FALSE(index.find(7));
    EXPECT_FALSE(index.find(9));
    EXPECT_EQ(index.find(8)->commit, 2u);
    EXPECT_EQ(index.find(1)->commit, 4u);
    EXPECT_EQ(
        index.metadata().to_map(),
        (metadata_map{{"empty", ""}, {"kept", "by the segment"}, {"logged", "by the log"}, {"replaced", "2"}}));
  }

  static constexpr auto recursive = std::filesystem::copy_options::recursive;
  test::temporary_folder folder_;
  path log_file() const { return folder_ / "old" / "v1" / "oplog" / oplog_format::file_name(1); }
};

TEST_F(older_formats, are_loaded_and_written_on_in_the_newest) {
  {
    test::driven_node node(posix_file_system(), folder_.path());
    expect_whole(*node.at("old").current);
    changes_encoder changes;
    changes.remove_metadata("kept");
    node.update("old", {test::make_commit(5, changes)});
    EXPECT_FALSE(node.at("old").current->metadata().find("kept"));
    // What the older version does not know is in no file of its.
    EXPECT_EQ(std::filesystem::file_size(log_file()), 1408u);
    node.close();
  }
  {
    test::driven_node node(posix_file_system(), folder_.path());
    EXPECT_EQ(node.at("old").current->version(), 5u);
    EXPECT_FALSE(node.at("old").current->metadata().find("kept"));
    node.checkpoint("old");
    node.merge_files("old", 0, 2);
    EXPECT_EQ(node.at("old").current->metadata().size(), 3u);
    EXPECT_EQ(node.at("old").current->entries().front().segment->metadata().size(), 3u) << "the removal is gone";
    node.close();
  }
  test::driven_node node(posix_file_system(), folder_.path());
  EXPECT_EQ(node.at("old").current->metadata().size(), 3u);
}

TEST_F(older_formats, backups_are_restored) {
  const std::string text = read_file(posix_file_system(), written_by_a_release / "old.backup");
  test::driven_node node(posix_file_system(), folder_.path());
  node.restore("again", std::as_bytes(std::span(text)));
  expect_whole(*node.at("again").current);
}

}  // namespace
}  // namespace fp
