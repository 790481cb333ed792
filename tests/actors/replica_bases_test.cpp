#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>

#include "core/backup/backup_writer.hpp"
#include "tests/actors/support/following_fixture.hpp"

namespace fp {
namespace {

/// Peers as a test has them: what each holds, and where it breaks.
struct scripted_peers {
  struct peer {
    peer_report report;
    std::vector<std::byte> backup;
    std::optional<size_t> breaks_at;
  };
  std::vector<peer> peers;
  std::vector<std::string> opened;
};

class scripted_base_source : public base_source {
 public:
  explicit scripted_base_source(std::shared_ptr<scripted_peers> script) : script_(std::move(script)) {}

  std::vector<peer_report> probe(const std::string&, time_point) override {
    std::vector<peer_report> reports;
    for (const auto& p : script_->peers) reports.push_back(p.report);
    return reports;
  }
  std::unique_ptr<base_stream> open(const std::string& url, const std::string&, time_point) override {
    script_->opened.push_back(url);
    for (const auto& p : script_->peers) {
      if (p.report.url == url) return std::make_unique<stream>(p);
    }
    throw error(errc::unreachable, "no such peer");
  }
  void interrupt() noexcept override {}

 private:
  class stream : public base_stream {
   public:
    explicit stream(const scripted_peers::peer& from) : from_(from) {}
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
    backup_writer writer(served, index, slot.record.lineage, size_t{1} << 16);
    while (!writer.at_end()) {
      const auto chunk = writer.next();
      p.backup.insert(p.backup.end(), chunk.begin(), chunk.end());
    }
    return p;
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

  std::shared_ptr<scripted_peers> peers = std::make_shared<scripted_peers>();
};

TEST_F(replica_bases, a_replica_that_the_changelog_has_left_behind_takes_anothers) {
  configure_peers();
  const auto a = spawn_replica("a"), b = spawn_replica("b");
  const auto index = made(a, "main");
  get<update_reply>(index, insert(1, {1, 1000}));
  soon();
  stop(b);
  for (document_id id = 2; id <= 9; id++) get<update_reply>(index, insert(id, {id, 1000}));
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
  const auto a = spawn_replica("a"), b = spawn_replica("b");
  const auto index = made(a, "main");
  get<update_reply>(index, insert(1, {1, 1000}));
  soon();
  stop(b);
  for (document_id id = 2; id <= 9; id++) get<update_reply>(index, insert(id, {id, 1000}));
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

}  // namespace
}  // namespace fp
