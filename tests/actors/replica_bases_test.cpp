#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>

#include "core/backup/backup_writer.hpp"
#include "core/fpindex/snapshot_writer.hpp"
#include "tests/actors/support/following_fixture.hpp"

namespace fp {
namespace {

/// Peers as a test has them: what each holds, and where it breaks.
struct scripted_peers {
  struct peer {
    peer_report report;
    std::vector<std::byte> backup;
    std::optional<size_t> breaks_at;
    base_format format = base_format::backup;
    /// What it sends to whoever has some segments; empty: it sends all.
    std::function<std::vector<std::byte>(std::span<const uint64_t> held)> rest_of = {};
  };
  std::vector<peer> peers;
  std::vector<std::string> opened;
  std::vector<size_t> num_held;  ///< segments that the asker had, at each of them
};

class scripted_base_source : public base_source {
 public:
  explicit scripted_base_source(std::shared_ptr<scripted_peers> script) : script_(std::move(script)) {}

  std::vector<peer_report> probe(const std::string&, time_point) override {
    std::vector<peer_report> reports;
    for (const auto& p : script_->peers) reports.push_back(p.report);
    return reports;
  }
  std::unique_ptr<base_stream> open(const wanted_base& wanted, std::span<const uint64_t> held,
                                    time_point) override {
    const auto& url = wanted.url;
    script_->opened.push_back(url);
    script_->num_held.push_back(held.size());
    for (auto p : script_->peers) {
      if (p.report.url != url) continue;
      if (p.rest_of && !held.empty()) {
        p.backup = p.rest_of(held);
        p.format = base_format::rest_of_backup;
        if (p.breaks_at) p.breaks_at = std::min(*p.breaks_at, p.backup.size() * 3 / 4);
      }
      return std::make_unique<stream>(p);
    }
    throw error(errc::unreachable, "no such peer");
  }
  void interrupt() noexcept override {}

 private:
  class stream : public base_stream {
   public:
    explicit stream(const scripted_peers::peer& from) : from_(from) {}
    base_format format() const noexcept override { return from_.format; }
    size_t read(std::span<std::byte> out, std::chrono::steady_clock::time_point) override {
      const size_t end = from_.breaks_at.value_or(from_.backup.size());
      if (from_.breaks_at && at_ >= end) throw error(errc::unreachable, "the peer went away");
      const size_t count = std::min(out.size(), end - std::min(end, at_));
      std::copy_n(from_.backup.begin() + static_cast<std::ptrdiff_t>(at_), count, out.begin());
      at_ += count;
      return count;
    }

   private:
    const scripted_peers::peer from_;
    size_t at_ = 0;
  };

