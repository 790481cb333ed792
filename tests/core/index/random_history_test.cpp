#include <gtest/gtest.h>

#include <filesystem>

#include "core/index/snapshot.hpp"
#include "core/merge/merge.hpp"
#include "core/search/search.hpp"
#include "tests/core/support/commits.hpp"
#include "tests/core/support/naive_index.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp {
namespace {

using test::naive_index;
using test::random_data;

/// Runs random histories against the index and the model side by side.
class history {
 public:
  explicit history(uint64_t seed) : data_(seed) { snapshot_ = std::make_shared<const snapshot>(); }

  void step() {
    const size_t files = snapshot_->num_file_segments(), all = snapshot_->entries().size();
    switch (data_.below(10)) {
      case 0:
        if (all - files >= 2) merge_in_memory(files, all);
        break;
      case 1:
        if (all > files) replace(files, 1 + data_.below(all - files));
        break;
      case 2:
        if (files >= 1) {
          const size_t first = data_.below(files);
          replace(first, 1 + data_.below(files - first));
        }
        break;
      case 3:
        reopen();
        break;
      default:
        add_commits();
    }
  }

  void check() {
    ASSERT_EQ(snapshot_->version(), model_.version());
    ASSERT_EQ(snapshot_->metadata().to_map(), model_.metadata());
    check_documents();
    for (int i = 0; i < 6; i++) check_search();
  }

  /// Merges all into one file: nothing superseded or deleted may be left.
  void check_full_merge() {
    if (snapshot_->entries().empty()) return;
    replace(0, snapshot_->entries().size(), false);
    uint64_t num_postings = 0;
    for (const auto& [id, document] : model_.documents()) num_postings += document.hashes.size();
    const segment_info& info = snapshot_->entries()[0].segment->info();
    EXPECT_EQ(info.num_postings, num_postings);
    EXPECT_EQ(info.num_documents, model_.documents().size());
    EXPECT_EQ(info.num_tombstones, 0u);
    EXPECT_EQ(snapshot_->entries()[0].superseded, nullptr);
    check();
  }

 private:
  void add_commits() {
    std::vector<commit> commits(1 + data_.below(3));
    for (auto& c : commits) {
      c = data_.commit_behind(model_.version());
      model_.apply(c);
    }
    snapshot_ = snapshot_->with_added(build_memory_segment(commits));
  }

  void merge_in_memory(size_t begin, size_t end) {
    const size_t first = begin + data_.below(end - begin - 1);
    const size_t count = 2 + data_.below(end - first - 1);
    snapshot_ = snapshot_->with_replaced(first, count, merge_to_memory(*snapshot_, first, count));
  }

  load_mode any_mode() {
    constexpr load_mode modes[] = {load_mode::map, load_mode::read, load_mode::disk};
    return modes[data_.below(3)];
  }

  void replace(size_t first, size_t count, bool may_add = true) {
    const path file = folder_ / (std::to_string(++num_files_) + ".seg");
    // Newer segments may arrive while a merge runs.
    const snapshot_ptr before = snapshot_;
    if (may_add && data_.chance(50)) add_commits();
    snapshot_ = snapshot_->with_replaced(
        first, count, merge_to_file(*before, first, count, posix_file_system(), file, any_mode()));
    ASSERT_FALSE(std::filesystem::exists(file.string() + ".tmp"));
    files_[snapshot_->entries()[first].segment.get()] = file;
  }

  void reopen() {
    std::vector<segment_ptr> segments;
    for (const auto& e : snapshot_->entries()) {
      if (e.segment->is_memory()) {
        segments.push_back(e.segment);
        continue;
      }
      const path file = files_.at(e.segment.get());
      const segment_info info = e.segment->info();
      segments.push_back(open_segment(posix_file_system(), file, &info, {any_mode(), nullptr, {}}));
      files_[segments.back().get()] = file;
      segments.back()->verify();
    }
    const snapshot_ptr reopened = snapshot::from_segments(segments);
    for (size_t i = 0; i < segments.size(); i++) {
      const doc_set_ptr a = snapshot_->entries()[i].superseded, b = reopened->entries()[i].superseded;
      // What was found step by step is what is found from nothing, apart from documents that a merge dropped.
      if (b) {
        ASSERT_TRUE(a && b->isSubset(*a)) << "segment " << i;
      }
    }
    snapshot_ = reopened;
  }

  void check_documents() {
    uint64_t num_documents = 0;
    for (const auto& [id, document] : model_.documents()) {
      const auto state = snapshot_->find(id);
      ASSERT_TRUE(state) << id;
      ASSERT_EQ(state->commit, document.commit) << id;
      ASSERT_FALSE(state->deleted);
      num_documents++;
    }
    for (int i = 0; i < 50; i++) {
      const document_id id = data_.id();
      ASSERT_EQ(snapshot_->find(id).has_value(), model_.find(id).has_value()) << id;
    }
    const snapshot_stats stats = snapshot_->stats();
    ASSERT_EQ(stats.num_documents, num_documents);
    uint64_t live_documents = 0;
    for (const auto& e : snapshot_->entries()) live_documents += e.live_documents;
    ASSERT_EQ(live_documents, num_documents);
    ASSERT_EQ(stats.min_document, num_documents == 0 ? 0 : model_.documents().begin()->first);
    ASSERT_EQ(stats.max_document, num_documents == 0 ? 0 : model_.documents().rbegin()->first);
    ASSERT_EQ(stats.num_segments, snapshot_->entries().size());
    ASSERT_EQ(stats.num_memory_segments, stats.num_segments - snapshot_->num_file_segments());
  }

  void check_search() {
    std::vector<hash_value> query = data_.hashes(data_.pick({1, 40, 400}));
    if (!model_.documents().empty() && data_.chance(60)) {
      auto some = model_.documents().lower_bound(data_.id());
      if (some == model_.documents().end()) some = model_.documents().begin();
      query.insert(query.end(), some->second.hashes.begin(), some->second.hashes.end());
    }
    search_options options;
    options.limit = data_.pick({0, 1, 3, 40, 1000000});
    if (data_.chance(70)) options.min_score = data_.pick({0, 1, 2, 10, 0xffffffff});
    options.score_pct = data_.pick({0, 10, 50, 100, 101});
    options.probes = data_.pick({0, 1, 2});
    if (options.probes > 0) {
      query.resize(std::min<size_t>(query.size(), 25));  // the model looks at every pair
      for (hash_value& h : query) h ^= hash_value{1} << data_.below(32);
    }
    const search_outcome outcome = searcher_.search(*snapshot_, query, options);
    ASSERT_EQ(outcome.results, model_.search(query, options));
    ASSERT_EQ(outcome.num_hashes, std::set(query.begin(), query.end()).size());
  }

  random_data data_;
  naive_index model_;
  snapshot_ptr snapshot_;
  searcher searcher_;
  test::temporary_folder folder_;
  std::map<const segment*, path> files_;
  int num_files_ = 0;
};

TEST(RandomHistory, EverySearchAndLookupAgreesWithTheModel) {
  for (uint64_t seed = 1; seed <= 40; seed++) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    history h(seed);
    for (int i = 0; i < 30; i++) {
      h.step();
      if (i % 3 == 0) h.check();
      if (testing::Test::HasFailure()) return;
    }
    h.check();
    h.check_full_merge();
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace fp
