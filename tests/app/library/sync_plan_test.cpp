#include "app/library/sync_plan.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <random>

namespace fp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using change = sync_plan::change;

recording row(document_id id, const std::string& path, uint64_t size = 1, int64_t mtime_ns = 1,
              uint64_t digest = 0) {
  recording r;
  r.id = id;
  r.path = path;
  r.size = size;
  r.mtime_ns = mtime_ns;
  r.digest = digest;
  return r;
}

audio_walk walked(std::vector<audio_file> files, std::vector<std::string> roots = {"/m"}) {
  audio_walk walk;
  walk.roots = std::move(roots);
  walk.files = std::move(files);
  return walk;
}

std::vector<document_id> vanished_ids(const sync_plan& plan) {
  std::vector<document_id> ids;
  for (const auto& r : plan.vanished()) ids.push_back(r.id);
  return ids;
}

TEST(sync_plan_test, looks_only_at_what_is_not_known) {
  const audio_file a{"/m/a", 1, 1}, b{"/m/b", 2, 1}, c{"/m/c", 1, 2}, d{"/m/d", 1, 1};
  sync_plan plan(walked({a, b, c, d}), {row(1, "/m/a"), row(2, "/m/b"), row(3, "/m/c")});
  EXPECT_THAT(plan.to_fingerprint(), ElementsAre(b, c, d));
  EXPECT_EQ(plan.num_unchanged(), 1u);
  EXPECT_THAT(plan.vanished(), IsEmpty());
  EXPECT_EQ(plan.decide(d, 0).what, change::added);
  const auto same = plan.decide(b, 0), other = plan.decide(c, 1);
  EXPECT_EQ(same.what, change::touched);
  EXPECT_EQ(same.id, 2u);
  EXPECT_EQ(other.what, change::replaced);
  EXPECT_EQ(other.id, 3u);
  auto phone = row(1, "/m/a");
  phone.form = "phone";
  EXPECT_THAT(sync_plan(walked({a}), {phone}).to_fingerprint(), ElementsAre(a));
  EXPECT_THAT(sync_plan(walked({a}), {phone}, "phone").to_fingerprint(), IsEmpty());
  EXPECT_THAT(sync_plan(walked({a}), {row(1, "/m/a")}, "plain", true).to_fingerprint(), ElementsAre(a));
}

TEST(sync_plan_test, knows_a_recording_at_another_path) {
  const audio_file to{"/m/new/a", 5, 6};
  const auto known = row(7, "/m/a", 5, 6, 99);
  sync_plan plan(walked({to}), {known});
  EXPECT_THAT(vanished_ids(plan), ElementsAre(7));
  EXPECT_EQ(plan.decide(to, 98).what, change::added) << "another fingerprint";
  const auto moved = plan.decide(to, 99);
  EXPECT_EQ(moved.what, change::moved);
  EXPECT_EQ(moved.id, 7u);
  EXPECT_EQ(moved.former_path, "/m/a");
  EXPECT_THAT(plan.vanished(), IsEmpty());
  EXPECT_EQ(plan.decide({"/m/new/copy", 5, 6}, 99).what, change::added) << "a recording moves once";
  // One that is still there, or outside of what was walked, has not moved.
  EXPECT_EQ(sync_plan(walked({{"/m/a", 5, 6}, to}), {known}).decide(to, 99).what, change::added);
  EXPECT_EQ(sync_plan(walked({to}, {"/m/new"}), {known}).decide(to, 99).what, change::added);
  for (const audio_file& changed : {audio_file{"/m/new/a", 4, 6}, audio_file{"/m/new/a", 5, 7}}) {
    EXPECT_EQ(sync_plan(walked({changed}), {known}).decide(changed, 99).what, change::added);
  }
}

TEST(sync_plan_test, takes_for_vanished_only_what_was_looked_for) {
  auto walk = walked({{"/m/a", 1, 1}}, {"/m", "/n"});
  walk.unreadable = {{"/m/closed", "Permission denied", false}, {"/m/link", "leads nowhere", true}};
  const sync_plan plan(walk, {row(1, "/m/a"), row(2, "/m/closed/b"), row(3, "/m/closed2"), row(4, "/mm/c"),
                              row(5, "/m/link"), row(6, "/n/d"), row(7, "/o")});
  EXPECT_THAT(vanished_ids(plan), ElementsAre(3, 5, 6));
  EXPECT_THAT(plan.emptied(), ElementsAre("/n"));
}

TEST(sync_plan_test, notices_what_looks_like_an_unmounted_disk) {
  const std::vector<recording> known{row(1, "/m/a"), row(2, "/m/disk/b"), row(3, "/m/disk-2")};
  auto walk = walked({{"/m/a", 1, 1}});
  EXPECT_THAT(sync_plan(walk, known).emptied(), IsEmpty()) << "the folder is gone: it was deleted";
  walk.empty_folders = {"/m/disk", "/m/new"};
  EXPECT_THAT(sync_plan(walk, known).emptied(), ElementsAre("/m/disk"));
  EXPECT_THAT(sync_plan(walked({}), known).emptied(), ElementsAre("/m"));
  EXPECT_THAT(sync_plan(walked({}, {"/q"}), known).emptied(), IsEmpty());
  EXPECT_THAT(sync_plan(walked({}, {"/m/a"}), known).emptied(), ElementsAre("/m/a")) << "a file that was named";
}

