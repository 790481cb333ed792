#include "app/fpctl/library_session.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <random>

#include "app/fpctl/index_form.hpp"
#include "app/fpctl/library_doctor.hpp"
#include "core/identify/alignment.hpp"
#include "tests/app/support/client_options.hpp"
#include "tests/app/support/running_node.hpp"
#include "tests/core/support/error_of.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp::ctl {
namespace {

using test::error_of;
using testing::HasSubstr;
using testing::IsEmpty;

/// What processes leave that were killed, and what the next one makes of it.
class library_session_test : public testing::Test {
 protected:
  library_session_test() : node(folder / "data"), system(settings), c(system, test::options_for(node.port())) {}
  static recording song(const std::string& path) {
    recording r;
    r.path = path;
    return r;
  }
  static std::vector<hash_value> hashes_of(uint32_t n) { return {n, n + 1'000, n + 2'000, n}; }
  std::unique_ptr<library_session> session() {
    auto made = std::make_unique<library_session>(c, library, "music", 10'000);
    made->on_note = [this](const std::string& what) { notes.push_back(what); };
    return made;
  }
  std::unique_ptr<library_session> opened() {
    auto made = session();
    made->open(true);
    return made;
  }
  bool is_there(document_id id) {
    try {
      c.document("music", {id, 10'000});
      return true;
    } catch (const error&) {
      return false;
    }
  }
  recording_state state(document_id id) { return library.find("music", id)->state; }
  library_examination examined() {
    return examine_library(c, library, "music", 10'000, [](uint64_t, uint64_t) {});
  }
  std::vector<library_finding> findings() { return examined().findings; }
  void erase(document_id id) {
    update_request request;
    changes_encoder changes;
    changes.erase(id);
    request.changes = changes.take();
    c.update("music", request);
  }
  void make_index_anew(hash_form form) {
    c.create_index({"music", false, {}});
    c.delete_index({"music", true});
    c.create_index({"music", false, {}});
    update_request request;
    changes_encoder changes;
    changes.set_metadata(std::string(hash_form_key), std::string(to_string(form)));
    request.changes = changes.take();
    c.update("music", request);
  }
  /// How many of a document's hashes a query has.
  uint32_t score(document_id id, const std::vector<hash_value>& query) {
    search_request request;
    request.query = query;
    request.min_score = 1;
    request.ready_wait_ms = 10'000;
    const auto found = c.search("music", request).results;
    for (size_t i = 0; i < found.size(); i++) {
      if (found[i].id == id) return found[i].score;
    }
    return 0;
  }
  commit_id version() { return c.info("music", {10'000}).version; }

  test::temporary_folder folder;
  test::running_node node;
  system_config settings{1};
  caf::actor_system system;
  client c;
  recording_library library{folder / "library.sqlite"};
  std::vector<std::string> notes;
};

TEST_F(library_session_test, sends_what_is_pending_in_batches) {
  auto s = opened();
  EXPECT_TRUE(s->created());
  for (uint32_t i = 1; i <= 130; i++) EXPECT_EQ(s->add(song("/" + std::to_string(i)), hashes_of(i)), i);
  EXPECT_EQ(state(1), recording_state::pending);
  EXPECT_FALSE(is_there(1));
  s->send_pending();
  EXPECT_EQ(version(), 3u);
  EXPECT_EQ(s->num_sent(), 130u);
  EXPECT_EQ(s->num_pending(), 0u);
  for (uint32_t i = 1; i <= 130; i++) EXPECT_EQ(state(i), recording_state::stored);
  EXPECT_EQ(library.find("music", 130)->commit, 3u);
  EXPECT_FALSE(opened()->created());
}

TEST_F(library_session_test, sends_what_a_killed_one_had_not_sent) {
  opened()->add(song("/a"), hashes_of(1));
  const auto next = opened();
  EXPECT_EQ(next->num_pending(), 1u);
  next->send_pending();
  EXPECT_TRUE(is_there(1));
  EXPECT_EQ(state(1), recording_state::stored);
}

TEST_F(library_session_test, sends_again_what_a_killed_one_had_sent_without_hearing_so) {
  opened()->add(song("/a"), hashes_of(1));
  c.insert("music", 1, hashes_of(1));
  opened()->send_pending();
  EXPECT_EQ(state(1), recording_state::stored);
  EXPECT_EQ(library.find("music", 1)->commit, version());
  EXPECT_EQ(c.info("music").num_documents, 1u);
  EXPECT_THAT(notes, IsEmpty());
}

TEST_F(library_session_test, ends_removals_that_a_killed_one_began) {
  {
    auto s = opened();
    for (const auto* path : {"/a", "/b", "/c"}) s->add(song(path), hashes_of(static_cast<uint32_t>(path[1])));
    s->send_pending();
  }
  library.set_removing("music", std::vector<document_id>{1, 2});
  erase(2);
  opened();
  EXPECT_FALSE(is_there(1));
  EXPECT_TRUE(is_there(3));
  EXPECT_EQ(library.count("music"), 1u);
}

TEST_F(library_session_test, replaces_under_the_same_id) {
  auto s = opened();
  auto r = song("/a");
  r.id = s->add(r, hashes_of(1));
  s->send_pending();
  s->replace(r, hashes_of(2));
  s->replace(r, hashes_of(3));
  EXPECT_EQ(s->num_pending(), 1u);
  s->send_pending();
  EXPECT_TRUE(s->holds(1, hashes_of(3)));
  EXPECT_FALSE(s->holds(1, hashes_of(1)));
  EXPECT_EQ(library.find("music", 1)->commit, 2u);
  EXPECT_THAT(notes, IsEmpty());
}

TEST_F(library_session_test, writes_over_no_document_of_others) {
  auto s = opened();
  EXPECT_EQ(s->add(song("/a"), hashes_of(1)), 1u);
  EXPECT_EQ(s->add(song("/b"), hashes_of(2)), 2u);
  c.insert("music", 1, hashes_of(77));
  c.insert("music", 50, hashes_of(78));
  s->send_pending();
  EXPECT_TRUE(s->holds(1, hashes_of(77)));
  EXPECT_EQ(library.find_path("music", "/a")->id, 51u);
  EXPECT_TRUE(s->holds(51, hashes_of(1)));
  EXPECT_TRUE(s->holds(2, hashes_of(2)));
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_THAT(notes[0], HasSubstr("document 1 of index music is somebody else's: /a is document 51"));
  // Nor does it delete one: this recording was never sent.
  const auto id = s->add(song("/c"), hashes_of(3));
  c.insert("music", id, hashes_of(79));
  s->remove({id, 2});
  EXPECT_TRUE(s->holds(id, hashes_of(79)));
  EXPECT_FALSE(is_there(2));
  EXPECT_EQ(library.count("music"), 1u);
  EXPECT_EQ(s->num_pending(), 0u);
}

TEST_F(library_session_test, passes_over_a_damaged_fingerprint) {
  auto s = opened();
  s->add(song("/a"), hashes_of(1));
  s->add(song("/b"), hashes_of(2));
  sqlite_file(library.file(), sqlite_file::access::read_write)
      .run("UPDATE fingerprints SET hashes = x'' WHERE id = 1");
  s->send_pending();
  EXPECT_EQ(state(1), recording_state::pending);
  EXPECT_EQ(state(2), recording_state::stored);
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_THAT(notes[0], HasSubstr("document 1 of index \"music\" is damaged"));
}

TEST_F(library_session_test, says_when_an_index_lacks_some) {
  {
    auto s = opened();
    s->add(song("/a"), hashes_of(1));
    s->add(song("/b"), hashes_of(2));
    s->send_pending();
  }
  erase(2);
  opened();
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_THAT(notes[0],
              HasSubstr("1 documents, and the library 2 recordings that it should have: fpctl library doctor"));
}

TEST_F(library_session_test, tells_another_index_of_the_same_name) {
  {
    auto s = opened();
    s->add(song("/a"), hashes_of(1));
    s->send_pending();
  }
  c.delete_index({"music", true});
  EXPECT_EQ(error_of([&] { session()->open(false); }).code(), errc::index_not_found);
  opened()->send_pending();
  EXPECT_THAT(notes.back(), HasSubstr("1 recording of the library are sent again"));
  EXPECT_TRUE(is_there(1));

  c.delete_index({"music", true});
  c.create_index({"music", false, {}});
  c.insert("music", 1, hashes_of(5));
  const auto e = error_of([&] { session()->open(true); });
  EXPECT_EQ(e.code(), errc::bad_request);
  EXPECT_THAT(e.what(), HasSubstr("fpctl library doctor music --repair"));
  ASSERT_EQ(findings().size(), 2u);  // the file is none, either
  EXPECT_EQ(findings()[0].what, library_ailment::other_index);
  auto s = session();
  repair_library(*s, examined());
  EXPECT_TRUE(s->holds(1, hashes_of(5)));
  EXPECT_EQ(library.find_path("music", "/a")->id, 2u);
  EXPECT_TRUE(s->holds(2, hashes_of(1)));
}

// By whichever way they come to be sent.
TEST_F(library_session_test, sends_what_the_form_of_the_index_asks_for) {
  make_index_anew(hash_form::acoustid_28);
  std::mt19937 random(1);
  std::vector<hash_value> whole(300);
  std::ranges::generate(whole, [&] { return static_cast<hash_value>(random() | 1); });
  const auto extract = document_in_form(whole, hash_form::acoustid_28);
  ASSERT_EQ(extract.size(), 120u);
  const auto is_extract = [&] { return score(1, extract) == 120 && score(1, whole) == 0; };
  auto s = opened();
  s->add(song("/a"), whole);
  s->send_pending();
  EXPECT_TRUE(is_extract());
  EXPECT_TRUE(s->holds(1, whole));

  erase(1);
  s = session();
  repair_library(*s, examined());
  EXPECT_EQ(s->num_sent(), 1u);
  EXPECT_TRUE(is_extract());

  make_index_anew(hash_form::acoustid_28);
  opened()->send_pending();
  EXPECT_TRUE(is_extract());
  EXPECT_EQ(library.fingerprint("music", 1), whole);
}

TEST_F(library_session_test, passes_over_what_the_form_of_the_index_has_nothing_of) {
  make_index_anew(hash_form::acoustid_28);
  auto s = opened();
  const std::vector<hash_value> silence(300, silence_hash);
  EXPECT_FALSE(s->takes(silence));
  EXPECT_TRUE(s->takes(hashes_of(16)));
  auto filtered = song("/filtered");
  filtered.form = to_string(hash_form::phone);
  s->add(song("/silent"), silence);
  s->add(filtered, hashes_of(16));
  s->add(song("/a"), hashes_of(32));
  s->send_pending();
  EXPECT_EQ(s->num_sent(), 1u);
  EXPECT_EQ(state(1), recording_state::pending);
  EXPECT_EQ(state(2), recording_state::pending);
  EXPECT_EQ(state(3), recording_state::stored);
  ASSERT_EQ(notes.size(), 2u);
  EXPECT_THAT(notes[0], HasSubstr("silent\": is nothing but silence"));
  EXPECT_THAT(notes[1], HasSubstr("has the form phone, and the hashes of index music have the form acoustid-28"));
  s->remove({1});
  EXPECT_EQ(library.count("music"), 2u);
}

TEST_F(library_session_test, changes_nothing_where_the_form_does_not_fit) {
  {
    auto s = opened();
    s->add(song("/a"), hashes_of(1));
    s->send_pending();
  }
  const auto known = library.index("music")->generation;
  make_index_anew(hash_form::phone);
  const auto version = this->version();
  for (const bool adopt : {false, true}) {
    const auto e = error_of([&] { session()->open(true, adopt); });
    EXPECT_EQ(e.code(), errc::bad_request);
    EXPECT_THAT(e.what(), HasSubstr("have the form phone, not plain"));
  }
  EXPECT_EQ(library.index("music")->generation, known);
  EXPECT_EQ(state(1), recording_state::stored);
  EXPECT_EQ(this->version(), version);
  EXPECT_THAT(notes, IsEmpty());
}

TEST_F(library_session_test, an_empty_index_takes_the_form_of_the_library) {
  const auto form = [&] { return form_of(c.info("music", {10'000}), "music"); };
  library_session s(c, library, "music", 10'000, hash_form::phone);
  s.open(true);
  EXPECT_EQ(form(), hash_form::phone);
  auto r = song("/a");
  r.form = to_string(hash_form::phone);
  s.add(r, hashes_of(1));
  s.send_pending();
  c.delete_index({"music", true});
  c.create_index({"music", false, {}});
  repair_library(*session(), examined());
  EXPECT_EQ(form(), hash_form::phone);
  EXPECT_TRUE(is_there(1));
}

TEST(library_identity, is_told_by_generation_and_documents) {
  const library_index known{"music", 3, "n"};
  EXPECT_EQ(identify_index(std::nullopt, 0, 1, 9), index_identity::unknown);
  EXPECT_EQ(identify_index(known, 5, 3, 9), index_identity::same);
  EXPECT_EQ(identify_index(known, 0, 3, 0), index_identity::same);
  EXPECT_EQ(identify_index(known, 5, 3, 0), index_identity::emptied);
  EXPECT_EQ(identify_index(known, 5, 4, 0), index_identity::emptied);
  EXPECT_EQ(identify_index(known, 0, 4, 0), index_identity::emptied);
  EXPECT_EQ(identify_index(known, 5, 4, 9), index_identity::other);
}

}  // namespace
}  // namespace fp::ctl
