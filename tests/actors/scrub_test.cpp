#include <algorithm>
#include <filesystem>

#include "actors/scrub_actor.hpp"
#include "core/merge/merge.hpp"
#include "tests/actors/support/actor_fixture.hpp"

namespace fp {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::fs_operation;

constexpr uint64_t rate = 64 * 1024;  // pieces of 8 KiB, 8 a second

class scrub : public test::actor_fixture {
 protected:
  scrub() {
    settings.checkpoint_age_ms = 0;
    settings.scrub_bytes_per_second = rate;
    settings.scrub_interval_ms = 3'600'000;
  }

  /// An index of one segment file of a few hundred KB, and `num_small` small ones.
  index_record prepare_large(const std::string& name, size_t num_small = 0) {
    const auto record = prepare_index(name, num_small);
    const auto data = folders(record).data;
    auto names = read_manifest(posix_file_system(), data);
    changes_encoder changes;
    for (document_id id = 1; id <= 600; id++) {
      std::vector<hash_value> hashes{id, 1000};
      for (hash_value h = 0; h < 100; h++) hashes.push_back((id * 100 + h) * 2654435761u);
      changes.insert(id, hashes);
    }
    const commit_id id = num_small + 1;
    const auto from = snapshot::from_segments({test::make_segment(test::make_commit(id, changes))});
    const auto file = segment_file_name(id, id);
    names.segments.push_back(
        {file, merge_to_file(*from, 0, 1, posix_file_system(), data / file, load_mode::read)->info()});
    write_manifest(posix_file_system(), data, names);
    return record;
  }
  path file(const index_record& record, commit_id first, commit_id last) {
    return folders(record).data / segment_file_name(first, last);
  }
  static void flip(const path& file, uint64_t offset) {
    const auto bytes = read_file(posix_file_system(), file);
    const char other = static_cast<char>(bytes[offset] ^ 1);
    posix_file_system().open_for_writing(file)->write_at(offset, std::as_bytes(std::span(&other, 1)));
  }
  /// Bytes of segment files that an index serves.
  uint64_t size_of(const index_handle& index) { return status(index).num_bytes; }
  /// Begins a round, and ends it where the rate is such that it takes no time worth mentioning.
  void whole_round() {
    to_next_round();
    spend(seconds(1));
  }
  void to_next_round() { advance(milliseconds(settings.scrub_interval_ms)); }
  void spend(caf::timespan time, caf::timespan step = milliseconds(25)) {
    for (caf::timespan spent{0}; spent < time; spent += step) advance(step);
  }
  scrub_state& scrub_of(const node_actor_handle& n) { return state_in<scrub_state>(state_of_node(n).scrub); }
  /// A metric of an index; 0 when it is not there.
  double metric(const node_actor_handle& n, const std::string& name, const std::string& index) {
    const auto text = "\n" + state_of_node(n).setup.env->metrics->text();
    const auto line = "\n" + name + "{index=\"" + index + "\"} ";
    const auto at = text.find(line);
    return at == std::string::npos ? 0 : std::stod(text.substr(at + line.size()));
  }
  double scrubbed(const node_actor_handle& n, const std::string& index) {
    return metric(n, "fpindex_scrubbed_bytes_total", index);
  }
};

TEST_F(scrub, keeps_its_rate_and_rests_between_rounds) {
  prepare_large("a");
  prepare_large("b");
  const auto n = running_node();
  const auto size = static_cast<double>(size_of(resolve(n, "a")));
  ASSERT_GT(size, 3.0 * rate);
  const auto all = [&] { return scrubbed(n, "a") + scrubbed(n, "b"); };
  advance(milliseconds(settings.scrub_interval_ms - 1));
  EXPECT_EQ(all(), 0) << "loading has just verified everything";
  advance(milliseconds(1));
  const double piece = rate / 8.0;
  double done = all();
  EXPECT_EQ(done, piece);
  for (int step = 1; done < 2 * size; step++) {
    ASSERT_LT(step, 10'000);
    advance(milliseconds(25));
    EXPECT_LE(all() - done, piece) << "no bursts";
    done = all();
    const double elapsed = step * 0.025;
    EXPECT_LE(done, elapsed * rate + piece);
    EXPECT_GE(done, std::min(2 * size, elapsed * rate - 2 * piece));
  }
  spend(seconds(1));
  EXPECT_EQ(scrubbed(n, "a"), size);
  EXPECT_EQ(scrubbed(n, "b"), size);
  EXPECT_EQ(metric(n, "fpindex_scrubs_total", "a"), 1);
  EXPECT_EQ(metric(n, "fpindex_scrubs_total", "b"), 1);
  EXPECT_GT(metric(n, "fpindex_last_scrub_timestamp_seconds", "b"), 0);
  EXPECT_EQ(metric(n, "fpindex_damaged_segments", "a"), 0);
  const auto next = scrub_of(n).round_began + hours(1);
  advance(next - scheduler().clock().now() - milliseconds(1));
  EXPECT_EQ(all(), 2 * size);
  advance(milliseconds(1));
  EXPECT_EQ(all(), 2 * size + piece);
}

TEST_F(scrub, gives_way_to_loads_and_merges) {
  const auto record = prepare_large("a");
  const auto n = running_node();
  const auto metrics = state_of_node(n).setup.env->metrics->find_index("a");
  to_next_round();
  metrics->task_started(index_task::file_merge);
  spend(seconds(1));
  const auto before = scrubbed(n, "a");
  spend(seconds(1));
  EXPECT_EQ(scrubbed(n, "a") - before, static_cast<double>(rate) / scrub_state::slowdown);
  metrics->task_dropped(index_task::file_merge);
}

TEST_F(scrub, rate_and_interval_may_change_meanwhile) {
  prepare_large("a");
  settings.scrub_bytes_per_second = 0;
  live = std::make_shared<live_settings>(settings);
  const auto n = running_node();
  const auto change = [&](uint64_t bytes_per_second, uint32_t interval_ms) {
    settings.scrub_bytes_per_second = bytes_per_second;
    settings.scrub_interval_ms = interval_ms;
    live->replace(settings);
    caf::anon_send(n, settings_atom_v);
    run();
  };
  advance(hours(2));
  EXPECT_EQ(scrubbed(n, "a"), 0);
  change(rate, 3'600'000);
  advance(hours(1) - milliseconds(1));
  EXPECT_EQ(scrubbed(n, "a"), 0);
  advance(milliseconds(1));
  EXPECT_EQ(scrubbed(n, "a"), rate / 8.0);
  // Where the next round is due at once, it begins at once; and none is read twice as fast.
  spend(seconds(60));
  const double once = scrubbed(n, "a");
  EXPECT_EQ(metric(n, "fpindex_scrubs_total", "a"), 1);
  change(rate, 1'000);
  change(rate, 1'000);
  EXPECT_EQ(scrubbed(n, "a"), once + rate / 8.0);
  change(0, 1'000);
  spend(seconds(10));
  EXPECT_EQ(scrubbed(n, "a"), once + rate / 8.0);
  change(rate, 1'000);
  spend(seconds(2));
  EXPECT_GT(scrubbed(n, "a"), once + rate / 8.0);
}

TEST_F(scrub, a_rate_of_zero_is_no_scrub) {
  settings.scrub_bytes_per_second = 0;
  prepare_large("a");
  const auto n = running_node();
  EXPECT_FALSE(state_of_node(n).scrub);
  to_next_round();
  spend(seconds(1));
  EXPECT_EQ(scrubbed(n, "a"), 0);
}

TEST_F(scrub, verifies_at_once_what_a_load_has_left) {
  settings.segment_load_mode = load_mode::disk;
  const auto record = prepare_large("a", 2);
  prepare_index("b", 2);
  const auto large = file(record, 3, 3);
  flip(large, std::filesystem::file_size(large) / 2);
  const auto n = running_node();
  const auto index = resolve(n, "a");
  EXPECT_EQ(status(index).state, index_state::ready);
  EXPECT_EQ(metric(n, "fpindex_unverified_segments", "a"), 1) << "it takes longer than an instant";
  EXPECT_EQ(found(index, 1000).size(), 600u) << "searches do not wait for it";
  spend(seconds(20));
  EXPECT_EQ(status(index).unverified_segments, 0u) << "what is damaged has been looked at";
  EXPECT_EQ(status(index).damaged_segments, 1u);
  EXPECT_EQ(metric(n, "fpindex_unverified_segments", "b"), 0);
  EXPECT_EQ(status(resolve(n, "b")).unverified_segments, 0u);

  // That was no round, which comes at its time; and it is not looked at again because of another load.
  EXPECT_EQ(metric(n, "fpindex_scrubs_total", "b"), 0);
  const double read = scrubbed(n, "a");
  caf::anon_send(state_of_node(n).scrub, scrub_atom_v);
  spend(seconds(20));
  EXPECT_EQ(scrubbed(n, "a"), read);
  flip(large, std::filesystem::file_size(large) / 2);
  whole_round();
  spend(seconds(20));
  EXPECT_EQ(metric(n, "fpindex_scrubs_total", "b"), 1);
  EXPECT_EQ(status(index).unverified_segments, 0u);
  EXPECT_EQ(status(index).damaged_segments, 0u);
}

TEST_F(scrub, what_a_load_has_left_waits_for_a_rate) {
  settings.segment_load_mode = load_mode::disk;
  const auto record = prepare_large("a");
  live = std::make_shared<live_settings>(settings);
  const auto n = running_node();
  const auto index = resolve(n, "a");
  const auto change = [&](uint64_t bytes_per_second) {
    settings.scrub_bytes_per_second = bytes_per_second;
    live->replace(settings);
    caf::anon_send(n, settings_atom_v);
    run();
  };
  change(0);
  spend(seconds(10));
  EXPECT_EQ(status(index).unverified_segments, 1u);
  caf::anon_send(state_of_node(n).scrub, scrub_atom_v);  // of another load
  run();
  spend(seconds(10));
  EXPECT_EQ(status(index).unverified_segments, 1u);
  change(rate);
  spend(seconds(20));
  EXPECT_EQ(status(index).unverified_segments, 0u);
  EXPECT_EQ(metric(n, "fpindex_scrubs_total", "a"), 0);
}

TEST_F(scrub, what_a_load_has_left_comes_before_the_rest_of_a_round) {
  settings.segment_load_mode = load_mode::disk;
  prepare_large("a");
  const auto later = file(prepare_large("b"), 1, 1);
  const auto aside = later.string() + ".aside";
  std::filesystem::rename(later, aside);
  const auto n = running_node();
  spend(seconds(20));
  ASSERT_EQ(metric(n, "fpindex_unverified_segments", "a"), 0);
  to_next_round();
  spend(seconds(1));
  ASSERT_TRUE(scrub_of(n).in_round && scrub_of(n).scrubber);

  std::filesystem::rename(aside, later);
  get<index_status>(resolve(n, "b"), reload_atom_v);
  run();
  ASSERT_EQ(metric(n, "fpindex_unverified_segments", "b"), 1);
  spend(seconds(6));
  EXPECT_EQ(metric(n, "fpindex_unverified_segments", "b"), 0);
  EXPECT_EQ(metric(n, "fpindex_scrubs_total", "a"), 0);
  spend(seconds(20));
  EXPECT_EQ(metric(n, "fpindex_scrubs_total", "a"), 1) << "the round goes on";
}

TEST_F(scrub, a_piece_takes_as_long_as_the_newest_rate_allows) {
  settings.segment_load_mode = load_mode::disk;
  settings.scrub_bytes_per_second = 1;
  prepare_large("a");
  live = std::make_shared<live_settings>(settings);
  const auto n = running_node();
  spend(seconds(1));
  EXPECT_EQ(metric(n, "fpindex_unverified_segments", "a"), 1);
  settings.scrub_bytes_per_second = uint64_t{1} << 30;
  live->replace(settings);
  caf::anon_send(n, settings_atom_v);
  spend(seconds(10));
  EXPECT_EQ(metric(n, "fpindex_unverified_segments", "a"), 0);
}

TEST_F(scrub, without_one_a_load_leaves_nothing) {
  settings.scrub_bytes_per_second = 0;
  settings.segment_load_mode = load_mode::disk;
  const auto record = prepare_large("a");
  prepare_index("b", 2);
  const auto large = file(record, 1, 1);
  flip(large, std::filesystem::file_size(large) / 2);
  const auto n = running_node();
  EXPECT_EQ(status(resolve(n, "a")).state, index_state::failed);
  EXPECT_EQ(status(resolve(n, "b")).state, index_state::ready);
  EXPECT_EQ(status(resolve(n, "b")).unverified_segments, 0u);
}

TEST_F(scrub, reports_damage_until_it_is_mended) {
  settings.scrub_bytes_per_second = uint64_t{1} << 40;
  settings.segment_load_mode = load_mode::read;
  const auto record = prepare_index("a", 3);
  prepare_index("b", 3);
  const auto n = running_node();
  const auto index = resolve(n, "a");
  flip(file(record, 2, 2), 4100);
  whole_round();
  EXPECT_EQ(metric(n, "fpindex_damaged_segments", "a"), 1);
  EXPECT_EQ(metric(n, "fpindex_damaged_segments", "b"), 0);
  EXPECT_EQ(status(index).damaged_segments, 1u);
  const auto damage = status(index).damage;
  EXPECT_NE(damage.find(file(record, 2, 2).string()), std::string::npos) << damage;
  EXPECT_NE(damage.find("offset 4100"), std::string::npos) << damage;
  EXPECT_NE(log_text().find("[error] a: scrub: damaged segment: " + damage), std::string::npos) << log_text();
  EXPECT_NE(log_text().find("a: scrub: 3 segments"), std::string::npos) << log_text();
  EXPECT_EQ(found(index, 1000).size(), 3u) << "searches go on";
  flip(file(record, 2, 2), 4100);
  whole_round();
  EXPECT_EQ(metric(n, "fpindex_damaged_segments", "a"), 0);
  EXPECT_EQ(status(index).damaged_segments, 0u);
  EXPECT_EQ(status(index).damage, "");
  EXPECT_NE(log_text().find("a: scrub: segment 2-2 is right again"), std::string::npos) << log_text();
}

TEST_F(scrub, reports_what_cannot_be_read_and_what_is_missing) {
  settings.scrub_bytes_per_second = uint64_t{1} << 40;
  const auto record = prepare_index("a", 2);
  const auto n = running_node();
  fs.fail(1, {}, fs_operation::read);
  whole_round();
  EXPECT_NE(log_text().find("damaged segment: injected failure: " + file(record, 1, 1).string() + ", at offset 0"),
            std::string::npos)
      << log_text();
  std::filesystem::remove(file(record, 2, 2));
  whole_round();
  const auto s = status(resolve(n, "a"));
  EXPECT_EQ(s.damaged_segments, 1u) << "the read was a passing failure";
  EXPECT_NE(s.damage.find(file(record, 2, 2).string()), std::string::npos) << s.damage;
}

TEST_F(scrub, damage_goes_with_its_segment) {
  settings.scrub_bytes_per_second = uint64_t{1} << 40;
  const auto record = prepare_index("a", 2);
  const auto n = running_node();
  const auto index = resolve(n, "a");
  fs.fail(1, {}, fs_operation::read);
  whole_round();
  ASSERT_EQ(status(index).damaged_segments, 1u);
  get<upkeep_reply>(index, merge_atom_v);
  EXPECT_EQ(status(index).num_file_segments, 1u);
  EXPECT_EQ(status(index).damaged_segments, 0u);
  EXPECT_EQ(metric(n, "fpindex_damaged_segments", "a"), 0);
}

TEST_F(scrub, a_merge_meanwhile_is_no_damage) {
  prepare_large("a", 4);
  const auto n = running_node();
  const auto index = resolve(n, "a");
  whole_round();
  ASSERT_TRUE(scrub_of(n).scrubber) << "of the large segment";
  get<upkeep_reply>(index, merge_atom_v);
  ASSERT_EQ(status(index).num_file_segments, 1u);
  spend(seconds(10));
  EXPECT_FALSE(scrub_of(n).in_round);
  EXPECT_EQ(status(index).damaged_segments, 0u);
  EXPECT_EQ(log_text().find("damaged segment"), std::string::npos) << log_text();
}

TEST_F(scrub, files_that_a_manifest_no_longer_names_are_no_damage) {
  settings.scrub_bytes_per_second = uint64_t{1} << 40;
  const auto record = prepare_index("a", 2);
  const auto n = running_node();
  // As between the moment when a merge's manifest is written and the one when its segment is served.
  auto names = read_manifest(posix_file_system(), folders(record).data);
  names.segments.erase(names.segments.begin() + 1);
  write_manifest(posix_file_system(), folders(record).data, names);
  std::filesystem::remove(file(record, 2, 2));
  whole_round();
  EXPECT_EQ(metric(n, "fpindex_damaged_segments", "a"), 0);
  EXPECT_NE(log_text().find("a: scrub: 1 segments"), std::string::npos) << log_text();
}

TEST_F(scrub, lets_go_of_an_index_that_is_deleted) {
  prepare_large("a");
  prepare_large("b");
  const auto n = running_node();
  to_next_round();
  ASSERT_TRUE(scrub_of(n).scrubber);
  const auto open_before = test::num_open_files();
  const auto deleted = ask<delete_index_reply>(n, delete_index_request{"a", false});
  run();
  EXPECT_TRUE(deleted.value().deleted);
  EXPECT_FALSE(scrub_of(n).scrubber) << "no piece has to be due for that";
  EXPECT_LT(test::num_open_files(), open_before);
  spend(seconds(1));
  EXPECT_GT(scrubbed(n, "b"), 0);
  EXPECT_EQ(log_text().find("damaged segment"), std::string::npos) << log_text();
}

TEST_F(scrub, skips_an_index_that_failed) {
  settings.scrub_bytes_per_second = uint64_t{1} << 40;
  const auto bad = prepare_index("bad", 2);
  prepare_index("good", 2);
  flip(file(bad, 1, 1), 4100);
  const auto n = running_node();
  whole_round();
  EXPECT_EQ(scrubbed(n, "bad"), 0);
  EXPECT_GT(scrubbed(n, "good"), 0);
  EXPECT_FALSE(scrub_of(n).in_round);
}

TEST_F(scrub, ends_with_its_node) {
  prepare_large("a");
  const auto n = running_node();
  to_next_round();
  ASSERT_TRUE(scrub_of(n).scrubber);
  const auto ending = ask<node_status>(n, shutdown_atom_v);
  run();
  EXPECT_TRUE(ending.succeeded());
  EXPECT_EQ(system().registry().running(), 1u) << "the listener";
}

TEST_F(scrub, begins_anew_when_its_actor_dies) {
  prepare_large("a");
  const auto n = running_node();
  to_next_round();
  kill(state_of_node(n).scrub);
  run();
  ASSERT_TRUE(state_of_node(n).scrub);
  EXPECT_NE(log_text().find("the scrub actor died"), std::string::npos) << log_text();
  const auto before = scrubbed(n, "a");
  to_next_round();
  spend(seconds(1));
  EXPECT_GT(scrubbed(n, "a"), before);
}

}  // namespace
}  // namespace fp
