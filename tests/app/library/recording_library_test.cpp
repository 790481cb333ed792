#include "app/library/recording_library.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <random>
#include <sstream>
#include <thread>

#include "app/library/library_file.hpp"
#include "app/library/library_lock.hpp"
#include "tests/core/support/error_of.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp {
namespace {

using test::error_of;
using testing::ElementsAre;
using testing::HasSubstr;
using access = recording_library::access;

using hash_list = std::vector<hash_value>;

recording song(const std::string& path) {
  recording r;
  r.path = path;
  r.size = 1'000'000;
  r.mtime_ns = 1'700'000'000'123'456'789;
  r.title = "Winter \"Sky\"";
  r.artist =
      "N\xc3\xb6"
      "rd";
  r.duration_s = 61.25;
  return r;
}

std::string bytes_of(const path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class recording_library_test : public testing::Test {
 protected:
  test::temporary_folder folder;
  path file = folder / "deep" / "library.sqlite";
};

TEST_F(recording_library_test, gives_back_what_it_was_given) {
  recording r = song("/music/a\xff.ogg");
  r.form = "phone";
  r.algorithm = 5;
  const hash_list hashes{1, 0, 4'294'967'295, 627'964'279};
  document_id id = 0;
  {
    recording_library l(file);
    l.set_index({"music", 3, "host:1"});
    id = l.add("music", r, hashes);
    EXPECT_EQ(id, 1u);
  }
  recording_library l(file, access::read_only);
  EXPECT_EQ(l.index("music"), (library_index{"music", 3, "host:1"}));
  const auto found = l.find("music", id);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->num_hashes, 4u);
  EXPECT_EQ(found->digest, recording_library::digest_of(hashes));
  r.id = id;
  r.num_hashes = found->num_hashes;
  r.digest = found->digest;
  EXPECT_EQ(*found, r);
  EXPECT_EQ(l.find_path("music", r.path), r);
  EXPECT_EQ(l.fingerprint("music", id), hashes);
  EXPECT_EQ(l.find("music", 2), std::nullopt);
  EXPECT_EQ(l.find("other", id), std::nullopt);
  EXPECT_EQ(l.fingerprint("music", 2), std::nullopt);
  EXPECT_EQ(l.index("other"), std::nullopt);
}

TEST_F(recording_library_test, gives_ids_above_all_that_there_were) {
  recording_library l(file);
  l.set_index({"music", 1, "n"});
  EXPECT_EQ(l.add("music", song("/a"), hash_list{1}), 1u);
  EXPECT_EQ(l.add("music", song("/b"), hash_list{2}, 100), 101u);
  l.remove("music", std::vector<document_id>{101});
  EXPECT_EQ(l.add("music", song("/b"), hash_list{2}), 102u);
  EXPECT_EQ(l.renumber("music", 1, 200), 201u);
  EXPECT_EQ(l.find_path("music", "/a")->id, 201u);
  EXPECT_EQ(l.fingerprint("music", 201), hash_list{1});
  EXPECT_EQ(l.fingerprint("music", 1), std::nullopt);
  EXPECT_EQ(error_of([&] { l.add("music", song("/c"), hash_list{1}, 4'294'967'295); }).code(), errc::bad_request);
  EXPECT_EQ(l.find_path("music", "/c"), std::nullopt);
  EXPECT_EQ(l.add("music", song("/c"), hash_list{1}, 4'294'967'294), 4'294'967'295u);
  l.set_index({"other", 1, "n"});
  EXPECT_EQ(l.add("other", song("/a"), hash_list{1}), 1u);
}

TEST_F(recording_library_test, refuses_what_does_not_fit) {
  recording_library l(file);
  EXPECT_EQ(error_of([&] { l.add("music", song("/a"), hash_list{1}); }).code(), errc::index_not_found);
  l.set_index({"music", 1, "n"});
  const auto id = l.add("music", song("/a"), hash_list{1});
  const auto twice = error_of([&] { l.add("music", song("/a"), hash_list{2}); });
  EXPECT_EQ(twice.code(), errc::bad_request);
  EXPECT_THAT(twice.what(), HasSubstr("\"/a\" is there already"));
  auto other = song("/b");
  other.id = id + 1;
  EXPECT_EQ(error_of([&] { l.replace("music", other, hash_list{2}); }).code(), errc::document_not_found);
  EXPECT_EQ(error_of([&] { l.set_facts("music", other); }).code(), errc::document_not_found);
  EXPECT_EQ(error_of([&] { l.renumber("music", id + 1); }).code(), errc::document_not_found);
  EXPECT_EQ(l.fingerprint("music", id), hash_list{1});
  EXPECT_EQ(l.count("music"), 1u);
}

TEST_F(recording_library_test, keeps_the_states_of_recordings) {
  recording_library l(file);
  l.set_index({"music", 1, "n"});
  const auto a = l.add("music", song("/a"), hash_list{1});
  const auto b = l.add("music", song("/b"), hash_list{2});
  const auto state = [&](document_id id) { return l.find("music", id)->state; };
  const auto digest = [&](document_id id) { return l.find("music", id)->digest; };
  using sent = std::vector<std::pair<document_id, uint64_t>>;

  const auto former = digest(b);
  auto changed = song("/b");
  changed.id = b;
  l.replace("music", changed, hash_list{3});
  l.set_stored("music", sent{{a, digest(a)}, {b, former}}, 7);
  EXPECT_EQ(state(a), recording_state::stored);
  EXPECT_EQ(l.find("music", a)->commit, 7u);
  EXPECT_EQ(state(b), recording_state::pending) << "another fingerprint was sent than the one that is there";
  l.set_stored("music", sent{{b, digest(b)}}, 8);
  EXPECT_EQ(state(b), recording_state::stored);

  changed.title = "other";
  l.set_facts("music", changed);
  EXPECT_EQ(state(b), recording_state::stored);
  EXPECT_EQ(l.find("music", b)->title, "other");
  EXPECT_EQ(l.fingerprint("music", b), hash_list{3});

  l.set_removing("music", std::vector<document_id>{a});
  l.set_pending("music");
  EXPECT_EQ(state(a), recording_state::removing);
  EXPECT_EQ(state(b), recording_state::pending);
  EXPECT_EQ(l.find("music", b)->commit, 0u);
  EXPECT_EQ(l.list("music", {recording_state::removing, {}}).size(), 1u);
  l.set_pending("music", std::vector<document_id>{a});
  EXPECT_EQ(state(a), recording_state::pending);
}

TEST_F(recording_library_test, lists_what_is_below_a_folder) {
  recording_library l(file);
  l.set_index({"music", 1, "n"});
  for (const auto* p : {"/m/x/2", "/m/x", "/m/x-1", "/m/x0", "/m/x/1/a", "/m/y", "/n"}) {
    l.add("music", song(p), hash_list{1});
  }
  const auto below = [&](const std::string& where) {
    std::vector<std::string> paths;
    for (const auto& r : l.list("music", {{}, where})) paths.push_back(r.path);
    return paths;
  };
  EXPECT_THAT(below("/m/x"), ElementsAre("/m/x", "/m/x/1/a", "/m/x/2"));
  EXPECT_THAT(below("/m/x/"), ElementsAre("/m/x/1/a", "/m/x/2"));
  EXPECT_THAT(below("/m/y"), ElementsAre("/m/y"));
  EXPECT_EQ(below("/").size(), 7u);
  EXPECT_EQ(below("").size(), 7u);
  EXPECT_EQ(below("/q").size(), 0u);
}

TEST_F(recording_library_test, forgets_an_index_with_all_of_it) {
  recording_library l(file);
  l.set_index({"a", 1, "n"});
  l.set_index({"b", 1, "n"});
  l.add("a", song("/a"), hash_list{1});
  l.add("b", song("/a"), hash_list{1});
  l.set_index({"a", 2, "m"});
  EXPECT_THAT(l.indexes(), ElementsAre(library_index{"a", 2, "m"}, library_index{"b", 1, "n"}));
  EXPECT_EQ(l.count("a"), 1u);
  EXPECT_TRUE(l.forget_index("a"));
  EXPECT_FALSE(l.forget_index("a"));
  EXPECT_EQ(l.count("a"), 0u);
  l.set_index({"a", 3, "n"});
  EXPECT_EQ(l.count("a"), 0u);
  EXPECT_EQ(l.fingerprint("a", 1), std::nullopt);
  EXPECT_EQ(l.fingerprint("b", 1), hash_list{1});
}

/// Random changes, with the library opened anew now and then, against a map.
TEST_F(recording_library_test, agrees_with_a_map) {
  std::mt19937 random(20261129);
  const auto below = [&](uint32_t n) { return static_cast<uint32_t>(random() % n); };
  std::map<document_id, std::pair<recording, hash_list>> model;
  auto l = std::make_unique<recording_library>(file);
  l->set_index({"music", 1, "n"});
  document_id last = 0;
  for (int step = 0; step < 600; step++) {
    auto at = model.begin();
    if (!model.empty()) std::advance(at, below(static_cast<uint32_t>(model.size())));
    auto r = song("/" + std::to_string(step));
    r.size = random();
    hash_list hashes(below(50));
    for (auto& h : hashes) h = static_cast<hash_value>(random());
    const auto what = below(10);
    if (model.empty() || what < 4) {
      const document_id above = below(8) == 0 ? last + below(5) : 0;
      r.id = l->add("music", r, hashes, above);
      EXPECT_EQ(r.id, std::max(last, above) + 1);
      last = r.id;
      model[r.id] = {r, hashes};
    } else if (what < 6) {
      r.id = at->first;
      l->replace("music", r, hashes);
      r.commit = at->second.first.commit;
      at->second = {r, hashes};
    } else if (what == 6) {
      auto& known = at->second.first;
      l->set_stored("music", std::vector{std::pair{at->first, recording_library::digest_of(at->second.second)}},
                    static_cast<commit_id>(step));
      if (known.state == recording_state::pending) {
        known.state = recording_state::stored;
        known.commit = static_cast<commit_id>(step);
      }
    } else if (what == 7) {
      l->set_removing("music", std::vector{at->first});
      at->second.first.state = recording_state::removing;
    } else if (what == 8) {
      l->remove("music", std::vector{at->first});
      model.erase(at);
    } else {
      l.reset();
      l = std::make_unique<recording_library>(file);
    }
  }
  EXPECT_EQ(l->count("music"), model.size());
  EXPECT_EQ(l->list("music").size(), model.size());
  for (auto& [id, known] : model) {
    known.first.num_hashes = known.second.size();
    known.first.digest = recording_library::digest_of(known.second);
    EXPECT_EQ(l->find("music", id), known.first);
    EXPECT_EQ(l->fingerprint("music", id), known.second);
  }
}

TEST_F(recording_library_test, notices_a_damaged_fingerprint) {
  recording_library l(file);
  l.set_index({"music", 1, "n"});
  hash_list hashes(500);
  for (size_t i = 0; i < hashes.size(); i++) hashes[i] = static_cast<hash_value>(i * 2'654'435'761u);
  const auto id = l.add("music", song("/a"), hashes);
  for (const auto* harm :
       {"UPDATE fingerprints SET hashes = substr(hashes, 1, 1996)",
        "UPDATE fingerprints SET hashes = substr(hashes, 1, 1999)",
        "UPDATE fingerprints SET hashes = CAST(hashes || x'00' AS BLOB)",
        "UPDATE fingerprints SET hashes = CAST(substr(hashes, 1, 999) || x'77' || substr(hashes, 1001) AS BLOB)",
        "UPDATE recordings SET digest = digest + 1", "DELETE FROM fingerprints"}) {
    sqlite_file raw(file.string(), access::read_write);
    {
      sqlite_transaction undone(raw);
      raw.run(harm);
      undone.commit();
    }
    const auto e = error_of([&] { l.fingerprint("music", id); });
    EXPECT_EQ(e.code(), errc::corrupt_data) << harm;
    EXPECT_THAT(e.what(), HasSubstr(file.string()));
    EXPECT_THAT(e.what(), HasSubstr("document 1 of index \"music\" is damaged"));
    auto r = song("/a");
    r.id = id;
    l.replace("music", r, hashes);
    EXPECT_EQ(l.fingerprint("music", id), hashes);
  }
}

TEST_F(recording_library_test, refuses_a_file_that_is_no_library_and_leaves_it_alone) {
  const auto other = folder / "other";
  {
    sqlite_file foreign((folder / "foreign").string(), access::create);
    foreign.run("PRAGMA journal_mode = WAL");
    foreign.run("CREATE TABLE t (a)");
    foreign.run("PRAGMA application_id = 7");
  }
  for (const auto& content : {std::string(), std::string("x"), std::string(5'000, 'x'),
                              std::string("SQLite format 3\0", 16), bytes_of(folder / "foreign")}) {
    std::ofstream(other, std::ios::binary) << content;
    for (const auto wanted : {access::create, access::read_write, access::read_only}) {
      const auto e = error_of([&] { recording_library refused(other, wanted); });
      EXPECT_EQ(e.code(), errc::unsupported_format);
      EXPECT_THAT(e.what(), HasSubstr("is no library of recordings"));
      EXPECT_THAT(e.what(), HasSubstr(other.string()));
    }
    EXPECT_EQ(bytes_of(other), content);
    EXPECT_FALSE(exists(folder / "other-wal"));
  }
  EXPECT_EQ(error_of([&] { recording_library refused(folder.path()); }).code(), errc::io_error);
}

TEST_F(recording_library_test, makes_one_only_where_there_is_none) {
  for (const auto wanted : {access::read_write, access::read_only}) {
    const auto e = error_of([&] { recording_library refused(file, wanted); });
    EXPECT_EQ(e.code(), errc::io_error);
    EXPECT_THAT(e.what(), HasSubstr("there is no library"));
    EXPECT_FALSE(exists(file));
  }
  recording_library(file).set_index({"music", 1, "n"});
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(file.parent_path()), {}), 1);
}

TEST_F(recording_library_test, refuses_a_newer_format) {
  recording_library(file).set_index({"music", 1, "n"});
  {
    sqlite_file raw(file.string(), access::read_write);
    raw.run("PRAGMA user_version = 2");
  }
  const auto before = bytes_of(file);
  const auto e = error_of([&] { recording_library refused(file); });
  EXPECT_EQ(e.code(), errc::unsupported_format);
  EXPECT_THAT(e.what(), HasSubstr("version 2, this program knows version 1"));
  EXPECT_EQ(bytes_of(file), before);
}

TEST_F(recording_library_test, notices_a_damaged_file) {
  {
    recording_library l(file);
    l.set_index({"music", 1, "n"});
    for (int i = 0; i < 100; i++) l.add("music", song("/" + std::to_string(i)), hash_list(1'000, 7));
  }
  const auto whole = bytes_of(file);
  auto damaged = whole;
  for (size_t i = 4'096; i < damaged.size(); i++) damaged[i] = 'x';
  std::ofstream(file, std::ios::binary) << damaged;
  EXPECT_EQ(error_of([&] { recording_library(file).list("music"); }).code(), errc::corrupt_data);
}

TEST_F(recording_library_test, is_made_by_several_at_once) {
  constexpr int num_writers = 4, num_songs = 25;
  std::vector<std::jthread> writers;
  for (int w = 0; w < num_writers; w++) {
    writers.emplace_back([&, w] {
      recording_library l(file);
      l.set_index({"music", 1, "n"});
      for (int i = 0; i < num_songs; i++) {
        l.add("music", song("/" + std::to_string(w) + "/" + std::to_string(i)), hash_list(10, 7));
        recording_library(file, access::read_only).list("music");
      }
    });
  }
  writers.clear();
  EXPECT_EQ(recording_library(file).count("music"), uint64_t{num_writers * num_songs});
}

TEST_F(recording_library_test, is_read_while_another_one_writes) {
  recording_library l(file), reader(file, access::read_only);
  l.set_index({"music", 1, "n"});
  l.add("music", song("/a"), hash_list{1});
  sqlite_file raw(file.string(), access::read_write);
  sqlite_transaction unfinished(raw);
  raw.run("DELETE FROM recordings");
  EXPECT_EQ(reader.count("music"), 1u);
  EXPECT_EQ(reader.fingerprint("music", 1), hash_list{1});
}

TEST_F(recording_library_test, has_one_holder_of_its_lock) {
  const recording_library l(file);
  {
    const library_lock held(file);
    const auto e = error_of([&] { library_lock second(file); });
    EXPECT_EQ(e.code(), errc::io_error);
    EXPECT_THAT(e.what(), HasSubstr("another fpctl is at work with this library (process " +
                                    std::to_string(::getpid()) + ")"));
  }
  const library_lock again(file);
}

TEST(library_path, is_where_the_user_has_data) {
  const auto former = [](const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string() : std::string(value);
  };
  const auto home = former("HOME"), data = former("XDG_DATA_HOME");
  ::setenv("HOME", "/home/u", 1);
  ::unsetenv("XDG_DATA_HOME");
  EXPECT_EQ(recording_library::default_path(), "/home/u/.local/share/fpnode/library.sqlite");
  ::setenv("XDG_DATA_HOME", "relative", 1);
  EXPECT_EQ(recording_library::default_path(), "/home/u/.local/share/fpnode/library.sqlite");
  ::setenv("XDG_DATA_HOME", "/d", 1);
  EXPECT_EQ(recording_library::default_path(), "/d/fpnode/library.sqlite");
  ::unsetenv("XDG_DATA_HOME");
  ::unsetenv("HOME");
  EXPECT_EQ(recording_library::default_path(), "");
  if (!home.empty()) ::setenv("HOME", home.c_str(), 1);
  if (!data.empty()) ::setenv("XDG_DATA_HOME", data.c_str(), 1);
}

}  // namespace
}  // namespace fp
