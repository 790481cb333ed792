#include <gmock/gmock.h>
#include <algorithm>

#include <fstream>

#include "core/backup/backup_reader.hpp"
#include "core/backup/backup_writer.hpp"
#include "core/fpindex/snapshot_header.hpp"
#include "tests/actors/support/actor_fixture.hpp"
#include "tests/actors/support/lasting_client.hpp"

namespace fp {
namespace {

using std::chrono::milliseconds;
using test::answer;
using testing::HasSubstr;
using backup_bytes = std::vector<uint8_t>;

class backups : public test::actor_fixture {
 protected:
  backups() { settings.max_snapshot_streams = 2; }
  ~backups() override {
    for (const auto& c : clients_) kill(c);
    clients_.clear();
  }

  caf::actor make_client() {
    clients_.push_back(system().spawn(test::lasting_client));
    return clients_.back();
  }
  void end_client(const caf::actor& c) {
    kill(c);
    run();
  }
  /// Asks on behalf of a client, and runs.
  template <class Reply, class Handle, class... Ts>
  answer<Reply> ask_as(const caf::actor& as, const Handle& to, Ts... message) {
    answer<Reply> result;
    caf::anon_send(as, test::client_call{[=](caf::event_based_actor* self) {
                     test::request_untyped(self, caf::actor_cast<caf::strong_actor_ptr>(to),
                                           caf::make_message(message...),
                                           test::answered<Reply>([result](const auto& r) { result.set(r); }));
                   }});
    run();
    return result;
  }

