#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "core/index/manifest.hpp"
#include "tests/actors/support/acting_node.hpp"
#include "tests/core/support/full_size.hpp"
#include "tests/core/support/index_difference.hpp"
#include "tests/core/support/volatile_file_system.hpp"

namespace fp {
namespace {

using test::acting_node;
using test::naive_index;
using test::volatile_file_system;

/// What a node made of a damaged file.
enum class verdict {
  detected,  ///< the index is not served, and the reason names the file
  exact,     ///< served, and every answer is right
  cut,       ///< served without its last commits, and the node warns that something was cut off
  shorter,   ///< the same, and nothing says so
};

/// A data folder with one index of two segment files and a log of several files, whose files are damaged one at a
/// time.
class Corruption : public testing::TestWithParam<bool> {
 protected:
  Corruption() {
    acting_node node(disk_, root, options());
    node.create("main");
    folders_ = node.at("main").folders;
    test::random_data data(3);
    models_.emplace_back();
    const auto update = [&](size_t count) {
      std::vector<commit> commits;
      for (size_t i = 0; i < count; i++) {
        const commit_id before = models_.back().version();
        commits.push_back(data.random_commit(before, test::jump_behind(before), 5, 6));
        models_.push_back(models_.back());
        models_.back().apply(commits.back());
      }
      node.update("main", commits);
    };
    update(2);
    node.checkpoint("main");
    update(3);
    // The newest file is not full, so that it goes on behind the checkpoint, which removes all others.
    while (disk_.file_size(log_files().back()) >= options().settings.oplog_file_bytes) update(1);
    node.checkpoint("main");
    // While the first is written, two gather that are written together.
    update(3);
    while (log_files().size() < 3) update(1);
    update(1);
    if (is_closed()) node.close();
  }

  static test::acting_options options() {
    return {.settings = test::settings_at_rest(), .next_version = test::jump_behind};
  }
  bool is_closed() const { return GetParam(); }
  std::string contents(const path& file) { return read_file(disk_, file); }

  std::vector<path> files() {
    std::vector<path> all{root / "main" / "current", folders_.data / manifest_file_name};
    for (const std::string& name : disk_.list(folders_.data)) {
      if (name.ends_with(".seg")) all.push_back(folders_.data / name);
    }
    for (const std::string& name : disk_.list(folders_.oplog)) all.push_back(folders_.oplog / name);
    return all;
  }
  std::vector<path> log_files() {
    std::vector<path> logs;
    for (const std::string& name : disk_.list(folders_.oplog)) {
      if (name.ends_with(".log")) logs.push_back(folders_.oplog / name);
    }
    return logs;
  }
  /// The file whose end a crash may have cut.
  bool is_open_end(const path& file) { return !is_closed() && file == log_files().back(); }

  verdict try_with(const path& file, const std::string& damaged) {
    volatile_file_system fs(disk_);
    fs.create(file)->write_at(0, std::as_bytes(std::span(damaged)));
    acting_node node(fs, root, options());
    const acting_node::index found = node.at("main");
    if (!found.failure.empty()) {
      // A log that lacks commits is noticed at the next file, or at the seal.
      const bool is_log = file.parent_path() == folders_.oplog;
      const path& named = is_log ? file.parent_path() : file;
      EXPECT_NE(found.failure.find(named.string()), std::string::npos) << found.failure;
      if (file.extension() == ".seg" || (is_log && !is_closed())) {
        EXPECT_TRUE(found.failure.find("offset") != std::string::npos ||
                    found.failure.find("file format") != std::string::npos)
            << found.failure;
      }
      return verdict::detected;
    }
    const commit_id version = found.current->version();
    const auto model = std::ranges::find(models_, version, &naive_index::version);
    EXPECT_NE(model, models_.end()) << "no version " << version;
    EXPECT_EQ(test::difference(*found.current, model == models_.end() ? models_.back() : *model), "");
    if (version == models_.back().version()) return verdict::exact;
    return node.log_text().find("bytes of an unfinished write") != std::string::npos ? verdict::cut
                                                                                     : verdict::shorter;
  }

