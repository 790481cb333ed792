#include "core/fpindex/log_converter.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "core/base/error.hpp"
#include "core/commit/changes.hpp"
#include "core/index/snapshot.hpp"
#include "core/search/search.hpp"
#include "tests/core/support/error_of.hpp"

namespace fp::fpindex {
namespace {

/// What an index holds, kept in the plainest way.
struct plain_index {
  std::map<document_id, std::pair<std::set<hash_value>, uint64_t>>
      documents;  ///< hashes, and the version that wrote
  metadata_map metadata;
  uint64_t version = 0;
};

logged_commit random_commit(std::mt19937_64& random, uint64_t id, std::optional<uint64_t> version,
                            plain_index& index) {
  logged_commit commit{id, version, {}, "log: offset " + std::to_string(id)};
  index.version = commit.index_version();
  for (size_t pieces = random() % 4; pieces > 0; pieces--) {
    changes_encoder encoder;
    for (size_t count = 1 + random() % 3; count > 0; count--) {
      const auto document = static_cast<document_id>(1 + random() % 30);
      if (random() % 5 == 0) {
        encoder.erase(document);
        index.documents.erase(document);
      } else if (random() % 5 == 0) {
        const auto key = "k" + std::to_string(random() % 3);
        encoder.set_metadata(key, std::to_string(id));
        index.metadata[key] = std::to_string(id);
      } else {
        std::vector<hash_value> hashes(random() % 60);
        for (auto& hash : hashes) hash = static_cast<hash_value>(random() % 1000);
        encoder.insert(document, hashes);
        index.documents[document] = {{hashes.begin(), hashes.end()}, index.version};
      }
    }
    commit.changes.push_back(encoder.take());
  }
  return commit;
}

TEST(FpindexLogConverter, MakesOneHistoryHoweverItIsCut) {
  std::mt19937_64 random(9);
  size_t num_parts = 0;
  for (int round = 0; round < 200; round++) {
    const bool has_positions = round % 2 == 1;
    plain_index expected;
    commit_chain chain;
    std::vector<segment_ptr> segments;
    log_converter converter(
        chain, [&](segment_ptr made) { segments.push_back(std::move(made)); }, 1 + random() % 2000);
    uint64_t position = random() % 2;
    for (uint64_t id = 1; id <= 1 + random() % 20; id++) {
      const auto version = has_positions ? std::optional(position) : std::nullopt;
      converter.add(random_commit(random, id, version, expected));
      if (random() % 2 == 0) position += random() % 100;
    }
    converter.finish();
    for (const auto& s : segments) num_parts += s->info().last_part > 0;
    const auto index = snapshot::from_segments(segments);
    EXPECT_EQ(index->version(), expected.version);
    EXPECT_EQ(index->metadata().to_map(), expected.metadata);
    EXPECT_EQ(index->stats().num_documents, expected.documents.size());
    searcher search;
    for (const auto& [id, document] : expected.documents) {
      const auto state = index->find(id);
      ASSERT_TRUE(state) << id;
      EXPECT_EQ(state->commit, document.second);
      if (document.first.empty()) continue;
      const std::vector<hash_value> query(document.first.begin(), document.first.end());
      search_options options;
      options.limit = 100;
      const auto found = search.search(*index, query, options).results;
      const search_result wanted{id, static_cast<uint32_t>(query.size())};
      EXPECT_NE(std::find(found.begin(), found.end(), wanted), found.end());
    }
  }
  EXPECT_GT(num_parts, 20u);
}

TEST(FpindexLogConverter, RefusesVersionsThatGoBack) {
  std::mt19937_64 random(10);
  for (const size_t max_bytes : {1, 1'000'000}) {
    plain_index ignored;
    commit_chain chain;
    log_converter converter(
        chain, [](const segment_ptr&) {}, max_bytes);
    const auto e = test::error_of([&] {
      converter.add(random_commit(random, 1, 7, ignored));
      converter.add(random_commit(random, 2, 6, ignored));
      converter.finish();
    });
    EXPECT_EQ(e.code(), errc::corrupt_data);
    EXPECT_NE(std::string(e.what()).find("log: offset 2: version 6 follows version 7"), std::string::npos)
        << e.what();
  }
}

TEST(FpindexCommitChain, CutsRepeatedVersionsIntoParts) {
  commit_chain chain;
  EXPECT_EQ(chain.take(1, 5, true, ""), (commit_range{0, 1, 5}));
  EXPECT_EQ(chain.take(9, 9, false, ""), (commit_range{5, 9, 9, 0, 1}));
  EXPECT_EQ(chain.take(9, 9, false, ""), (commit_range{5, 9, 9, 1, 2}));
  EXPECT_EQ(chain.take(9, 9, true, ""), (commit_range{5, 9, 9, 2, 0}));
  EXPECT_THROW(chain.take(9, 9, true, ""), error);
  EXPECT_EQ(chain.take(3, 12, true, ""), (commit_range{9, 10, 12}));
  commit_chain from_nothing;
  EXPECT_EQ(from_nothing.take(0, 0, false, ""), (commit_range{0, 0, 0, 0, 1}));
  EXPECT_EQ(from_nothing.take(0, 0, true, ""), (commit_range{0, 0, 0, 1, 0}));
  EXPECT_EQ(from_nothing.take(4, 4, true, ""), (commit_range{0, 4, 4}));
}

}  // namespace
}  // namespace fp::fpindex
