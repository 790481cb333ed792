#include <gtest/gtest.h>

#include <algorithm>

#include "core/index/data_folder.hpp"
#include "tests/core/support/backup_streams.hpp"
#include "tests/core/support/commits.hpp"
#include "tests/core/support/driven_engine.hpp"
#include "tests/core/support/failing_allocation.hpp"
#include "tests/core/support/full_size.hpp"
#include "tests/core/support/index_difference.hpp"
#include "tests/core/support/naive_index.hpp"
#include "tests/core/support/volatile_file_system.hpp"

namespace fp {
namespace {

using test::driven_engine;
using test::naive_index;
using test::power_failure;
using test::reliable_allocation;
using test::volatile_file_system;

const path node_folder = "/node";

driven_engine::options upkeep_on_request() {
  driven_engine::options o;
  o.upkeep = {.checkpoint_threshold = 1'000'000,
              .checkpoint_age = std::chrono::milliseconds(0),
              .checkpoint_commits = 0,
              .checkpoint_log_bytes = 0,
              .max_memory_segments = 3,
              .idle_after = std::chrono::milliseconds(0),
              .merge = {.segments_per_level = 1'000, .max_segments = 1'000}};
  // One log may be open, so that logs take turns.
  o.files = std::make_shared<open_files>(1);
  return o;
}

/// An index from its creation through writes, upkeep, kills, a restored backup and its end, one thing after the
/// other. A step that throws may be tried again.
class life {
 public:
  explicit life(volatile_file_system& disk) : disk_(disk) {}

  struct step {
    std::string name;
    std::function<void(life&)> run;
  };
  static const std::vector<step>& steps() {
    static const std::vector<step> all{
        {"create", [](life& l) { l.create(); }},
        {"update", [](life& l) { l.update(1); }},
        {"updates that fill a log file", [](life& l) { l.update(4); }},
        {"updates that are merged in memory", [](life& l) { l.update_one_by_one(4); }},
        {"checkpoint", [](life& l) { l.checkpoint(); }},
        {"update after the checkpoint", [](life& l) { l.update(2); }},
        {"kill", [](life& l) { l.kill(); }},
        {"update after the kill", [](life& l) { l.update(2); }},
        {"merge all", [](life& l) { l.merge(); }},
        {"update after the merge", [](life& l) { l.update(1); }},
        {"restart", [](life& l) { l.restart(); }},
        {"update after the restart", [](life& l) { l.update(3); }},
        {"copy", [](life& l) { l.copy(); }},
        {"update the copy", [](life& l) { l.update(2); }},
        {"checkpoint of the copy", [](life& l) { l.checkpoint(); }},
        {"restart at last", [](life& l) { l.restart(); }},
    };
    return all;
  }

  /// What is wrong with a disk as the end of the process leaves it; empty when nothing is.
  std::string examine(const volatile_file_system& left) const {
    const reliable_allocation reliable;
    try {
      volatile_file_system after(left);
      data_folder folder(after, node_folder);
      const auto found = folder.scan();
      if (!found.damaged.empty()) return found.damaged.front().reason;
      const auto it = std::ranges::find(found.indexes, name_, &index_record::name);
      const bool is_there = it != found.indexes.end() && !it->deleted;
      if (!is_there) return exists_ == certainty::yes ? "the index is gone" : "";
      if (exists_ == certainty::no) return "an index that nobody made";
      const auto folders = folder.folders(*it);
      const driven_engine index(after, folders.data, folders.oplog, upkeep_on_request());
      naive_index model = model_;
      for (const auto& changes : in_doubt_) {
        if (model.version() == index.served().version()) break;
        model.apply({model.version(), model.version() + 1, changes});
      }
      return test::difference(index.served(), model);
    } catch (const std::exception& e) {
      return std::string("threw: ") + e.what();
    }
  }
  /// The same of what is served in memory.
  std::string examine_memory() const {
    const reliable_allocation reliable;
    return index_ && in_doubt_.empty() ? test::difference(index_->served(), model_) : "";
  }

 private:
  enum class certainty { no, perhaps, yes };

  void open_folder() {
    if (folder_) return;
    const reliable_allocation reliable;  // JSON, see `driven_engine`
    folder_.emplace(disk_, node_folder);
    const auto found = folder_->scan();
    const auto it = std::ranges::find(found.indexes, name_, &index_record::name);
    const bool is_there = it != found.indexes.end() && !it->deleted;
    exists_ = is_there ? certainty::yes : certainty::no;
    if (is_there) record_ = *it;
  }
  driven_engine& index() {
    open_folder();
    if (index_) return *index_;
    const auto folders = folder_->folders(record_);
    index_.emplace(disk_, folders.data, folders.oplog, upkeep_on_request());
    // What was left open is settled by what is served.
    const reliable_allocation reliable;
    for (const auto& changes : std::exchange(in_doubt_, {})) {
      if (model_.version() == index_->served().version()) break;
      model_.apply({model_.version(), model_.version() + 1, changes});
    }
    return *index_;
  }
  /// Runs a piece of work that leaves the index unfit for more when it throws, as an actor that dies does.
  template <class Work>
  void in_index(const Work& work) {
    auto& i = index();
    try {
      work(i);
    } catch (...) {
      index_.reset();
      throw;
    }
  }

