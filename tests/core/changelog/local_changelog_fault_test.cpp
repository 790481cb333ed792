#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>

#include "core/base/checksum.hpp"
#include "core/base/little_endian.hpp"
#include "core/changelog/local_format.hpp"
#include "core/oplog/oplog_format.hpp"
#include "tests/core/changelog/changelog_model.hpp"
#include "tests/core/support/faulty_file_system.hpp"
#include "tests/core/support/temporary_folder.hpp"
#include "tests/core/support/volatile_file_system.hpp"

namespace fp {
namespace {

using test::changelog_model;
using test::fs_fault;
using test::no_deadline;

/// Some work of every kind, the same each time. What is answered with `done` goes into the model; an append or
/// operation that is in doubt is sent again, as its writer would.
class changelog_work {
 public:
  explicit changelog_work(uint64_t seed) : updates_(seed), random_(seed) {}

  changelog_model model;
  size_t num_in_doubt = 0;
  bool resolves_doubt = true;

  static std::unique_ptr<local_changelog> open(file_system& fs, const path& folder) {
    local_changelog_options options;
    options.max_file_bytes = 700;
    options.max_open_lineages = 1;
    options.max_open_files = 1;
    return std::make_unique<local_changelog>(fs, folder, options);
  }

  void step(changelog& log, const std::function<void()>& heal) {
    const std::string name = "index" + std::to_string(random_() % 2);
    const auto it = model.generations.find(name);
    const uint64_t what = random_() % 12;
    if (it == model.generations.end()) {
      operate(log, meta_operation::kind::create, name, heal);
    } else if (what == 0) {
      operate(log, meta_operation::kind::erase, name, heal);
    } else if (what == 1) {
      const lineage l{name, it->second};
      auto& m = model.logs.at(l);
      const feed_position floor = random_() % (m.changes.size() + 1);
      const auto answer = log.truncate(l, floor, no_deadline);
      if (answer.status == changelog_status::in_doubt) {
        num_in_doubt++;
        if (!resolves_doubt) return;
        heal();
        m.floor = log.bounds(l, no_deadline).floor;
      } else if (answer.is_done()) {
        m.floor = std::max(m.floor, floor);
      }
    } else {
      append(log, {name, it->second}, heal);
    }
  }

 private:
  void append(changelog& log, const lineage& l, const std::function<void()>& heal) {
    std::vector<feed_append> appends;
    for (uint64_t i = 1 + random_() % 3; i > 0; i--) appends.push_back(updates_.next_without_zeros(3, 30));
    auto answers = log.append(l, appends, no_deadline);
    if (answers[0].status == changelog_status::in_doubt) {
      num_in_doubt++;
      if (!resolves_doubt) return;
      heal();
      answers = log.append(l, appends, no_deadline);
      ASSERT_TRUE(answers[0].is_done()) << answers[0].why;
    }
    for (size_t i = 0; i < appends.size(); i++) {
      ASSERT_EQ(answers[i].status, answers[0].status);
      if (answers[i].is_done()) {
        ASSERT_EQ(answers[i].position, model.append(l, appends[i]).position);
      } else {
        ASSERT_EQ(answers[i].status, changelog_status::unavailable) << answers[i].why;
      }
    }
  }
  void operate(changelog& log, meta_operation::kind what, const std::string& name,
               const std::function<void()>& heal) {
    const bool is_create = what == meta_operation::kind::create;
    const auto ask = [&] {
      return is_create ? log.create_index(name, no_deadline) : log.delete_index(name, no_deadline);
    };
    auto answer = ask();
    if (answer.status == changelog_status::in_doubt) {
      num_in_doubt++;
      if (!resolves_doubt) return;
      heal();
      answer = ask();
      ASSERT_TRUE(answer.is_done()) << answer.why;
    }
    if (answer.is_done()) {
      ASSERT_EQ(answer.position, is_create ? model.create(name) : model.erase(name));
    } else {
      ASSERT_EQ(answer.status, changelog_status::unavailable) << answer.why;
    }
  }