  std::shared_ptr<scripted_peers> script_;
};

class replica_bases : public test::following_fixture {
 protected:
  /// What `node` would send of its replica.
  scripted_peers::peer peer_of(const node_actor_handle& node, const std::string& url, const std::string& index) {
    const auto& slot = state_of_node(node).indexes.at(index);
    const auto served = state_of(slot.coordinator).current();
    scripted_peers::peer p;
    p.report = {url, "", slot.record.lineage, served->version(), served->file_version()};
    const auto written = [served, index, generation = slot.record.lineage](std::vector<uint64_t> held) {
      backup_writer writer(served, index, generation, size_t{1} << 16, std::move(held));
      return bytes_of(writer);
    };
    p.backup = written({});
    p.rest_of = [written](std::span<const uint64_t> held) { return written({held.begin(), held.end()}); };
    return p;
  }
  static std::vector<std::byte> bytes_of(chunk_producer& from) {
    std::vector<std::byte> bytes;
    while (!from.at_end()) {
      const auto chunk = from.next();
      bytes.insert(bytes.end(), chunk.begin(), chunk.end());
    }
    return bytes;
  }
  /// The same in fpindex's format.
  scripted_peers::peer fpindex_peer_of(const node_actor_handle& node, const std::string& url,
                                       const std::string& index) {
    auto p = peer_of(node, url, index);
    const auto& slot = state_of_node(node).indexes.at(index);
    fpindex::snapshot_writer writer(state_of(slot.coordinator).current(), index, slot.record.lineage,
                                    size_t{1} << 16);
    p.backup = bytes_of(writer);
    p.format = base_format::fpindex;
    p.rest_of = {};
    return p;
  }
  test::answer<resync_reply> resync(const node_actor_handle& node, const std::string& index) {
    const auto answer = ask<resync_reply>(node_handle(node), resync_request{index, {}, 0});
    run();
    return answer;
  }
  void configure_peers() {
    make_peers = [script = peers] { return std::make_shared<scripted_base_source>(script); };
  }
  /// More changes than one read gives.
  void write_long_changelog(const index_handle& index) {
    changes_encoder many;
    for (document_id id = 1; id <= 3'000; id++) many.insert(id, std::vector<hash_value>{id, 1000});
    get<update_reply>(index, update_request{many.take(), caf::none, 0});
  }

  /// An index of nine documents, of which node b has the first.
  index_handle made_while_b_is_away(const node_actor_handle& a) {
    const auto b = spawn_replica("b");
    const auto index = made(a, "main");
    get<update_reply>(index, insert(1, {1, 1000}));
    soon();
    stop(b);
    for (document_id id = 2; id <= 9; id++) get<update_reply>(index, insert(id, {id, 1000}));
    return index;
  }

  std::shared_ptr<scripted_peers> peers = std::make_shared<scripted_peers>();
};

TEST_F(replica_bases, a_replica_that_the_changelog_has_left_behind_takes_anothers) {
  configure_peers();
  const auto a = spawn_replica("a");
  const auto index = made_while_b_is_away(a);
  peers->peers = {peer_of(a, "http://a", "main")};
  get<update_reply>(index, insert(10, {10, 1000}));
  test::model_changelog(log).truncate({"main", 1}, 8, {});
  const auto again = spawn_replica("b");
  for (int i = 0; i < 10; i++) soon();
  EXPECT_EQ(peers->opened, (std::vector<std::string>{"http://a"}));
  const auto replaced = resolve(again, "main");
  EXPECT_EQ(status(replaced).version, 10u);
  EXPECT_EQ(status(replaced).generation, 1u);
  EXPECT_EQ(status(replaced).state, index_state::ready);
  EXPECT_EQ(found(replaced, 1000).size(), 10u);
  EXPECT_EQ(get<update_reply>(replaced, insert(11, {11, 1000})).version, 11u);
}

TEST_F(replica_bases, an_old_and_whole_replica_is_searched_until_the_other_is_here) {
  configure_peers();
  const auto a = spawn_replica("a");
  const auto index = made_while_b_is_away(a);
  test::model_changelog(log).truncate({"main", 1}, 8, {});
  const auto again = spawn_replica("b");
  for (int i = 0; i < 10; i++) soon();
  const auto old = resolve(again, "main");
  EXPECT_EQ(found(old, 1000).size(), 1u);
  EXPECT_EQ(status(old).replica.state, "waiting");
  EXPECT_NE(status(old).replica.reason.find("no peers"), std::string::npos) << status(old).replica.reason;
  peers->peers = {peer_of(a, "http://a", "main")};
  for (int i = 0; i < 20; i++) soon();
  EXPECT_EQ(found(resolve(again, "main"), 1000).size(), 9u);
}

TEST_F(replica_bases, an_empty_replica_of_a_long_changelog_takes_anothers) {
  configure_peers();
  const auto a = spawn_replica("a");
  const auto index = made(a, "main");
  write_long_changelog(index);
  peers->peers = {peer_of(a, "http://a", "main")};
  log->num_calls.clear();
  const auto b = spawn_replica("b");
  for (int i = 0; i < 5; i++) soon();
  const auto filled = resolve(b, "main");
  EXPECT_EQ(status(filled).version, 3'000u);
  EXPECT_EQ(found(filled, 1000).size(), 3'000u);
  EXPECT_EQ(status(filled).state, index_state::ready);
  EXPECT_LE(log->num_calls["read"], 3);
}

TEST_F(replica_bases, a_donor_that_breaks_is_replaced_by_the_next_one) {
  configure_peers();
  const auto a = spawn_replica("a");
  const auto index = made(a, "main");
  write_long_changelog(index);
  const auto good = peer_of(a, "http://good", "main");
  auto cut = good, flipped = good, other = good, silent = good;
  cut.report.url = "http://cut";
  cut.breaks_at = cut.backup.size() / 2;
  flipped.report.url = "http://flipped";
  flipped.backup[flipped.backup.size() / 2] ^= std::byte{1};
  other.report.url = "http://other";
  other.report.generation = 2;
  silent.report.url = "http://silent";
  silent.report.failure = "no answer in time";
  peers->peers = {silent, other, cut, flipped, good};
  const auto b = spawn_replica("b");
  for (int i = 0; i < 10; i++) soon();
  EXPECT_EQ(peers->opened.back(), "http://good") << log_text();
  const std::set<std::string> asked(peers->opened.begin(), peers->opened.end());
  EXPECT_EQ(asked, (std::set<std::string>{"http://cut", "http://flipped", "http://good"}));
  EXPECT_EQ(found(resolve(b, "main"), 1000).size(), 3'000u);
}

TEST_F(replica_bases, where_no_peer_helps_an_empty_replica_reads_all_of_the_changelog) {
  configure_peers();
  const auto a = spawn_replica("a");
  const auto index = made(a, "main");
  write_long_changelog(index);
  const auto b = spawn_replica("b");
  for (int i = 0; i < 10; i++) soon();
  EXPECT_EQ(found(resolve(b, "main"), 1000).size(), 3'000u);
}

TEST_F(replica_bases, where_a_changelog_begins_later_its_own_stream_fills_a_replica) {
  log->meta = {{1, meta_operation::kind::create, "main"}};
  log->lineages[{"main", 1}].floor = 50;
  test::model_log::bootstrap all;
  all.position = 60;
  for (document_id first = 1; first <= 2'000; first += 500) {
    changes_encoder part;
    for (document_id id = first; id < first + 500; id++) part.insert(id, std::vector<hash_value>{id, 1000});
    part.set_metadata("part", std::to_string(first));
    all.parts.push_back(part.take());
  }
  all.is_cut = true;
  log->bootstraps[{"main", 1}] = all;
  for (feed_position p = 51; p <= 70; p++) {
    changes_encoder one;
    one.insert(static_cast<document_id>(p), std::vector<hash_value>{static_cast<hash_value>(p), 1000});
    log->lineages[{"main", 1}].entries.push_back({p, one.take(), p});
  }
  make_changelog = [this] { return std::make_shared<test::model_changelog>(log); };
  const auto a = spawn_replica("a");
  for (int i = 0; i < 10; i++) soon();
  EXPECT_EQ(status(resolve(a, "main")).state, index_state::loading) << "half of it is nothing";
  EXPECT_NE(status(resolve(a, "main")).reason.find("cut short"), std::string::npos)
      << status(resolve(a, "main")).reason;
  log->bootstraps[{"main", 1}].is_cut = false;
  for (int i = 0; i < 20; i++) soon();
  const auto index = resolve(a, "main");
  EXPECT_EQ(status(index).state, index_state::ready) << status(index).reason;
  EXPECT_EQ(status(index).version, 70u);
  EXPECT_EQ(found(index, 1000).size(), 2'000u);
  EXPECT_EQ(get<update_reply>(index, insert(3'000, {1})).version, 71u);
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "a" / ".bootstrap.tmp" / "main"));
}

TEST_F(replica_bases, segments_that_have_come_whole_come_once) {
  settings.merge.segments_per_level = 64;
  settings.idle_merge_after_ms = 0;
  configure_peers();
  const auto a = spawn_replica("a");
  const auto index = made(a, "main");
  for (document_id id = 1; id <= 4; id++) {
    changes_encoder many;
    for (document_id d = 1; d <= 2'000; d++) {
      // Several pieces of the transfer for each segment.
      std::vector<hash_value> hashes{1000};
      for (hash_value h = 1; h <= 100; h++) hashes.push_back((id * 10'000 + d) * 2'654'435'761u + h * 40'503u);
      many.insert(id * 10'000 + d, hashes);
    }
    get<update_reply>(index, update_request{many.take(), caf::none, 0});
    get<upkeep_reply>(index, checkpoint_atom_v);
  }
  auto breaking = peer_of(a, "http://breaking", "main"), next = peer_of(a, "http://next", "main");
  breaking.breaks_at = breaking.backup.size() * 3 / 4;
  peers->peers = {breaking, next};
  test::model_changelog(log).truncate({"main", 1}, 7'000, {});
  const auto b = spawn_replica("b");
  for (int i = 0; i < 10; i++) soon();
  EXPECT_EQ(peers->opened, (std::vector<std::string>{"http://breaking", "http://next"})) << log_text();
  EXPECT_GT(peers->num_held.back(), 0u);
  EXPECT_EQ(found(resolve(b, "main"), 1000).size(), 8'000u);
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "b" / ".bootstrap.tmp" / "main"));
  stop(b);
  std::filesystem::remove_all(folder.path() / "b");
  // The same donor, when it is back.
  peers->peers = {breaking};
  peers->opened.clear();
  const auto again = spawn_replica("b");
  soon();
  auto old = status(resolve(again, "main"));
  EXPECT_EQ(old.state, index_state::loading);
  EXPECT_GT(old.replica.attempts, 0u);
  EXPECT_NE(old.replica.reason.find("the peer went away"), std::string::npos) << old.replica.reason;
  peers->peers[0].breaks_at.reset();
  for (int i = 0; i < 20; i++) soon();
  EXPECT_GT(peers->num_held.back(), 0u);
  EXPECT_EQ(found(resolve(again, "main"), 1000).size(), 8'000u);
}

TEST_F(replica_bases, a_donor_of_fpindex_is_taken_from_and_vetted) {
  configure_peers();
  const auto a = spawn_replica("a");
  const auto index = made(a, "main");
  write_long_changelog(index);
  get<upkeep_reply>(index, checkpoint_atom_v);
  const auto good = fpindex_peer_of(a, "http://good", "main");
  auto flipped = good, cut = good, other = good;
  flipped.report.url = "http://flipped";
  flipped.backup[flipped.backup.size() / 2] ^= std::byte{1};
  cut.report.url = "http://cut";
  cut.breaks_at = cut.backup.size() / 2;
  other.report.url = "http://other";
  other.backup = {std::byte{0xc1}};
  peers->peers = {flipped, cut, other, good};
  test::model_changelog(log).truncate({"main", 1}, 3'000, {});
  const auto b = spawn_replica("b");
  for (int i = 0; i < 10; i++) soon();
  EXPECT_EQ(peers->opened.back(), "http://good") << log_text();
  EXPECT_EQ(peers->opened.size(), 4u);
  EXPECT_EQ(status(resolve(b, "main")).version, 3'000u);
  EXPECT_EQ(found(resolve(b, "main"), 1000).size(), 3'000u);
  EXPECT_EQ(get<update_reply>(resolve(b, "main"), insert(1, {5})).version, 3'001u);
}

TEST_F(replica_bases, a_person_has_a_parked_replica_take_another_copy) {
  configure_peers();
  const auto a = spawn_replica("a"), b = spawn_replica("b");
  const auto index = made(a, "main");
  for (document_id id = 1; id <= 9; id++) get<update_reply>(index, insert(id, {id, 1000}));
  soon();
  stop(b);
  // The end of the log is lost, and written anew.
  auto& entries = log->lineages[{"main", 1}].entries;
  entries.resize(6);
  const auto again = spawn_replica("b");
  soon();
  const auto parked = status(resolve(again, "main"));
  EXPECT_EQ(parked.replica.state, "parked");
  EXPECT_TRUE(parked.replica.needs_person());
  // Another replica that the log does not have either is no donor.
  peers->peers = {peer_of(again, "http://same", "main")};
  const auto begun = resync(again, "main");
  ASSERT_TRUE(begun.succeeded()) << begun.text();
  EXPECT_EQ(begun.value().generation, 1u);
  EXPECT_TRUE(begun.value().is_searched);
  for (int i = 0; i < 5; i++) soon();
  EXPECT_TRUE(peers->opened.empty());
  const auto taken = status(resolve(again, "main"));
  EXPECT_EQ(taken.state, index_state::ready) << taken.reason;
  EXPECT_EQ(taken.replica.state, "following");
  EXPECT_FALSE(taken.replica.resyncing);
  EXPECT_EQ(taken.version, 6u);
  EXPECT_EQ(found(resolve(again, "main"), 1000).size(), 6u) << "by reading the changelog";
  EXPECT_EQ(get<update_reply>(resolve(again, "main"), insert(20, {1000})).version, 7u);
}

TEST_F(replica_bases, a_person_has_a_replica_of_an_unknown_generation_take_the_new_one) {
  configure_peers();
  {
    const auto a = spawn_replica("a");
    get<update_reply>(made(a, "main"), insert(1, {1, 1000}));
    soon();
    stop(a);
  }
  // Another changelog, in which the index is another one.
  log->meta = {{5, meta_operation::kind::create, "main"}};
  log->lineages.clear();
  log->lineages[{"main", 5}];
  const auto a = spawn_replica("a");
  soon();
  EXPECT_EQ(status(resolve(a, "main")).state, index_state::read_only);
  EXPECT_EQ(found(resolve(a, "main"), 1000).size(), 1u);
  const auto begun = resync(a, "main");
  ASSERT_TRUE(begun.succeeded()) << begun.text();
  EXPECT_EQ(begun.value().generation, 5u);
  for (int i = 0; i < 5; i++) soon();
  const auto taken = status(resolve(a, "main"));
  EXPECT_EQ(taken.generation, 5u);
  EXPECT_EQ(taken.state, index_state::ready) << taken.reason;
  EXPECT_TRUE(found(resolve(a, "main"), 1000).empty());
  EXPECT_TRUE(get<node_status>(node_handle(a), status_atom_v).changelog.parked.empty());
  EXPECT_EQ(get<update_reply>(resolve(a, "main"), insert(2, {2})).version, 1u);
  stop(a);
  const auto again = spawn_replica("a");
  soon();
  EXPECT_EQ(status(resolve(again, "main")).generation, 5u);
  EXPECT_EQ(status(resolve(again, "main")).state, index_state::ready);
}

TEST_F(replica_bases, nothing_is_changed_where_another_copy_cannot_be) {
  configure_peers();
  const auto a = spawn_replica("a");
  const auto index = made(a, "main");
  get<update_reply>(index, insert(1, {1, 1000}));
  soon();
  EXPECT_EQ(resync(a, "other").code(), errc::index_not_found);
  const auto own = spawn_node();
  EXPECT_EQ(resync(own, "main").code(), errc::bad_request);
  fail("read_meta", changelog_status::unavailable);
  for (int i = 0; i < 3; i++) soon();
  EXPECT_EQ(resync(a, "main").code(), errc::changelog_unavailable);
  log->fault = nullptr;
  for (int i = 0; i < 10; i++) soon();
  log->lineages.clear();
  const auto refused = resync(a, "main");
  EXPECT_EQ(refused.code(), errc::index_not_found);
  EXPECT_NE(refused.text().find("nothing has been changed"), std::string::npos);
  EXPECT_EQ(found(resolve(a, "main"), 1000).size(), 1u);
}

TEST_F(replica_bases, a_copy_that_cannot_be_taken_is_tried_again_and_the_old_one_is_searched) {
  configure_peers();
  const auto a = spawn_replica("a"), b = spawn_replica("b");
  const auto index = made(a, "main");
  for (document_id id = 1; id <= 9; id++) get<update_reply>(index, insert(id, {id, 1000}));
  soon();
  test::model_changelog(log).truncate({"main", 1}, 5, {});
  auto broken = peer_of(a, "http://a", "main");
  broken.breaks_at = 100;
  peers->peers = {broken};
  ASSERT_TRUE(resync(b, "main").succeeded());
  const auto waiting = status(resolve(b, "main"));
  EXPECT_TRUE(waiting.replica.resyncing);
  EXPECT_EQ(waiting.replica.state, "following");
  EXPECT_EQ(waiting.replica.attempts, 1u);
  EXPECT_GT(waiting.replica.next_try_ms, 0u);
  EXPECT_NE(waiting.replica.reason.find("the peer went away"), std::string::npos) << waiting.replica.reason;
  // It goes on meanwhile.
  EXPECT_EQ(get<update_reply>(resolve(b, "main"), insert(10, {10, 1000})).version, 10u);
  EXPECT_EQ(found(resolve(b, "main"), 1000).size(), 10u);
  soon();
  peers->peers = {peer_of(a, "http://a", "main")};
  const auto before = state_of_node(b).indexes.at("main").record.generation;
  for (int i = 0; i < 10; i++) soon();
  EXPECT_GT(state_of_node(b).indexes.at("main").record.generation, before);
  EXPECT_FALSE(status(resolve(b, "main")).replica.resyncing);
  EXPECT_EQ(found(resolve(b, "main"), 1000).size(), 10u);
}

}  // namespace
}  // namespace fp
