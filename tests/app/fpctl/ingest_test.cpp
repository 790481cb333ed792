#include "app/fpctl/ingest.hpp"

#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <memory>

#include "tests/app/support/client_options.hpp"
#include "tests/app/support/running_node.hpp"
#include "tests/core/support/error_of.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp::ctl {
namespace {

using test::error_of;
using testing::HasSubstr;

class ingest_test : public testing::Test {
 protected:
  ingest_test() : node(folder / "data"), system(settings), c(system, test::options_for(node.port())) {
    c.create_index({"music", false, {}});
  }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(folder / name) << text;
    return (folder / name).string();
  }
  ingest_options options(std::vector<std::string> files) const {
    ingest_options o;
    o.index = "music";
    o.source = source_name(files);
    o.files = std::move(files);
    o.state_folder = folder / "state";
    o.batch_documents = 10;
    o.ready_wait_ms = 10'000;
    return o;
  }
  static std::string lines(int first, int last) {
    std::string text;
    for (int i = first; i <= last; i++) {
      text += std::to_string(i) + "|" + std::to_string(i) + "," + std::to_string(i * 7) + "\n";
    }
    return text;
  }
  uint64_t documents() { return c.info("music").num_documents; }
  size_t num_records() const {
    return fs_exists(folder / "state") ? posix_file_system().list(folder / "state").size() : 0;
  }
  static bool fs_exists(const path& p) { return posix_file_system().exists(p); }
  /// Ingests until the bad line that ends the file; returns the notes of the run.
  std::vector<std::string> fail_at_the_end(const ingest_options& o) {
    std::vector<std::string> notes;
    ingest work(c, o);
    work.on_note = [&](const std::string& note) { notes.push_back(note); };
    EXPECT_EQ(error_of([&] { work.run(); }).code(), errc::bad_request);
    return notes;
  }

  test::temporary_folder folder;
  test::running_node node;
  system_config settings{1};
  caf::actor_system system;
  client c;
};

TEST_F(ingest_test, inserts_everything_whenever_it_is_told_to) {
  const auto file = write("a", lines(1, 95));
  ingest first(c, options({file}));
  first.run();
  EXPECT_EQ(first.acknowledged().documents, 95u);
  EXPECT_EQ(first.hashes(), 190u);
  EXPECT_EQ(documents(), 95u);
  EXPECT_EQ(first.version(), 10u);  // no commit but the batches
  EXPECT_EQ(c.info("music").metadata.size(), 0u);
  EXPECT_EQ(num_records(), 0u);
  changes_encoder changes;
  changes.erase(3);
  update_request request;
  request.changes = changes.take();
  c.update("music", request);
  ingest again(c, options({file}));
  again.run();
  EXPECT_EQ(again.started_at().documents, 0u);
  EXPECT_EQ(documents(), 95u);
}

TEST_F(ingest_test, gives_the_id_that_is_asked_for_each_time) {
  const auto file = write("a", "FINGERPRINT=1,2\n");
  for (const document_id id : {3u, 4u, 3u}) {
    auto o = options({file});
    o.single_id = id;
    const auto before = c.info("music").version;
    ingest(c, o).run();
    EXPECT_EQ(c.document("music", {id}).version, before + 1);
  }
  EXPECT_EQ(documents(), 2u);
}

TEST_F(ingest_test, continues_under_the_same_options_alone) {
  const auto file = write("a", "FINGERPRINT=1\n" + lines(10, 30) + "bad\n");
  auto o = options({file});
  o.single_id = 3;
  fail_at_the_end(o);
  EXPECT_EQ(num_records(), 1u);
  for (const auto& change : std::vector<std::function<void(ingest_options&)>>{
           [](auto& x) { x.single_id = 4; },
           [](auto& x) { x.single_id = 0, x.start_id = 4; },
           [](auto& x) { x.source += "2"; },
           [](auto& x) { x.restart = true; },
       }) {
    auto other = o;
    change(other);
    ingest work(c, other);
    try {
      work.run();
    } catch (const error&) {
    }
    EXPECT_EQ(work.started_at().lines, 0u);
    fail_at_the_end(o);
  }
  // The id is given away already.
  write("a", "FINGERPRINT=1\n" + lines(10, 30) + "FINGERPRINT=2\n");
  ingest again(c, o);
  EXPECT_THAT(error_of([&] { again.run(); }).what(), HasSubstr("a second fingerprint without an id"));
  EXPECT_EQ(again.started_at().documents, 20u);
}

