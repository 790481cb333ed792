#include "app/library/audio_walk.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/core/support/temporary_folder.hpp"

namespace fp {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

class audio_walk_test : public testing::Test {
 protected:
  void make(const std::string& name, const std::string& content = "x") const {
    fs::create_directories((folder / name).parent_path());
    std::ofstream(folder / name) << content;
  }
  std::string at(const std::string& name) const { return fs::canonical(folder.path()).string() + "/" + name; }
  static std::vector<std::string> paths_of(const audio_walk& walk) {
    std::vector<std::string> paths;
    for (const auto& f : walk.files) paths.push_back(f.path);
    return paths;
  }

  test::temporary_folder folder;
};

TEST_F(audio_walk_test, finds_files_by_their_names) {
  make("m/b.OGG", "12345");
  make("m/x/a.flac");
  make("m/x/y/z.mp3");
  make("m/cover.jpg");
  make("m/ogg");
  make("m/.hidden");
  make("m/weird\xff\n.wav");
  fs::create_directories(folder / "m/empty");
  const auto walk = walk_audio({(folder / "m").string() + "/x/.."});
  EXPECT_THAT(paths_of(walk),
              ElementsAre(at("m/b.OGG"), at("m/weird\xff\n.wav"), at("m/x/a.flac"), at("m/x/y/z.mp3")));
  EXPECT_THAT(walk.roots, ElementsAre(at("m")));
  EXPECT_EQ(walk.left_alone, 3u);
  EXPECT_THAT(walk.unreadable, IsEmpty());
  EXPECT_THAT(walk.empty_folders, ElementsAre(at("m/empty")));
  EXPECT_EQ(walk.files[0].size, 5u);
  struct stat facts {};
  ASSERT_EQ(::stat(at("m/b.OGG").c_str(), &facts), 0);
  EXPECT_EQ(walk.files[0].mtime_ns, facts.st_mtim.tv_sec * 1'000'000'000 + facts.st_mtim.tv_nsec);
}

TEST_F(audio_walk_test, takes_what_is_named_and_what_is_known_whatever_its_name) {
  make("song");
  make("m/known");
  make("m/other");
  const auto walk = walk_audio({at("song"), at("m"), at("song"), at("gone.ogg")},
                               [&](const std::string& path) { return path == at("m/known"); });
  EXPECT_THAT(paths_of(walk), ElementsAre(at("m/known"), at("song")));
  EXPECT_EQ(walk.left_alone, 1u);
  EXPECT_THAT(walk.unreadable, ElementsAre(unreadable_path{at("gone.ogg"), "No such file or directory", true}));
}

TEST_F(audio_walk_test, follows_links_once_and_ends_in_circles) {
  make("m/a.ogg");
  make("other/b.ogg");
  make("other/deep/c.ogg");
  fs::create_directory_symlink("..", folder / "m/up");
  fs::create_directory_symlink(folder / "other", folder / "m/linked");
  fs::create_directory_symlink(folder / "m", folder / "other/deep/back");
  fs::create_symlink(folder / "other/b.ogg", folder / "m/again.ogg");
  fs::create_symlink(folder / "nothing", folder / "m/dangling.ogg");
  fs::create_symlink(folder / "nothing", folder / "m/dangling");
  fs::create_symlink("self.ogg", folder / "m/self.ogg");
  const auto walk = walk_audio({at("m"), at("m/linked")});
  EXPECT_THAT(paths_of(walk), ElementsAre(at("m/a.ogg"), at("other/b.ogg"), at("other/deep/c.ogg")));
  EXPECT_THAT(walk.roots, testing::UnorderedElementsAre(at("m"), at("other"), fs::canonical(folder.path()).string(),
                                                        at("other")));
  EXPECT_EQ(walk.unreadable.size(), 2u);
  for (const auto& one : walk.unreadable) EXPECT_TRUE(one.missing) << one.path;
}

TEST_F(audio_walk_test, reports_what_cannot_be_read) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read everything";
  make("m/closed/a.ogg");
  make("m/b.ogg");
  fs::permissions(folder / "m/closed", fs::perms::none);
  const auto walk = walk_audio({at("m")});
  fs::permissions(folder / "m/closed", fs::perms::owner_all);
  EXPECT_THAT(paths_of(walk), ElementsAre(at("m/b.ogg")));
  EXPECT_THAT(walk.unreadable, ElementsAre(unreadable_path{at("m/closed"), "Permission denied", false}));
}

TEST_F(audio_walk_test, knows_names_of_audio_files) {
  for (const auto* name : {"a.mp3", "a.FLAC", "a.b.Ogg", "/x/y.wav", "a.xm"})
    EXPECT_TRUE(has_audio_name(name)) << name;
  for (const auto* name : {"mp3", ".mp3", "a.", "a.jpg", "a.mp3.part", "a.m3u", "", "x.ogg/cover"}) {
    EXPECT_FALSE(has_audio_name(name)) << name;
  }
}

}  // namespace
}  // namespace fp
