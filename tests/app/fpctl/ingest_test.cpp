#include "app/fpctl/ingest.hpp"

#include <gmock/gmock.h>

#include <fstream>

#include "tests/app/support/running_node.hpp"
#include "tests/core/support/error_of.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp::ctl {
namespace {

using test::error_of;
using testing::HasSubstr;

class ingest_test : public testing::Test {
 protected:
  ingest_test() : node(folder / "data"), system(settings), c(system, options_for(node.port())) {
    c.create_index({"music", false, {}});
  }
  static client_options options_for(uint16_t port) {
    client_options o;
    o.port = port;
    return o;
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
  std::string recorded(const std::string& file) {
    for (const auto& [key, value] : c.info("music").metadata) {
      if (key == "ingest:" + source_name({file})) return value;
    }
    return {};
  }

  test::temporary_folder folder;
  test::running_node node;
  system_config settings{1};
  caf::actor_system system;
  client c;
};

TEST(ingest_position, survives_its_text_form) {
  const ingest_position p{12, 0xfedcba9876543210, 10, 2, 4'000'000'000, 4'000'000'005};
  EXPECT_EQ(ingest_position::parse(p.encode()), p);
  EXPECT_EQ(ingest_position::parse(""), std::nullopt);
  const auto text = p.encode();
  for (size_t i = 0; i < text.size(); i++) EXPECT_EQ(ingest_position::parse(text.substr(0, i)), std::nullopt) << i;
  EXPECT_EQ(ingest_position::parse(text + "0"), std::nullopt);
}

TEST_F(ingest_test, inserts_everything_and_knows_it_the_next_time) {
  const auto file = write("a", lines(1, 95));
  ingest first(c, options({file}));
  first.run();
  EXPECT_EQ(first.acknowledged().documents, 95u);
  EXPECT_EQ(first.hashes(), 190u);
  EXPECT_EQ(documents(), 95u);
  EXPECT_EQ(first.version(), 10u);  // no commit but the batches
  EXPECT_EQ(ingest_position::parse(recorded(file)), first.acknowledged());
  const auto version = c.info("music").version;
  ingest again(c, options({file}));
  again.run();
  EXPECT_EQ(again.started_at().documents, 95u);
  EXPECT_EQ(c.info("music").version, version);
  // A file that has grown is continued.
  write("a", lines(1, 120));
  ingest grown(c, options({file}));
  grown.run();
  EXPECT_EQ(grown.acknowledged().documents, 120u);
  EXPECT_EQ(documents(), 120u);
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

TEST_F(ingest_test, refuses_an_input_that_has_changed) {
  const auto file = write("a", lines(1, 20));
  ingest(c, options({file})).run();
  write("a", lines(2, 21));
  EXPECT_THAT(error_of([&] { ingest(c, options({file})).run(); }).what(), HasSubstr("--restart"));
  write("a", lines(1, 5));
  EXPECT_THAT(error_of([&] { ingest(c, options({file})).run(); }).what(), HasSubstr("--restart"));
  write("a", lines(101, 103));
  auto o = options({file});
  o.restart = true;
  ingest(c, o).run();
  EXPECT_EQ(documents(), 23u);
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
  EXPECT_THAT(error_of([&] { ingest(c, o).run(); }).what(), HasSubstr("--start-id 100"));
  o.start_id = 0;
  o.restart = true;
  o.single_id = 9;
  EXPECT_THAT(error_of([&] { ingest(c, o).run(); }).what(), HasSubstr("a:2: "));
}

TEST_F(ingest_test, reads_several_files_as_one_input) {
  const auto a = write("a", lines(1, 13)), b = write("b", lines(14, 30));
  ingest(c, options({a, b})).run();
  EXPECT_EQ(documents(), 30u);
  ingest again(c, options({a, b}));
  again.run();
  EXPECT_EQ(again.started_at().documents, 30u);
  EXPECT_NE(source_name({a, b}), source_name({b, a}));
  EXPECT_EQ(source_name({"-"}), "");
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
      [=](const index_info_request&) {
        // The records, in the order in which they came.
        index_info info;
        for (const auto& changes : self->state) {
          changes_reader reader(changes);
          change_view change;
          while (reader.next(change)) {
            if (change.kind == change_kind::set_metadata) info.metadata.emplace_back(change.key, change.value);
          }
        }
        return info;
      },
      [=](const segments_request&) -> caf::result<segment_list> { return refuse(); },
      [=](status_atom) -> caf::result<index_status> { return refuse(); },
      [=](subscribe_atom, const progress_observer&) -> caf::result<load_progress> { return refuse(); },
      [=](checkpoint_atom) -> caf::result<maintenance_reply> { return refuse(); },
      [=](merge_atom) -> caf::result<maintenance_reply> { return refuse(); },
      [=](reload_atom) -> caf::result<index_status> { return refuse(); },
      [=](const snapshot_request&) -> caf::result<snapshot_reply> { return refuse(); },
  };
}

node_handle::behavior_type forgetful_node(node_handle::pointer self) {
  const auto index = self->spawn<caf::linked>(forgetful_index);
  return {
      [](const create_index_request&) { return create_index_reply{}; },
      [](const delete_index_request&) { return delete_index_reply{}; },
      [](list_atom) { return index_list{}; },
      [=](resolve_atom, const std::string&) { return index; },
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
  client to_forgetful(system, options_for(*port));
  auto o = options({write("a", lines(1, 200))});
  o.restart = true;
  ingest work(to_forgetful, o);
  EXPECT_EQ(error_of([&] { work.run(); }).code(), errc::overloaded);
  EXPECT_EQ(work.acknowledged().documents, 10u);
  const auto records = to_forgetful.info("music").metadata;
  ASSERT_FALSE(records.empty());
  for (const auto& [key, value] : records) {
    const auto position = ingest_position::parse(value);
    ASSERT_TRUE(position);
    EXPECT_LE(position->documents, 10u);
  }
  caf::anon_send_exit(forgetful, caf::exit_reason::kill);
}

}  // namespace
}  // namespace fp::ctl