TEST_F(ingest_test, does_not_go_on_behind_lines_that_only_another_run_was_to_skip) {
  write("a", "bad\n" + lines(1, 15) + "bad\n" + lines(16, 18));
  auto o = options({(folder / "a").string()});
  fail_at_the_end(o);
  EXPECT_EQ(num_records(), 0u);
  o.keep_going = true;
  ingest first(c, o);
  first.on_progress = [&](const ingest&) { throw error(errc::io_error, "enough"); };
  EXPECT_EQ(error_of([&] { first.run(); }).code(), errc::io_error);
  EXPECT_EQ(num_records(), 1u);
  o.keep_going = false;
  EXPECT_THAT(fail_at_the_end(o), testing::ElementsAre(HasSubstr("--keep-going")));
}

TEST_F(ingest_test, starts_anew_when_the_index_no_longer_holds_what_was_ingested) {
  const auto file = write("a", lines(1, 500) + "bad\n");
  const auto o = options({file});
  fail_at_the_end(o);
  EXPECT_THAT(fail_at_the_end(o), testing::IsEmpty());
  const auto expect_anew = [&] {
    ingest work(c, o);
    EXPECT_EQ(error_of([&] { work.run(); }).code(), errc::bad_request);
    EXPECT_EQ(work.started_at().lines, 0u);
    EXPECT_EQ(documents(), 500u);
  };
  c.insert("music", 500, std::vector<hash_value>{1});
  expect_anew();
  c.delete_index({"music", true});
  c.create_index({"music", false, {}});
  expect_anew();
  changes_encoder changes;
  for (document_id id = 11; id <= 500; id++) changes.erase(id);
  update_request request;
  request.changes = changes.take();
  c.update("music", request);
  expect_anew();
}

TEST_F(ingest_test, keeps_few_records_and_none_in_the_index) {
  for (size_t i = 0; i < ingest_record_file::max_records + 20; i++) {
    auto o = options({write("a", lines(1, 20) + "bad\n")});
    o.source = "source " + std::to_string(i);
    fail_at_the_end(o);
  }
  EXPECT_EQ(num_records(), ingest_record_file::max_records);
  EXPECT_EQ(c.info("music").metadata.size(), 0u);
  EXPECT_EQ(ingest_record_file(folder / "state", "another").read(), std::nullopt);
}

TEST_F(ingest_test, takes_a_record_that_is_not_whole_for_none) {
  const ingest_record_file file(folder / "state", "a \"name\"\xff");
  const ingest_record record{{12, 0xfedcba9876543210, 10, 2, 4'000'000'005, true}, 7, {{1, 2}, {4'294'967'295, 9}}};
  file.write(record);
  EXPECT_EQ(file.read(), record);
  const auto name = (folder / "state").string() + "/" + posix_file_system().list(folder / "state").front();
  const auto text = read_file(posix_file_system(), name);
  for (size_t i = 0; i + 2 < text.size(); i++) {
    std::ofstream(name) << text.substr(0, i);
    EXPECT_EQ(file.read(), std::nullopt) << i;
  }
  file.remove();
  EXPECT_EQ(num_records(), 0u);
}

TEST_F(ingest_test, removes_the_records_that_earlier_versions_left_in_the_index) {
  changes_encoder changes;
  for (int i = 0; i < 2'500; i++) {
    changes.set_metadata("ingest:/srv/" + std::to_string(i),
                         "lines=625 documents=625 skipped=0 start_id=0 next_id=0 xxh3=9d31663ff6ed32be");
  }
  changes.set_metadata("ingest:mine", "a client's own");
  changes.set_metadata("album", "lines=625 documents=625 skipped=0 start_id=0 next_id=0 xxh3=9d31663ff6ed32be");
  update_request request;
  request.changes = changes.take();
  c.update("music", request);
  ingest(c, options({write("a", lines(1, 3))})).run();
  const auto left = c.info("music").metadata;
  ASSERT_EQ(left.size(), 2u);
  EXPECT_EQ(left[0].first, "album");
  EXPECT_EQ(left[1].first, "ingest:mine");
}

TEST(state_folder, is_where_the_environment_says) {
  const auto restore = [](const char* name, const char* value) {
    return std::shared_ptr<void>(nullptr,
                                 [name, former = std::string(value ? value : ""), was = value != nullptr](void*) {
                                   was ? ::setenv(name, former.c_str(), 1) : ::unsetenv(name);
                                 });
  };
  const auto state = restore("XDG_STATE_HOME", std::getenv("XDG_STATE_HOME")),
             home = restore("HOME", std::getenv("HOME"));
  ::setenv("XDG_STATE_HOME", "/state", 1);
  EXPECT_EQ(state_folder(), "/state/fpctl");
  ::setenv("XDG_STATE_HOME", "relative", 1);  // to be ignored, says the specification
  ::setenv("HOME", "/home/ann", 1);
  EXPECT_EQ(state_folder(), "/home/ann/.local/state/fpctl");
  ::unsetenv("XDG_STATE_HOME");
  ::unsetenv("HOME");
  EXPECT_EQ(state_folder(), "");
}