  /// An index of one document with so many hashes that its backup takes several pieces.
  index_handle large_index(const node_handle& n, const std::string& name) {
    get<create_index_reply>(n, create_index_request{name, false, caf::none});
    const auto index = resolve(n, name);
    std::vector<hash_value> hashes(300'000);
    for (size_t i = 0; i < hashes.size(); i++) hashes[i] = static_cast<hash_value>(i * 2654435761u);
    get<update_reply>(index, insert(1, hashes));
    return index;
  }
  answer<snapshot_reply> open(const index_handle& index) {
    return ask_as<snapshot_reply>(client, index, snapshot_request{});
  }
  answer<backup_piece> next(const snapshot_reply& opened) {
    return ask_as<backup_piece>(client, opened.stream, next_atom_v);
  }
  /// The rest of a stream, which must be whole when `before` stands in front.
  backup_bytes rest(const snapshot_reply& opened, backup_bytes before = {}) {
    for (;;) {
      const auto piece = next(opened).value();
      EXPECT_EQ(piece.offset, before.size());
      EXPECT_LE(piece.bytes.size(), max_backup_piece);
      if (piece.bytes.empty()) break;
      before.insert(before.end(), piece.bytes.begin(), piece.bytes.end());
    }
    EXPECT_EQ(before.size(), opened.num_bytes);
    backup_reader reader;
    reader.update(std::as_bytes(std::span(before)));
    EXPECT_EQ(reader.finish().index_version, opened.version);
    return before;
  }
  backup_bytes backup_of(const index_handle& index) { return rest(open(index).value()); }
  /// Whether nobody is at the other end of a stream or restore any more.
  template <class Handle>
  bool has_ended(const Handle& job) {
    auto down = std::make_shared<bool>(false);
    const auto watcher = system().spawn([job, down](caf::event_based_actor* self) -> caf::behavior {
      self->set_down_handler([down](const caf::down_msg&) { *down = true; });
      self->monitor(job);
      return {[](test::client_call&) {}};
    });
    clients_.push_back(watcher);
    run();
    return *down;
  }

  answer<restore_handle> begin(const node_handle& n, const std::string& name) {
    return ask_as<restore_handle>(client, n, restore_request{name});
  }
  answer<done_atom> send(const restore_handle& job, const backup_bytes& all, size_t offset, size_t count) {
    const auto from = all.begin() + static_cast<long>(offset);
    return ask_as<done_atom>(client, job,
                             backup_piece{offset, backup_bytes(from, from + static_cast<long>(count))});
  }
  /// Sends the bytes from `offset` on; the error, or what the finish answers.
  answer<restore_reply> complete(const restore_handle& job, const backup_bytes& all, size_t offset = 0) {
    constexpr size_t piece = 100'000;
    for (; offset < all.size(); offset += piece) {
      const auto sent = send(job, all, offset, std::min(piece, all.size() - offset));
      if (sent.succeeded()) continue;
      answer<restore_reply> failed;
      failed.set(make_error(sent.code().value_or(errc::internal_error), sent.text()));
      return failed;
    }
    return ask_as<restore_reply>(client, job, finish_atom_v);
  }
  bool is_staging() { return posix_file_system().exists(folder / ".create.tmp"); }
  std::vector<std::string> names(const node_handle& n) {
    std::vector<std::string> out;
    for (const auto& e : get<index_list>(n, list_atom_v).indexes) out.push_back(e.name);
    return out;
  }

 private:
  std::vector<caf::actor> clients_;

 protected:
  const caf::actor client = make_client();
};

TEST_F(backups, streams_the_commit_at_which_it_was_opened) {
  const auto n = running_node();
  const auto index = large_index(n, "a");
  const auto opened = open(index).value();
  EXPECT_EQ(opened.version, 1u);
  EXPECT_EQ(opened.generation, 1u);
  EXPECT_EQ(opened.num_segments, 1u);
  EXPECT_GT(opened.num_bytes, 2 * max_backup_piece);
  const auto first = next(opened).value();
  write(index, 7);
  run();
  EXPECT_EQ(status(index).version, 2u);
  rest(opened, first.bytes);
  EXPECT_TRUE(has_ended(opened.stream));
  EXPECT_EQ(open(index).value().version, 2u);
}

TEST_F(backups, stream_what_fpindex_does_to_who_asks_for_it) {
  const auto n = running_node();
  const auto index = large_index(n, "a");
  const snapshot_request request{0, stream_format::fpindex};
  const auto opened = ask_as<snapshot_reply>(client, index, request).value();
  // Two requests at a time, as clients do it: measuring comes before the first piece of both.
  std::vector<uint8_t> all;
  for (bool at_end = false; !at_end;) {
    std::vector<answer<backup_piece>> pieces(2);
    for (auto& piece : pieces) {
      caf::anon_send(client,
                     test::client_call{[piece, stream = opened.stream](caf::event_based_actor* self) mutable {
                       self->request(stream, caf::infinite, next_atom_v)
                           .then([piece](const backup_piece& p) mutable { piece.set(p); },
                                 [piece](const caf::error& e) mutable { piece.set(e); });
                     }});
    }
    run();
    for (auto& piece : pieces) {
      if (at_end) continue;
      const auto p = piece.value();
      EXPECT_EQ(p.offset, all.size());
      EXPECT_LE(p.bytes.size(), max_backup_piece);
      all.insert(all.end(), p.bytes.begin(), p.bytes.end());
      at_end = p.bytes.empty();
    }
  }
  EXPECT_TRUE(has_ended(opened.stream));
  fpindex::message_pack_reader in("snapshot", std::as_bytes(std::span(all)));
  const auto header = fpindex::read_snapshot_header(in);
  EXPECT_EQ(header.generation, opened.generation);
  EXPECT_EQ(header.index_version(), opened.version);
  EXPECT_EQ(header.files.size(), opened.num_segments);
  EXPECT_EQ(in.offset() + header.num_file_bytes(), all.size());
}

TEST_F(backups, need_an_index_that_serves) {
  const auto record = prepare_index("a", 1);
  std::ofstream(folders(record).data / "manifest.json") << "{";
  const auto n = running_node();
  EXPECT_EQ(open(resolve(n, "a")).code(), errc::index_failed);
}

TEST_F(backups, are_bounded_in_number) {
  const auto n = running_node();
  const auto index = large_index(n, "a");
  const auto first = open(index).value(), second = open(index).value();
  EXPECT_EQ(open(index).code(), errc::overloaded);
  caf::anon_send(first.stream, close_atom_v);
  run();
  EXPECT_TRUE(open(index).succeeded());
  EXPECT_EQ(open(index).code(), errc::overloaded);
  rest(second);
  EXPECT_TRUE(open(index).succeeded());
}

TEST_F(backups, end_with_their_client) {
  const auto n = running_node();
  const auto index = large_index(n, "a");
  const auto other = make_client();
  const auto opened = ask_as<snapshot_reply>(other, index, snapshot_request{}).value();
  EXPECT_TRUE(next(opened).succeeded());
  EXPECT_FALSE(has_ended(opened.stream));
  end_client(other);
  EXPECT_TRUE(has_ended(opened.stream));
}

TEST_F(backups, end_when_their_client_is_silent) {
  settings.backup_idle_timeout_ms = 1000;
  const auto n = running_node();
  const auto index = large_index(n, "a");
  const auto opened = open(index).value();
  const auto local =
      ask_as<snapshot_reply>(client, caf::actor_cast<local_index_handle>(index), local_snapshot_request{});
  advance(milliseconds(900));
  EXPECT_TRUE(next(opened).succeeded());
  advance(milliseconds(900));
  EXPECT_FALSE(has_ended(opened.stream));
  advance(milliseconds(200));
  EXPECT_TRUE(has_ended(opened.stream));
  EXPECT_THAT(log_text(), HasSubstr("silent for 1000 ms"));
  EXPECT_FALSE(has_ended(local.value().stream));
}

TEST_F(backups, of_damaged_bytes_are_broken_off) {
  const auto n = running_node();
  const auto index = large_index(n, "a");
  get<upkeep_reply>(index, checkpoint_atom_v);
  const auto data = folders({"a", 1, false}).data;
  const auto file = data / segment_file_name(1, 1);
  {
    std::fstream out(file, std::ios::in | std::ios::out | std::ios::binary);
    out.seekp(-100, std::ios::end);
    const auto byte = static_cast<char>(out.peek() ^ 1);
    out.seekp(-100, std::ios::end);
    out.put(byte);
  }
  const auto opened = open(index).value();
  size_t num_pieces = 0;
  auto piece = next(opened);
  for (; piece.succeeded(); piece = next(opened)) {
    ASSERT_FALSE(piece.value().bytes.empty());
    num_pieces++;
  }
  EXPECT_GE(num_pieces, 2u);
  EXPECT_EQ(piece.code(), errc::corrupt_data);
  EXPECT_THAT(piece.text(), HasSubstr("offset"));
  EXPECT_TRUE(has_ended(opened.stream));
}

TEST_F(backups, go_on_when_their_index_is_deleted) {
  const auto n = running_node();
  const auto index = large_index(n, "a");
  get<upkeep_reply>(index, checkpoint_atom_v);
  const auto opened = open(index).value();
  const auto first = next(opened).value();
  EXPECT_TRUE(get<delete_index_reply>(n, delete_index_request{"a", true}).deleted);
  EXPECT_EQ(posix_file_system().list(folder / "a"), std::vector<std::string>{"current"});
  rest(opened, first.bytes);
}

TEST_F(backups, take_the_place_of_an_index_once_they_are_whole) {
  const auto n = running_node();
  const auto index = large_index(n, "a");
  const auto backup = backup_of(index);
  get<update_reply>(index, insert(7, {7, 1000}));
  const auto begin_replacing = [&] {
    return ask_as<restore_handle>(client, n, restore_request{"a", 1, true}).value();
  };
  EXPECT_EQ(begin(n, "a").code(), errc::index_already_exists);
  // One that fails takes nothing away.
  auto damaged = backup;
  damaged[backup.size() / 2] ^= 1;
  EXPECT_EQ(complete(begin_replacing(), damaged).code(), errc::corrupt_data);
  EXPECT_EQ(get<index_info>(resolve(n, "a"), index_info_request{}).version, 2u);
  const auto restored = complete(begin_replacing(), backup).value();
  EXPECT_EQ(restored.generation, 2u);
  EXPECT_EQ(names(n), std::vector<std::string>{"a"});
  EXPECT_EQ(get<index_info>(resolve(n, "a"), index_info_request{}).version, 1u);
  EXPECT_EQ(posix_file_system().list(folder / "a"), (std::vector<std::string>{"current", "v2"}));
  EXPECT_FALSE(is_staging());
}

TEST_F(backups, restore_to_the_same_index) {
  const auto n = running_node();
  const auto index = large_index(n, "a");
  get<update_reply>(index, insert(7, {7, 1000}));
  const auto backup = backup_of(index);
  const auto job = begin(n, "b").value();
  const auto restored = complete(job, backup).value();
  EXPECT_EQ(restored.generation, 1u);
  EXPECT_EQ(restored.source_name, "a");
  EXPECT_EQ(restored.version, 2u);
  EXPECT_TRUE(has_ended(job));
  EXPECT_FALSE(is_staging());
  const auto copy = resolve(n, "b");
  EXPECT_EQ(status(copy).state, index_state::ready);
  EXPECT_EQ(status(copy).version, 2u);
  EXPECT_EQ(found(copy, 1000), std::vector<document_id>{7});
  EXPECT_EQ(found(copy, 2654435761u), std::vector<document_id>{1});
  EXPECT_EQ(get<update_reply>(copy, insert(8, {8, 1000})).version, 3u);
  EXPECT_TRUE(backup_of(index) == backup);
}

TEST_F(backups, a_name_is_taken_while_it_is_restored) {
  settings.max_restores = 2;
  const auto n = running_node();
  const auto index = large_index(n, "a");
  const auto backup = backup_of(index);
  EXPECT_EQ(begin(n, "a").code(), errc::index_already_exists);
  EXPECT_EQ(begin(n, "a/b").code(), errc::invalid_index_name);
  const auto job = begin(n, "b").value();
  EXPECT_TRUE(send(job, backup, 0, 1000).succeeded());
  EXPECT_EQ(begin(n, "b").code(), errc::index_already_exists);
  EXPECT_TRUE(begin(n, "c").succeeded());
  EXPECT_EQ(begin(n, "d").code(), errc::overloaded);

  // Creates and deletes do not wait for it.
  const auto created = ask<create_index_reply>(n, create_index_request{"b", false, caf::none});
  run();
  EXPECT_EQ(created.code(), errc::index_not_ready);
  EXPECT_TRUE(get<create_index_reply>(n, create_index_request{"e", false, caf::none}).created);
  EXPECT_FALSE(get<delete_index_reply>(n, delete_index_request{"b", false}).deleted);
  EXPECT_TRUE(get<delete_index_reply>(n, delete_index_request{"a", false}).deleted);
  EXPECT_EQ(names(n), std::vector<std::string>{"e"});

  EXPECT_TRUE(complete(job, backup, 1000).succeeded());
  EXPECT_EQ(names(n), (std::vector<std::string>{"b", "e"}));
  EXPECT_FALSE(get<create_index_reply>(n, create_index_request{"b", false, caf::none}).created);
}

TEST_F(backups, a_restore_without_its_client_leaves_nothing) {
  const auto n = running_node();
  const auto backup = backup_of(large_index(n, "a"));
  const auto other = make_client();
  const auto job = ask_as<restore_handle>(other, n, restore_request{"b"}).value();
  EXPECT_TRUE(send(job, backup, 0, 200'000).succeeded());
  EXPECT_TRUE(is_staging());
  end_client(other);
  EXPECT_TRUE(has_ended(job));
  EXPECT_FALSE(is_staging());
  EXPECT_TRUE(get<create_index_reply>(n, create_index_request{"b", false, caf::none}).created);
}

TEST_F(backups, a_silent_or_closed_restore_leaves_nothing) {
  settings.backup_idle_timeout_ms = 1000;
  const auto n = running_node();
  const auto backup = backup_of(large_index(n, "a"));
  const auto silent = begin(n, "b").value();
  EXPECT_TRUE(send(silent, backup, 0, 200'000).succeeded());
  advance(milliseconds(900));
  EXPECT_TRUE(send(silent, backup, 200'000, 1).succeeded());
  advance(milliseconds(900));
  EXPECT_FALSE(has_ended(silent));
  advance(milliseconds(200));
  EXPECT_TRUE(has_ended(silent));
  EXPECT_FALSE(is_staging());
  const auto closed = begin(n, "b").value();
  caf::anon_send(closed, close_atom_v);
  run();
  EXPECT_TRUE(has_ended(closed));
  EXPECT_FALSE(is_staging());
  EXPECT_EQ(names(n), std::vector<std::string>{"a"});
}

TEST_F(backups, a_damaged_or_cut_backup_leaves_nothing) {
  const auto n = running_node();
  const auto backup = backup_of(large_index(n, "a"));
  for (const size_t at : {size_t{5}, size_t{400}, backup.size() / 2, backup.size() - 5}) {
    auto damaged = backup;
    damaged[at] ^= 1;
    const auto flipped = complete(begin(n, "b").value(), damaged);
    EXPECT_EQ(flipped.code(), errc::corrupt_data) << at;
    EXPECT_THAT(flipped.text(), HasSubstr("backup: offset ")) << at;
    EXPECT_FALSE(is_staging()) << at;
    const auto cut =
        complete(begin(n, "b").value(), backup_bytes(backup.begin(), backup.begin() + static_cast<long>(at)));
    EXPECT_EQ(cut.code(), errc::corrupt_data) << at;
    EXPECT_THAT(cut.text(), HasSubstr("offset " + std::to_string(at) + ": ends within")) << at;
    EXPECT_FALSE(is_staging()) << at;
  }
  EXPECT_EQ(names(n), std::vector<std::string>{"a"});
  EXPECT_TRUE(complete(begin(n, "b").value(), backup).succeeded());
}

TEST_F(backups, pieces_out_of_order_or_too_large_end_a_restore) {
  const auto n = running_node();
  const auto backup = backup_of(large_index(n, "a"));
  EXPECT_EQ(send(begin(n, "b").value(), backup, 10, 20).code(), errc::bad_request);
  EXPECT_EQ(send(begin(n, "b").value(), backup, 0, 0).code(), errc::bad_request);
  EXPECT_EQ(send(begin(n, "b").value(), backup, 0, max_backup_piece + 1).code(), errc::bad_request);
  EXPECT_FALSE(is_staging());
}

TEST_F(backups, a_restore_that_meets_a_full_disk_leaves_nothing) {
  const auto n = running_node();
  const auto backup = backup_of(large_index(n, "a"));
  const auto job = begin(n, "b").value();
  EXPECT_TRUE(send(job, backup, 0, 100'000).succeeded());
  fs.fail(1, {.code = errc::no_space, .short_write = 5});
  EXPECT_EQ(send(job, backup, 100'000, 100'000).code(), errc::no_space);
  fs.heal();
  EXPECT_FALSE(is_staging());
  EXPECT_TRUE(complete(begin(n, "b").value(), backup).succeeded());
}

TEST_F(backups, a_shutdown_ends_streams_and_restores) {
  const auto n = running_node();
  const auto index = large_index(n, "a");
  const auto backup = backup_of(index);
  const auto opened = open(index).value();
  const auto job = begin(n, "b").value();
  EXPECT_TRUE(send(job, backup, 0, 200'000).succeeded());
  get<node_status>(n, shutdown_atom_v);
  run();
  EXPECT_TRUE(has_ended(n));
  EXPECT_TRUE(has_ended(opened.stream));
  EXPECT_TRUE(has_ended(job));
  EXPECT_FALSE(is_staging());
}

TEST_F(backups, what_a_crash_left_of_a_restore_is_swept_at_the_next_start) {
  backup_bytes backup;
  {
    const auto n = running_node();
    backup = backup_of(large_index(n, "a"));
    EXPECT_TRUE(send(begin(n, "b").value(), backup, 0, 200'000).succeeded());
    kill(n);
    run();
  }
  EXPECT_TRUE(is_staging());
  const auto n = running_node();
  EXPECT_FALSE(is_staging());
  EXPECT_EQ(names(n), std::vector<std::string>{"a"});
  EXPECT_TRUE(complete(begin(n, "b").value(), backup).succeeded());
}

}  // namespace
}  // namespace fp
