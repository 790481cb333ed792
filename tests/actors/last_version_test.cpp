#include "tests/actors/support/actor_fixture.hpp"
#include "tests/core/support/crafted_index.hpp"

namespace fp {
namespace {

/// An index near the last version that there can be: what was restored, say.
class last_version : public test::actor_fixture {
 protected:
  last_version() { settings.checkpoint_age_ms = 0; }

  void expect_refused(const test::answer<update_reply>& written) {
    EXPECT_EQ(written.code(), errc::read_only);
    EXPECT_EQ(written.text(), "index a is at version 18446744073709551614, the last one that there can be");
  }
};

TEST_F(last_version, is_written_and_the_one_behind_it_refused) {
  const auto record = test::craft_index(folder.path(), "a", max_commit_id - 3);
  auto index = ready_index(record);
  EXPECT_EQ(write(index, 1).arrived(), false);
  // Those that wait for it are one batch.
  std::vector<test::answer<update_reply>> written;
  for (document_id id = 2; id <= 6; id++) written.push_back(write(index, id));
  run();
  EXPECT_EQ(written[0].value().version, max_commit_id - 1);
  EXPECT_EQ(written[1].value().version, max_commit_id);
  for (size_t i = 2; i < written.size(); i++) expect_refused(written[i]);
  for (int rounds = 0; rounds < 2; rounds++) {
    SCOPED_TRACE(rounds);
    const auto again = write(index, 9);
    run();
    expect_refused(again);
    EXPECT_EQ(status(index).state, index_state::ready) << "what is there is served";
    EXPECT_EQ(status(index).version, max_commit_id);
    EXPECT_EQ(found(index, 1000).size(), 4u);
    if (rounds > 0) break;
    kill(index);
    run();
    index = ready_index(record);
  }
}

TEST_F(last_version, is_written_out_and_merged_like_any_other) {
  const auto record = test::craft_index(folder.path(), "a", max_commit_id - 1);
  auto index = ready_index(record);
  get<update_reply>(index, insert(1, {1000}));
  EXPECT_EQ(get<upkeep_reply>(index, checkpoint_atom_v).file_version, max_commit_id);
  EXPECT_EQ(get<upkeep_reply>(index, merge_atom_v).num_file_segments, 1u);
  // A comparison with the version that the index has comes first, as ever.
  auto compared = insert(2, {1000});
  compared.expected_version = max_commit_id - 1;
  const auto mismatch = ask<update_reply>(index, compared);
  run();
  EXPECT_EQ(mismatch.code(), errc::version_mismatch);
  close(index);
  index = ready_index(record);
  EXPECT_EQ(status(index).file_version, max_commit_id);
  const auto written = write(index, 2);
  run();
  expect_refused(written);
  EXPECT_EQ(found(index, 1000).size(), 2u);
}

}  // namespace
}  // namespace fp