  void create() {
    open_folder();
    if (exists_ == certainty::yes) return;
    exists_ = certainty::perhaps;
    const reliable_allocation reliable;
    record_ = folder_->create(name_, {}).record;
    exists_ = certainty::yes;
  }

  void update(size_t count) {
    std::vector<uint64_t> numbers;
    in_index([&](driven_engine& i) {
      {
        const reliable_allocation reliable;
        for (size_t n = 0; n < count; n++) in_doubt_.push_back(data_.next_commit(1, 8, 16).changes);
      }
      for (const auto& changes : in_doubt_) numbers.push_back(i.update(changes));
      i.run();
    });
    const reliable_allocation reliable;
    std::string failure;
    for (size_t n = 0; n < numbers.size(); n++) {
      const auto& answer = index_->answers.at(numbers[n]);
      if (answer.why) {
        failure = answer.why->what();
        break;
      }
      EXPECT_EQ(*answer.version, model_.version() + 1);
      model_.apply({model_.version(), *answer.version, in_doubt_.front()});
      in_doubt_.erase(in_doubt_.begin());
    }
    if (failure.empty()) return;
    if (index_->engine.gate().block() || index_->log_is_broken()) {
      index_.reset();
    } else {
      in_doubt_.clear();
    }
    throw error(errc::internal_error, failure);
  }
  void update_one_by_one(size_t count) {
    for (size_t n = 0; n < count; n++) update(1);
  }

  void checkpoint() {
    in_index([&](driven_engine& i) {
      i.checkpoint();
      i.run();
    });
    require_done(index_->checkpoints_ended.empty() ? std::nullopt : index_->checkpoints_ended.back());
  }
  void merge() {
    uint64_t round = 0;
    in_index([&](driven_engine& i) {
      round = i.merge_all();
      i.run();
      // What failed is tried again, later.
      i.advance(std::chrono::seconds(60));
    });
    EXPECT_TRUE(index_->merges_ended.contains(round));
    require_done(index_->merges_ended[round]);
  }
  static void require_done(const std::optional<error>& why_not) {
    if (why_not) throw *why_not;
  }

  void kill() {
    index_.reset();
    folder_.reset();
    index();
  }
  void restart() {
    in_index([](driven_engine& i) { i.seal(); });
    kill();
  }

  /// Goes on with a restored backup in the place of the index.
  void copy() {
    auto& i = index();
    backup_writer writer(i.engine.served().whole(), name_, record_.generation);
    const auto backup = test::read_all(writer);
    const reliable_allocation reliable;
    record_ = test::restore_index(*folder_, disk_, "copy", backup).record;
    index_.reset();
    name_ = "copy";
  }

  volatile_file_system& disk_;
  test::random_data data_{7};
  std::string name_ = "a";
  std::optional<data_folder> folder_;
  std::optional<driven_engine> index_;
  index_record record_;
  certainty exists_ = certainty::no;
  naive_index model_;                  ///< what is acknowledged
  std::vector<changes_ptr> in_doubt_;  ///< sent after that, in this order, without an answer
};

/// Runs a life with one allocation failing; a step that fails is tried again. Whether one failed.
bool run_without(uint64_t nth) {
  volatile_file_system disk;
  life l(disk);
  test::fail_allocation(nth);
  bool examined = false;
  for (const auto& step : life::steps()) {
    std::string why;
    const auto run = [&] {
      try {
        step.run(l);
        return true;
      } catch (const std::exception& e) {
        const reliable_allocation reliable;
        why = e.what();
        return false;
      }
    };
    bool done = run();
    if (!done && !test::allocation_has_failed()) ADD_FAILURE() << step.name << ": " << why;
    if (!done && !examined) {
      examined = true;
      EXPECT_EQ(l.examine(disk), "") << step.name;
      volatile_file_system after(disk);
      after.lose_power(power_failure::loses_all);
      EXPECT_EQ(l.examine(after), "") << "without power, " << step.name;
    }
    for (int again = 0; !done && again < 2; again++) done = run();
    EXPECT_TRUE(done) << step.name << ": " << why;
    EXPECT_EQ(l.examine_memory(), "") << step.name;
    if (testing::Test::HasFailure()) break;
  }
  const bool failed = test::allocation_has_failed();
  test::fail_allocation(0);
  EXPECT_EQ(l.examine(disk), "");
  return failed;
}

TEST(Faults, EveryAllocation) {
  const uint64_t before = test::num_allocations();
  ASSERT_FALSE(run_without(0));
  const uint64_t num_allocations = test::num_allocations() - before;
  EXPECT_GT(num_allocations, 1000u);
  const uint64_t stride = test::is_full_size() ? 1 : std::max<uint64_t>(1, num_allocations / 150);
  for (uint64_t nth = 1;; nth += stride) {
    SCOPED_TRACE("allocation " + std::to_string(nth) + " fails");
    const bool failed = run_without(nth);
    if (testing::Test::HasFailure() || !failed) break;
  }
}

}  // namespace
}  // namespace fp
