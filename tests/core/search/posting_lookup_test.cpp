#include "core/search/posting_lookup.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>

#include "tests/core/support/bit_instructions.hpp"
#include "tests/core/support/commits.hpp"
#include "tests/core/support/table_with_starts.hpp"

namespace fp {
namespace {

using test::make_commit;
using test::make_segment;

/// Segments with a model beside each: the documents of every hash.
struct tables {
  std::vector<segment_ptr> segments;
  std::vector<std::unique_ptr<test::table_with_starts>> older;
  std::vector<std::map<hash_value, std::vector<document_id>>> models;

  void add(test::random_data& data, size_t num_documents, size_t max_hashes) {
    test::documents documents;
    auto& model = models.emplace_back();
    for (document_id id = 1; id <= num_documents; id++) {
      auto hashes = data.hashes(max_hashes);
      std::sort(hashes.begin(), hashes.end());
      hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
      for (const hash_value h : hashes) model[h].push_back(id);
      documents.push_back({id, std::move(hashes)});
    }
    keep(documents);
  }
  void keep(const test::documents& documents) {
    segments.push_back(make_segment(make_commit(models.size(), documents)));
    older.push_back(std::make_unique<test::table_with_starts>(*segments.back()));
  }

  /// Looks all hashes up in all segments, in one pipeline, and compares: with the tables of this version, with
  /// those of older ones, and with both by turns.
  void check(const std::vector<hash_value>& hashes) const {
    test::with_and_without_bit_instructions([&] {
      check_with(hashes, [](size_t) { return false; });
      check_with(hashes, [](size_t) { return true; });
      check_with(hashes, [](size_t s) { return s % 2 == 0; });
    });
  }
  template <class F>
  void check_with(const std::vector<hash_value>& hashes, const F& is_older) const {
    using found = std::vector<std::pair<uint32_t, std::vector<document_id>>>;
    found expected, actual;
    std::vector<posting_range> ranges;
    const search_options options;
    search_pace pace;
    stop_condition stop(options, pace);
    posting_lookup lookup(ranges, stop);
    for (uint32_t s = 0; s < segments.size(); s++) {
      lookup.add(s, is_older(s) ? older[s]->table() : segments[s]->postings(), hashes);
      for (const hash_value h : hashes) {
        if (const auto ids = models[s].find(h); ids != models[s].end()) expected.push_back({s, ids->second});
      }
    }
    lookup.finish();
    for (const auto& range : ranges) {
      auto& ids = actual.emplace_back(range.segment, std::vector<document_id>()).second;
      const auto& table = segments[range.segment]->postings();
      for (uint32_t i = 0; i < range.count; i++) ids.push_back(table.document_at(range.first + i));
    }
    EXPECT_EQ(actual, expected);
  }
};

TEST(PostingLookup, FindsWhatAMapFinds) {
  for (uint64_t seed = 1; seed <= 60; seed++) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    test::random_data data(seed);
    tables t;
    for (uint64_t s = data.pick({1, 2, 5}); s > 0; s--) t.add(data, 1 + data.below(200), 1 + data.below(60));
    // Lengths around the groups': the pipeline fills, goes round, and runs dry.
    for (const size_t length : {0, 1, 15, 16, 17, 31, 32, 33, 34, 63, 64, 65, 200}) {
      std::vector<hash_value> hashes(length);
      for (auto& h : hashes) h = data.hash();
      t.check(hashes);
    }
    if (testing::Test::HasFailure()) return;
  }
}

TEST(PostingLookup, EveryHashOfEveryWidthUpToTheTableEnds) {
  // One bit more in the mask a time: tails of all widths, the last of which end anywhere in their bytes.
  for (unsigned bits = 1; bits <= 32; bits++) {
    SCOPED_TRACE("bits " + std::to_string(bits));
    std::mt19937_64 random(bits);
    const auto top = static_cast<hash_value>((uint64_t{1} << bits) - 1);
    test::documents documents;
    tables t;
    auto& model = t.models.emplace_back();
    for (document_id id = 1; id <= 1 + bits * 7; id++) {
      std::vector<hash_value> hashes = {static_cast<hash_value>(random()) & top, top};
      if (hashes[0] == top) hashes.pop_back();
      for (const hash_value h : hashes) model[h].push_back(id);
      documents.push_back({id, hashes});
    }
    t.keep(documents);
    std::vector<hash_value> hashes = {top, 0, top - 1, ~top, 0xffffffff};
    for (const auto& [h, ids] : model) hashes.push_back(h);
    t.check(hashes);
  }
}

}  // namespace
}  // namespace fp