  const path root = "/node/data";
  volatile_file_system disk_;
  std::vector<naive_index> models_;  ///< behind each commit; versions jump
  index_folders folders_;
};

TEST_P(Corruption, EveryFlippedBit) {
  size_t num_detected = 0;
  const size_t stride = test::is_full_size() ? 1 : 13;
  for (const path& file : files()) {
    const std::string text = contents(file);
    for (size_t bit = 0; bit < text.size() * 8; bit += stride) {
      std::string damaged = text;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ 1 << bit % 8);
      const verdict v = try_with(file, damaged);
      num_detected += v == verdict::detected;
      ASSERT_EQ(v, verdict::detected) << "bit " << bit << " of " << file;
      ASSERT_FALSE(HasFailure()) << "bit " << bit << " of " << file;
    }
  }
  EXPECT_GT(num_detected, 1000u);
}

TEST_P(Corruption, EveryTruncation) {
  for (const path& file : files()) {
    const std::string text = contents(file);
    const size_t stride = test::is_full_size() || text.size() < 2000 ? 1 : 7;
    for (size_t size = 0; size < text.size(); size += stride) {
      const verdict v = try_with(file, text.substr(0, size));
      // The newest file of a log that was not closed may end anywhere: its last write may have been cut.
      ASSERT_TRUE(v == verdict::detected || (v != verdict::exact && is_open_end(file)))
          << size << " bytes of " << file << ", verdict " << static_cast<int>(v);
      ASSERT_FALSE(HasFailure()) << size << " bytes of " << file;
    }
  }
}

TEST_P(Corruption, Extension) {
  for (const path& file : files()) {
    const std::string text = contents(file);
    for (const std::string& more : {std::string("\0", 1), std::string(" "), std::string("x"), std::string(64, '\0'),
                                    std::string(5000, '\0'), std::string(5000, '\x7f'), text}) {
      const verdict v = try_with(file, text + more);
      const bool is_json = file.filename() == "current" || file.extension() == ".json";
      ASSERT_TRUE(v == verdict::detected ||
                  (v == verdict::exact && ((is_json && more == " ") || is_open_end(file))))
          << more.size() << " bytes behind " << file << ", verdict " << static_cast<int>(v);
      ASSERT_FALSE(HasFailure()) << more.size() << " bytes behind " << file;
    }
  }
}

TEST_P(Corruption, EveryTwoBlocksExchanged) {
  size_t num_detected = 0;
  for (const path& file : files()) {
    const std::string text = contents(file);
    for (const size_t block : {size_t{32}, size_t{64}, size_t{512}}) {
      const size_t num_blocks = text.size() / block;
      const size_t stride = test::is_full_size() || num_blocks < 30 ? 1 : 5;
      for (size_t a = 0; a < num_blocks; a++) {
        for (size_t b = a + 1; b < num_blocks; b += stride) {
          std::string damaged = text;
          std::swap_ranges(damaged.begin() + static_cast<long>(a * block),
                           damaged.begin() + static_cast<long>((a + 1) * block),
                           damaged.begin() + static_cast<long>(b * block));
          if (damaged == text) continue;
          const verdict v = try_with(file, damaged);
          num_detected += v == verdict::detected;
          // Zeros in the place of the last frame's header look like a write that was cut, and are reported as one.
          ASSERT_TRUE(v == verdict::detected || (v == verdict::cut && is_open_end(file)))
              << "blocks " << a << " and " << b << " of " << block << " bytes of " << file << ", verdict "
              << static_cast<int>(v);
          ASSERT_FALSE(HasFailure()) << "blocks " << a << " and " << b << " of " << file;
        }
      }
    }
  }
  EXPECT_GT(num_detected, 100u);
}

TEST_P(Corruption, FilesInThePlaceOfOthers) {
  const std::vector<path> all = files();
  for (const path& file : all) {
    for (const path& other : all) {
      if (file == other) continue;
      ASSERT_EQ(try_with(file, contents(other)), verdict::detected) << other << " as " << file;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Log, Corruption, testing::Bool(),
                         [](const auto& test) { return test.param ? "Closed" : "NotClosed"; });

}  // namespace
}  // namespace fp
