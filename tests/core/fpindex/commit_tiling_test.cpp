#include "core/fpindex/commit_tiling.hpp"

#include <gtest/gtest.h>

namespace fp::fpindex {
namespace {

using tiles = std::vector<segment_info>;

TEST(commit_tiling, takes_our_commits_as_they_are) {
  EXPECT_EQ(tile_commits({}), tiles());
  const std::vector<commit_range> dense = {{0, 1, 26}, {26, 27, 41}, {41, 42, 42}};
  EXPECT_EQ(tile_commits(dense), (tiles{{1, 25, {}}, {27, 14, {}}, {42, 0, {}}}));
}

TEST(commit_tiling, covers_the_numbers_that_were_jumped_over) {
  const std::vector<commit_range> jumping = {{0, 7, 9}, {9, 1000, 1000}};
  EXPECT_EQ(tile_commits(jumping), (tiles{{1, 8, {}}, {10, 990, {}}}));
  EXPECT_EQ(tile_commits(jumping).back().index_version(), 1000u);
}

TEST(commit_tiling, numbers_segments_up_to_the_version_where_commits_are_cut) {
  const std::vector<commit_range> parts = {{0, 1, 5}, {5, 9, 9, 0, 1}, {5, 9, 9, 1, 2}, {5, 9, 12, 2, 0}};
  EXPECT_EQ(tile_commits(parts), (tiles{{9, 0, {}}, {10, 0, {}}, {11, 0, {}}, {12, 0, {}}}));
}

TEST(commit_tiling, numbers_segments_up_to_the_version_behind_a_jump_that_no_file_name_holds) {
  const std::vector<commit_range> largest = {{0, uint64_t{1} << 32, uint64_t{1} << 32}};
  EXPECT_EQ(tile_commits(largest), (tiles{{1, 0xffffffff, {}}}));
  const std::vector<commit_range> wide = {{0, 1, 1}, {1, max_commit_id, max_commit_id}};
  EXPECT_EQ(tile_commits(wide), (tiles{{max_commit_id - 1, 0, {}}, {max_commit_id, 0, {}}}));
}

TEST(commit_tiling, says_the_version_beside_where_there_are_too_few_numbers) {
  const std::vector<commit_range> loaded = {{0, 0, 0, 0, 1}, {0, 0, 0, 1, 0}};
  EXPECT_EQ(tile_commits(loaded), (tiles{{1, 0, 0}, {2, 0, 0}}));
  const std::vector<commit_range> parts = {{0, 2, 2, 0, 1}, {0, 2, 2, 1, 2}, {0, 2, 2, 2, 0}};
  EXPECT_EQ(tile_commits(parts), (tiles{{1, 0, 2}, {2, 0, 2}, {3, 0, 2}}));
}

}  // namespace
}  // namespace fp::fpindex
