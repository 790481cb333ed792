#include <gmock/gmock.h>

#include "core/index/data_folder.hpp"
#include "core/index/manifest.hpp"
#include "core/merge/merge.hpp"
#include "core/oplog/oplog.hpp"
#include "tests/app/support/run_fpctl.hpp"
#include "tests/core/support/commits.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp::ctl {
namespace {

using testing::HasSubstr;

/// A data folder with an index of one segment (commit 1) and a log (commits 1 to 3).
class folder_commands : public testing::Test {
 protected:
  folder_commands() {
    data_folder folder(fs_, root());
    const auto folders = folder.folders(folder.create("music", {}).record);
    oplog_replay report;
    const auto log = oplog::open(
        fs_, folders.oplog, {}, 0, [](commit&&) {}, report);
    for (commit_id id = 1; id <= 3; id++) {
      const auto c = test::make_commit(id, {{static_cast<document_id>(10 * id), {1, 2, 3}}});
      log->append({&c, 1});
      if (id > 1) continue;
      segment_ = folders.data / segment_file_name(1, 1);
      const auto memory = snapshot::from_segments({test::make_segment(c)});
      const auto s = merge_to_file(*memory, 0, 1, fs_, segment_, load_mode::map);
      write_manifest(fs_, folders.data, {{{segment_.filename().string(), s->info()}}});
    }
    log_ = folders.oplog / "0000000000000001.log";
  }

  std::string root() const { return (folder_ / "data").string(); }
  void damage(const path& file, uint64_t offset) {
    std::byte b;
    fs_.open(file)->read_at(offset, {&b, 1});
    b ^= std::byte{1};
    fs_.open_for_writing(file)->write_at(offset, {&b, 1});
  }

  test::temporary_folder folder_;
  file_system& fs_ = posix_file_system();
  path segment_, log_;
};

TEST_F(folder_commands, check_tells_what_is_fine_and_what_is_not) {
  const auto fine = run_fpctl({"check", root()});
  EXPECT_EQ(fine.code, exit_ok) << fine.out << fine.err;
  EXPECT_THAT(fine.out, HasSubstr("4 files, 0 damaged"));
  EXPECT_THAT(fine.err, HasSubstr("100 %"));

  damage(segment_, 4100);
  const auto damaged = run_fpctl({"check", root(), "--json"});
  EXPECT_EQ(damaged.code, exit_failed);
  const auto j = damaged.document();
  EXPECT_EQ(j["damaged"], true);
  EXPECT_EQ(j["indexes"][0]["name"], "music");
  EXPECT_EQ(j["indexes"][0]["version"], 3);
  EXPECT_EQ(j["indexes"][0]["files"][2]["verdict"], "damaged");
  EXPECT_EQ(j["indexes"][0]["files"][2]["file"], segment_.string());
  EXPECT_EQ(j["indexes"][0]["files"][2]["offset"], 4096);

  EXPECT_EQ(run_fpctl({"check", root(), "--index", "none"}).code, exit_not_found);
  EXPECT_EQ(run_fpctl({"check", root() + "/nowhere"}).code, exit_failed);
  EXPECT_FALSE(fs_.exists(root() + "/nowhere"));
  const data_folder in_use(fs_, root());
  const auto refused = run_fpctl({"check", root()});
  EXPECT_EQ(refused.code, exit_failed);
  EXPECT_THAT(refused.err, HasSubstr("uses this data folder"));
  EXPECT_THAT(run_fpctl({"check", root(), "--no-lock"}).out, HasSubstr("4 files, 1 damaged"));
}

TEST_F(folder_commands, repair_cuts_a_log_and_keeps_what_it_cuts) {
  EXPECT_EQ(run_fpctl({"repair", root(), "--cut-log", "music"}).code, exit_failed);
  damage(log_, fs_.file_size(log_) / 2 + 32);  // in a hash of the second of three frames
  const std::string before = read_file(fs_, log_);
  const auto o = run_fpctl({"repair", root(), "--cut-log", "music"});
  EXPECT_EQ(o.code, exit_ok) << o.err;
  EXPECT_THAT(o.out, HasSubstr("2 to 3, perhaps more"));
  EXPECT_THAT(o.out, HasSubstr("2 that can be read: 20 30"));
  EXPECT_EQ(read_file(fs_, path(root()) / "music" / "v1" / "lost-1" / log_.filename()), before);
  EXPECT_EQ(run_fpctl({"check", root()}).code, exit_ok);
}

TEST_F(folder_commands, repair_drops_a_segment) {
  const std::string name = segment_.filename().string();
  EXPECT_EQ(run_fpctl({"repair", root(), "--drop-segment", "music", name}).code, exit_failed);
  damage(segment_, 4100);
  const auto o = run_fpctl({"repair", root(), "--drop-segment", "music", name, "--json"});
  EXPECT_EQ(o.code, exit_ok) << o.err;
  EXPECT_EQ(o.document()["first_lost"], 1);
  EXPECT_EQ(o.document()["num_documents"], 1);
  EXPECT_EQ(o.document()["min_document"], 10);
  EXPECT_EQ(o.document()["kept_files"].size(), 1u);
  EXPECT_EQ(run_fpctl({"check", root()}).code, exit_ok);
}

}  // namespace
}  // namespace fp::ctl