TEST(sync_plan_test, guesses_by_facts_without_a_fingerprint) {
  const audio_file changed{"/m/a", 2, 1}, moved{"/m/new/b", 5, 6}, added{"/m/c", 1, 1};
  sync_plan plan(walked({changed, added, moved}), {row(1, "/m/a", 1, 1, 7), row(2, "/m/b", 5, 6, 8)});
  EXPECT_EQ(plan.decide(changed, {}).what, change::replaced);
  EXPECT_EQ(plan.decide(added, {}).what, change::added);
  EXPECT_EQ(plan.decide(moved, {}).id, 2u);
  EXPECT_THAT(plan.vanished(), IsEmpty());
}

/// Random folders and libraries: what is carried out as decided leaves a library of exactly the files.
TEST(sync_plan_test, brings_a_library_to_the_files) {
  std::mt19937 random(20261129);
  const auto below = [&](uint32_t n) { return static_cast<uint32_t>(random() % n); };
  for (int round = 0; round < 500; round++) {
    // A file's content is its digest.
    std::map<std::string, std::pair<audio_file, uint64_t>> disk;
    std::map<document_id, recording> library;
    const auto path = [&] { return "/m/" + std::to_string(below(12)); };
    for (uint32_t i = below(10); i > 0; i--) {
      const auto p = path();
      disk[p] = {{p, below(2), below(2)}, below(3)};
    }
    std::map<std::string, recording> by_path;
    for (uint32_t i = below(10); i > 0; i--) {
      auto r = row(i, path(), below(2), below(2), below(3));
      // What is known by facts is what it was.
      if (const auto at = disk.find(r.path);
          at != disk.end() && at->second.first.size == r.size && at->second.first.mtime_ns == r.mtime_ns) {
        r.digest = at->second.second;
      }
      by_path[r.path] = r;
    }
    for (const auto& [p, r] : by_path) library[r.id] = r;
    std::vector<recording> known;
    for (const auto& [id, r] : library) known.push_back(r);
    audio_walk walk = walked({});
    for (const auto& [p, file] : disk) walk.files.push_back(file.first);

    sync_plan plan(walk, known);
    document_id next = 1'000;
    EXPECT_EQ(plan.num_unchanged() + plan.to_fingerprint().size(), disk.size());
    for (const auto& file : plan.to_fingerprint()) {
      const auto digest = disk.at(file.path).second;
      const auto d = plan.decide(file, digest);
      const auto id = d.what == change::added ? next++ : d.id;
      auto& r = library[id];
      if (d.what == change::moved) {
        EXPECT_FALSE(disk.contains(d.former_path));
        EXPECT_EQ(r.path, d.former_path);
      }
      if (d.what == change::moved || d.what == change::touched) {
        EXPECT_EQ(r.digest, digest);
      }
      r = row(id, file.path, file.size, file.mtime_ns, digest);
    }
    for (const auto& r : plan.vanished()) {
      EXPECT_FALSE(disk.contains(r.path));
      EXPECT_EQ(library.erase(r.id), 1u);
    }
    ASSERT_EQ(library.size(), disk.size()) << round;
    for (const auto& [id, r] : library) {
      const auto& [file, digest] = disk.at(r.path);
      EXPECT_EQ((audio_file{r.path, r.size, r.mtime_ns}), file);
      EXPECT_EQ(r.digest, digest);
    }
  }
}

TEST(sync_plan_test, counts_the_hashes_that_a_duration_promises) {
  EXPECT_EQ(promised_hashes(0, 0), 0u);
  EXPECT_EQ(promised_hashes(2.72, 0), 0u);
  EXPECT_EQ(promised_hashes(2.73, 0), 1u);
  EXPECT_EQ(promised_hashes(120, 0), 948u);
  EXPECT_EQ(promised_hashes(300, 120), 948u);
  EXPECT_EQ(promised_hashes(60, 120), promised_hashes(60, 0));
  EXPECT_FALSE(is_in_part(948, 120, 0));
  EXPECT_FALSE(is_in_part(948 - 110, 120, 0));
  EXPECT_TRUE(is_in_part(948 - 111, 120, 0));
  EXPECT_FALSE(is_in_part(1, 2.73, 0));
  EXPECT_FALSE(is_in_part(100, 0, 0)) << "nothing is promised";
}

TEST(sync_plan_test, tells_what_is_below_a_folder) {
  EXPECT_TRUE(is_below("/m", "/m"));
  EXPECT_TRUE(is_below("/m/a", "/m"));
  EXPECT_TRUE(is_below("/m/a", "/"));
  EXPECT_FALSE(is_below("/mm", "/m"));
  EXPECT_FALSE(is_below("/", "/m"));
}

}  // namespace
}  // namespace fp
