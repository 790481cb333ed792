#include "app/fpctl/ingest_inputs.hpp"

#include <gmock/gmock.h>

#include <fstream>

#include "tests/core/support/error_of.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp::ctl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ingest_inputs_of : public ::testing::Test {
 protected:
  std::string make_input(const std::string& name) {
    const path file = folder_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << "\n";
    return file.string();
  }

  test::temporary_folder folder_;
};

TEST_F(ingest_inputs_of, a_folder_are_its_streams_of_fingerprints_in_the_order_of_days) {
  const auto second = make_input("2024-01/2024-01-02-fingerprint-update.jsonl");
  const auto first = make_input("2024-01/2024-01-01-fingerprint-update.jsonl.gz");
  const auto earlier = make_input("2023-12/2023-12-31-fingerprint-update.jsonl.gz");
  const auto meta = make_input("2024-01/2024-01-01-meta-update.jsonl.gz");
  const auto track = make_input("2024-01/2024-01-01-track_fingerprint-update.jsonl.gz");
  const auto other = make_input("README");
  const auto chosen = choose_inputs({(folder_ / "").string()});
  EXPECT_THAT(chosen.files, ElementsAre(earlier, first, second));
  EXPECT_THAT(chosen.left_alone, ElementsAre(meta, track, other));
}

TEST_F(ingest_inputs_of, named_files_are_taken_but_for_sister_streams) {
  const std::vector<std::string> given = {"2024-01-01-fingerprint-update.jsonl",
                                          "2024-01-01-meta-update.jsonl.gz",
                                          "2024-01-01-track-update.jsonl",
                                          "tracks.jsonl",
                                          "24-1-1-meta-update.jsonl",
                                          "-"};
  const auto chosen = choose_inputs(given);
  EXPECT_THAT(chosen.files, ElementsAre(given[0], given[3], given[4], "-"));
  EXPECT_THAT(chosen.left_alone, ElementsAre(given[1], given[2]));
}

TEST_F(ingest_inputs_of, nothing_to_read_is_an_error_that_says_what_there_is) {
  make_input("day/2024-01-01-meta-update.jsonl.gz");
  const auto e = test::error_of([&] { choose_inputs({(folder_ / "day").string()}); });
  EXPECT_EQ(e.code(), errc::bad_request);
  EXPECT_THAT(e.what(), HasSubstr("among 2024-01-01-meta-update.jsonl.gz"));
  std::filesystem::create_directories(folder_ / "empty");
  EXPECT_THAT(test::error_of([&] { choose_inputs({(folder_ / "empty").string()}); }).what(),
              HasSubstr("among no file at all"));
}

TEST_F(ingest_inputs_of, long_lists_are_cut) {
  EXPECT_EQ(list_names({"/x/a", "b", "c"}, 2), "a, b and 1 more");
  EXPECT_EQ(list_names({"a\n"}, 2), "a\\n");
}

}  // namespace
}  // namespace fp::ctl