  test::random_updates updates_;
  std::mt19937_64 random_;
};

constexpr int num_steps = 30;

TEST(local_changelog_fault_test, keeps_what_it_has_acknowledged_whatever_operation_fails) {
  std::vector<fs_fault> faults;
  for (const bool permanent : {false, true}) {
    faults.push_back({.code = errc::no_space, .permanent = permanent});
    faults.push_back({.code = errc::no_space, .short_write = 90, .permanent = permanent});
    faults.push_back({.code = errc::io_error, .after_effect = true, .permanent = permanent});
  }
  size_t num_in_doubt = 0;
  for (const fs_fault& fault : faults) {
    for (uint64_t nth = 1;; nth += 1 + nth % 3) {
      test::volatile_file_system disk;
      test::faulty_file_system fs(disk);
      fs.on_failed_sync = [&](const path& file) { disk.fail_sync(file); };
      changelog_work work(nth % 5);
      auto log = changelog_work::open(fs, "/d");
      fs.fail(nth, fault);
      int left = 6;
      bool struck = false;
      for (int i = 0; i < num_steps && left > 0; i++) {
        work.step(*log, [&] { fs.heal(); });
        ASSERT_FALSE(testing::Test::HasFatalFailure()) << "operation " << nth;
        struck = struck || fs.num_failed() != 0;
        if (struck && --left == 3) fs.heal();
      }
      fs.heal();
      num_in_doubt += work.num_in_doubt;
      ASSERT_TRUE(test::holds_model(*log, work.model)) << "operation " << nth;
      log.reset();
      if (nth % 2 == 0) disk.lose_power(test::power_failure{nth});
      log = changelog_work::open(disk, "/d");
      ASSERT_TRUE(test::holds_model(*log, work.model)) << "operation " << nth << ", opened again";
      for (int i = 0; i < 3; i++) work.step(*log, [] {});
      ASSERT_TRUE(test::holds_model(*log, work.model)) << "operation " << nth << ", gone on";
      if (!struck) break;
    }
  }
  EXPECT_GT(num_in_doubt, 0u);
}

/// Cuts the power before each change to the disk: all that was acknowledged is there, and of what was not, nothing
/// or all of one call.
TEST(local_changelog_fault_test, loses_nothing_when_the_power_fails_at_any_moment) {
  for (uint64_t nth = 1;; nth++) {
    test::volatile_file_system disk;
    changelog_work work(nth % 7);
    work.resolves_doubt = false;
    bool is_over = true;
    {
      uint64_t count = 0;
      auto log = changelog_work::open(disk, "/d");
      disk.before_change = [&] {
        if (++count >= nth) throw error(errc::io_error, "no power");
      };
      for (int i = 0; i < num_steps; i++) {
        work.step(*log, [] {});
        if (count >= nth) {
          is_over = false;
          break;
        }
      }
      disk.before_change = [] { throw error(errc::io_error, "no power"); };
    }
    disk.before_change = {};
    disk.lose_power(test::power_failure{nth % 9});
    const auto log = changelog_work::open(disk, "/d");
    // What the last step was about may have come to be, or not.
    for (auto& [l, m] : work.model.logs) {
      const auto bounds = log->bounds(l, no_deadline);
      if (bounds.status == changelog_status::no_lineage) continue;
      ASSERT_TRUE(bounds.is_done()) << bounds.why;
      ASSERT_GE(bounds.newest, m.changes.size()) << "lost, at change " << nth;
      const auto found = test::read_all(*log, l, bounds.floor, {});
      ASSERT_TRUE(found.is_done()) << found.why;
      ASSERT_EQ(found.positions.size(), bounds.newest - bounds.floor);
      const auto changes = test::split_changes(found.changes);
      for (size_t i = 0; i < changes.size() && found.positions[i] <= m.changes.size(); i++) {
        ASSERT_EQ(changes[i], m.changes[found.positions[i] - 1]);
      }
    }
    ASSERT_GE(log->read_meta(0, 1'000, no_deadline).operations.size(), work.model.operations.size());
    if (is_over) break;
  }
}

/// Flips each byte of all files of a small changelog: it is noticed, or without meaning.
/// Makes a changelog whose lineages begin with a base.
void make_with_bases(const path& folder, changelog_work& work) {
  const auto log = changelog_work::open(posix_file_system(), folder);
  for (int i = 0; i < 12; i++) work.step(*log, [] {});
  for (auto& [l, m] : work.model.logs) {
    m.floor = m.changes.size() / 2;
    ASSERT_TRUE(log->truncate(l, m.floor, no_deadline).is_done());
  }
}

void put_file(const path& file, std::string_view text) {
  auto& fs = posix_file_system();
  fs.remove(file);
  fs.create(file);
  fs.open_for_writing(file)->write_at(0, std::as_bytes(std::span(text)));
}

TEST(local_changelog_fault_test, names_a_file_of_a_version_that_it_does_not_know) {
  const test::temporary_folder folder;
  changelog_work work(3);
  make_with_bases(folder.path(), work);
  std::set<std::string> kinds;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path())) {
    const std::string name = entry.path().filename();
    const bool is_seal = name == oplog_format::seal_name;
    if (!entry.is_regular_file() || (!is_seal && name != local_format::floor_name && !name.ends_with(".log")))
      continue;
    kinds.insert(is_seal || name == local_format::floor_name ? name : "log");
    const std::string whole = read_file(posix_file_system(), entry.path());
    std::string newer = whole;
    const auto bytes = std::as_writable_bytes(std::span(newer));
    const size_t at_checksum = is_seal ? 40 : 24;
    put<uint32_t>(bytes, 8, 99);
    put<uint64_t>(bytes, at_checksum, checksum(bytes.first(at_checksum)));
    put_file(entry.path(), newer);
    std::string told;
    try {
      const auto log = changelog_work::open(posix_file_system(), folder.path());
      told = test::holds_model(*log, work.model).message();
    } catch (const error& e) {
      told = e.what();
    }
    EXPECT_THAT(told, testing::HasSubstr(entry.path().string() + ": format version 99; this program knows "));
    put_file(entry.path(), whole);
  }
  EXPECT_THAT(kinds, testing::ElementsAre(std::string(local_format::floor_name), "log", oplog_format::seal_name));
}

TEST(local_changelog_fault_test, serves_nothing_that_is_damaged) {
  const test::temporary_folder folder;
  changelog_work work(3);
  make_with_bases(folder.path(), work);
  size_t num_noticed = 0, num_files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path())) {
    if (!entry.is_regular_file() || entry.path().filename() == "lock") continue;
    num_files++;
    const std::string whole = read_file(posix_file_system(), entry.path());
    for (size_t at = 0; at < whole.size(); at += 1 + at % 5) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
      put_file(entry.path(), damaged);
      try {
        const auto log = changelog_work::open(posix_file_system(), folder.path());
        const auto held = test::holds_model(*log, work.model);
        if (!held) num_noticed++;
        ASSERT_TRUE(held || std::string(held.message()).find(folder.path()) != std::string::npos)
            << entry.path() << " at " << at << ": " << held.message();
        ASSERT_FALSE(held) << entry.path() << " at " << at << ": not noticed";
      } catch (const error& e) {
        num_noticed++;
        ASSERT_TRUE(e.code() == errc::corrupt_data || e.code() == errc::unsupported_format) << e.what();
        ASSERT_THAT(e.what(), testing::HasSubstr(folder.path().string()));
      }
      put_file(entry.path(), whole);
    }
  }
  EXPECT_GE(num_files, 8u);
  EXPECT_GT(num_noticed, 500u);
}

}  // namespace
}  // namespace fp