TEST_F(ingest_test, goes_on_without_a_record_where_none_can_be_kept) {
  auto o = options({write("a", lines(1, 20) + "bad\n")});
  o.state_folder = write("no-folder", "");
  EXPECT_THAT(fail_at_the_end(o), testing::ElementsAre(HasSubstr("cannot be continued")));
  EXPECT_EQ(documents(), 20u);
}

TEST_F(ingest_test, wants_the_fingerprint_that_an_id_announces) {
  auto o = options({write("a", "")});
  ingest(c, o).run();  // an empty dump
  o.single_id = 9;
  EXPECT_THAT(error_of([&] { ingest(c, o).run(); }).what(),
              HasSubstr("--id 9 was given, but the input holds no fingerprint"));
  write("a", "\n# a comment\n");
  EXPECT_EQ(error_of([&] { ingest(c, o).run(); }).code(), errc::bad_request);
  write("a", "7|1,2\n");
  EXPECT_THAT(error_of([&] { ingest(c, o).run(); }).what(), HasSubstr("no fingerprint without an id"));
}

TEST_F(ingest_test, stops_at_a_bad_line_and_continues_when_it_is_mended) {
  const auto file = write("a", lines(1, 57) + "58|x\n" + lines(59, 70));
  ingest work(c, options({file}));
  const auto e = error_of([&] { work.run(); });
  EXPECT_THAT(e.what(), HasSubstr("a:58: "));
  EXPECT_EQ(work.acknowledged().documents, 50u);
  EXPECT_EQ(documents(), 50u);  // nothing of the batch with the bad line
  write("a", lines(1, 70));
  ingest again(c, options({file}));
  again.run();
  EXPECT_EQ(again.started_at().documents, 50u);
  EXPECT_EQ(again.acknowledged().documents, 70u);
  EXPECT_EQ(documents(), 70u);
}

TEST_F(ingest_test, skips_bad_lines_when_told) {
  const auto file = write("a", "1|1\nbad\n2|2\n3|\n4|4\n");
  auto o = options({file});
  o.keep_going = true;
  ingest work(c, o);
  std::vector<std::string> told;
  work.on_bad_line = [&](const std::string& what) { told.push_back(what); };
  work.run();
  EXPECT_THAT(told, testing::ElementsAre(HasSubstr("a:2: "), HasSubstr("a:4: ")));
  EXPECT_EQ(work.acknowledged().skipped, 2u);
  EXPECT_EQ(documents(), 3u);
}

TEST_F(ingest_test, starts_anew_when_the_input_has_changed) {
  const auto file = write("a", lines(1, 20) + "bad\n");
  const auto o = options({file});
  for (const auto& changed : {lines(2, 21), lines(1, 5)}) {
    write("a", lines(1, 20) + "bad\n");
    fail_at_the_end(o);
    write("a", changed);
    ingest work(c, o);
    std::vector<std::string> notes;
    work.on_note = [&](const std::string& note) { notes.push_back(note); };
    work.run();
    EXPECT_EQ(work.started_at().lines, 0u);
    EXPECT_THAT(notes, testing::ElementsAre(HasSubstr("the input is another one")));
  }
  EXPECT_EQ(documents(), 21u);
}

TEST_F(ingest_test, numbers_fingerprints_that_have_no_id) {
  const auto file = write("a", "FINGERPRINT=1,2\nFINGERPRINT=3\nbad\nFINGERPRINT=4\n");
  EXPECT_THAT(error_of([&] { ingest(c, options({file})).run(); }).what(), HasSubstr("a:1: "));
  auto o = options({file});
  o.start_id = 100;
  o.batch_documents = 1;
  EXPECT_THAT(error_of([&] { ingest(c, o).run(); }).what(), HasSubstr("a:3: "));
  write("a", "FINGERPRINT=1,2\nFINGERPRINT=3\nFINGERPRINT=4\n");
  ingest(c, o).run();
  EXPECT_EQ(c.info("music").max_document, 102u);
  EXPECT_EQ(documents(), 3u);
  o.start_id = 5;
  ingest(c, o).run();
  EXPECT_EQ(c.info("music").min_document, 5u);
  EXPECT_EQ(documents(), 6u);
  o.start_id = 0;
  o.single_id = 9;
  EXPECT_THAT(error_of([&] { ingest(c, o).run(); }).what(), HasSubstr("a:2: "));
}

TEST_F(ingest_test, reads_several_files_as_one_input) {
  const auto a = write("a", lines(1, 13)), b = write("b", lines(14, 30) + "bad\n");
  fail_at_the_end(options({a, b}));
  EXPECT_EQ(documents(), 30u);
  write("b", lines(14, 30));
  ingest again(c, options({a, b}));
  again.run();
  EXPECT_EQ(again.started_at().documents, 30u);
  EXPECT_NE(source_name({a, b}), source_name({b, a}));
  EXPECT_EQ(source_name({"-"}), "");
  EXPECT_EQ(source_name({a, folder.path().string()}), "");
}

TEST_F(ingest_test, keeps_to_what_was_acknowledged_when_the_node_goes_away) {
  const auto file = write("a", lines(1, 400));
  auto o = options({file});
  ingest work(c, o);
  bool stopped = false;
  work.on_progress = [&](const ingest&) {
    if (!std::exchange(stopped, true)) node.stop();
  };
  // Depending on how far the node has got with ending, it says so or is gone.
  EXPECT_THAT(error_of([&] { work.run(); }).code(), testing::AnyOf(errc::unreachable, errc::shutting_down));
  EXPECT_GE(work.acknowledged().documents, 10u);
  EXPECT_LT(work.acknowledged().documents, 400u);
  test::running_node next(folder / "data", node.port());
  EXPECT_GE(c.info("music", {10'000}).num_documents, work.acknowledged().documents);
  ingest again(c, o);
  again.run();
  EXPECT_GE(again.started_at().documents, 10u);
  EXPECT_EQ(again.acknowledged().documents, 400u);
  EXPECT_EQ(documents(), 400u);
}

/// An index that refuses the second update, and applies the others.
index_handle::behavior_type forgetful_index(
    index_handle::stateful_pointer<std::vector<std::vector<uint8_t>>> self) {
  const auto refuse = [] { return make_error(errc::internal_error, "not here"); };
  return {
      [=](const search_request&) -> caf::result<search_reply> { return refuse(); },
      [=](const search_batch_request&) -> caf::result<search_batch_reply> { return refuse(); },
      [=](const update_request& r) -> caf::result<update_reply> {
        self->state.push_back(r.changes);
        if (self->state.size() == 2) return make_error(errc::overloaded, "too much");
        return update_reply{self->state.size()};
      },
      [=](const document_request&) -> caf::result<document_reply> { return refuse(); },
      [=](const index_info_request&) { return index_info{}; },
      [=](const segments_request&) -> caf::result<segment_list> { return refuse(); },
      [=](status_atom) { return index_status{}; },
      [=](subscribe_atom, const progress_observer&) -> caf::result<load_progress> { return refuse(); },
      [=](checkpoint_atom) -> caf::result<upkeep_reply> { return refuse(); },
      [=](merge_atom) -> caf::result<upkeep_reply> { return refuse(); },
      [=](reload_atom) -> caf::result<index_status> { return refuse(); },
      [=](const snapshot_request&) -> caf::result<snapshot_reply> { return refuse(); },
      [=](const slice_questions&) {},
      [=](const slice_document&) -> caf::result<document_reply> { return refuse(); },
      [=](slice_atom) { return slice_status{}; },
      [=](cluster_atom) -> caf::result<cluster_status> { return refuse(); },
  };
}

node_handle::behavior_type forgetful_node(node_handle::pointer self) {
  const auto index = self->spawn<caf::linked>(forgetful_index);
  return {
      [](const create_index_request&) { return create_index_reply{}; },
      [](const delete_index_request&) { return delete_index_reply{}; },
      [](list_atom) { return index_list{}; },
      [=](resolve_atom, const std::string&) { return index; },
      [](const resync_request&) -> caf::result<resync_reply> { return make_error(errc::internal_error, "none"); },
      [](const drain_request&) { return drain_reply{}; },
      [](const restore_request&) -> caf::result<restore_handle> {
        return make_error(errc::internal_error, "none");
      },
      [](status_atom) { return node_status{}; },
      [](shutdown_atom) { return node_status{}; },
  };
}

TEST_F(ingest_test, records_nothing_beyond_a_batch_that_failed) {
  system_config other_settings{1};
  caf::actor_system other{other_settings};
  const auto forgetful = other.spawn(forgetful_node);
  const auto port = other.middleman().publish(forgetful, 0, "127.0.0.1");
  ASSERT_TRUE(port);
  client to_forgetful(system, test::options_for(*port));
  auto o = options({write("a", lines(1, 200))});
  o.source = "one";
  ingest work(to_forgetful, o);
  EXPECT_EQ(error_of([&] { work.run(); }).code(), errc::overloaded);
  EXPECT_EQ(work.acknowledged().documents, 10u);
  ASSERT_EQ(num_records(), 1u);
  const auto name = (folder / "state").string() + "/" + posix_file_system().list(folder / "state").front();
  EXPECT_THAT(read_file(posix_file_system(), name), HasSubstr("\"documents\":10,"));
  caf::anon_send_exit(forgetful, caf::exit_reason::kill);
}

}  // namespace
}  // namespace fp::ctl
