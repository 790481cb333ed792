#include "core/fpindex/segment_reader.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "core/base/error.hpp"
#include "core/fpindex/segment_converter.hpp"
#include "core/index/snapshot.hpp"
#include "tests/core/fpindex/sample_segment.hpp"
#include "tests/core/support/error_of.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp::fpindex {
namespace {

using test::sample_segment;

sample_segment random_segment(std::mt19937_64& random, size_t num_documents) {
  sample_segment s;
  s.info = {1 + random() % 100, random() % 30, {}};
  s.block_size = std::array{64u, 512u, 4096u}[random() % 3];
  const unsigned id_bits = 4 + random() % 29, hash_bits = 1 + random() % 32;
  const auto random_id = [&] { return static_cast<document_id>(random() >> (64 - id_bits)) | 1; };
  for (size_t i = random() % 5; i > 0; i--) s.metadata["k" + std::to_string(i)] = std::string(random() % 100, 'v');
  for (size_t i = 0; i < num_documents; i++) {
    const auto id = random_id();
    auto& hashes = s.documents[id];
    for (size_t j = random() % 40; j > 0; j--)
      hashes.push_back(static_cast<hash_value>(random() >> (64 - hash_bits)));
    if (!hashes.empty() && random() % 8 == 0) hashes.push_back(hashes.front());
  }
  std::set<document_id> gone;
  for (size_t i = random() % 10; i > 0; i--) gone.insert(random_id());
  for (const auto id : gone) {
    if (!s.documents.contains(id)) s.tombstones.push_back(id);
  }
  return s;
}

/// A segment file in a folder of its own.
class stored {
 public:
  explicit stored(std::span<const std::byte> bytes) {
    posix_file_system().create(file())->write_at(0, bytes);
    open_ = posix_file_system().open(file());
  }
  path file() const { return folder_ / "x.data"; }
  const readable_file& opened() const { return *open_; }
  converted_segment convert(const commit_range& range) const {
    const segment_reader reader("x.data", *open_);
    return convert_segment(reader, range, posix_file_system(), folder_ / "x.seg");
  }
  snapshot_ptr converted() const {
    const auto opened = open_segment(posix_file_system(), folder_ / "x.seg", nullptr);
    return snapshot::from_segments({opened});
  }

 private:
  test::temporary_folder folder_;
  std::unique_ptr<readable_file> open_;
};

std::vector<posting> items_of(const sample_segment& s) {
  std::vector<posting> items;
  for (const auto& [id, hashes] : s.documents) {
    for (const auto hash : hashes) items.push_back(make_posting(hash, id));
  }
  std::sort(items.begin(), items.end());
  return items;
}

TEST(FpindexSegmentReader, ReadsWhatWasWritten) {
  std::mt19937_64 random(4);
  for (int round = 0; round < 100; round++) {
    const auto s = random_segment(random, random() % (round % 10 == 0 ? 3000 : 60));
    const stored file(test::sample_file(s));
    const segment_reader reader("x.data", file.opened(), &s.info);
    EXPECT_EQ(reader.info(), s.info);
    EXPECT_EQ(reader.metadata(), s.metadata);
    EXPECT_EQ(reader.documents().cardinality(), s.documents.size() + s.tombstones.size());
    for (const auto id : s.tombstones) EXPECT_TRUE(reader.tombstones().contains(id));
    EXPECT_EQ(reader.tombstones().cardinality(), s.tombstones.size());
    std::vector<posting> found;
    item_reader items(reader);
    for (auto chunk = items.next(); !chunk.empty(); chunk = items.next()) {
      found.insert(found.end(), chunk.begin(), chunk.end());
    }
    EXPECT_EQ(found, items_of(s));
  }
}

TEST(FpindexSegmentReader, ConvertsToAnEqualSegment) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 60; round++) {
    const auto s = random_segment(random, random() % 200);
    const stored file(test::sample_file(s));
    const auto made = file.convert({10, 12, 20});
    const auto index = file.converted();
    const auto& entry = index->entries().front();
    EXPECT_EQ(entry.segment->info().commits(), (commit_range{10, 12, 20}));
    EXPECT_EQ(index->metadata().to_map(), s.metadata);
    uint64_t repeating = 0, without = 0;
    for (const auto& [id, hashes] : s.documents) {
      const auto state = index->find(id);
      ASSERT_TRUE(state) << id;
      EXPECT_EQ(state->commit, 20u);
      const std::set<hash_value> distinct(hashes.begin(), hashes.end());
      repeating += distinct.size() < hashes.size();
      without += hashes.empty();
    }
    EXPECT_EQ(made.repeating.cardinality(), repeating);
    EXPECT_EQ(made.without_items.cardinality(), without);
    EXPECT_EQ(index->stats().num_documents, s.documents.size());
    for (const auto id : s.tombstones) EXPECT_TRUE(entry.segment->tombstones().contains(id));
    auto items = items_of(s);
    items.erase(std::unique(items.begin(), items.end()), items.end());
    EXPECT_EQ(made.info.num_postings, items.size());
    EXPECT_NO_THROW(entry.segment->verify());
  }
}

/// Nothing covers metadata and documents with a checksum: what a flipped bit of them may do unseen.
bool differs_in_words_alone(const sample_segment& s, const snapshot& found, const converted_segment& made) {
  auto items = items_of(s);
  items.erase(std::unique(items.begin(), items.end()), items.end());
  const auto& segment = *found.entries().front().segment;
  return segment.info().num_postings == items.size() &&
         segment.documents().cardinality() == s.documents.size() + s.tombstones.size() &&
         made.without_items.cardinality() <= s.tombstones.size();
}

TEST(FpindexSegmentReader, NoticesEveryFlippedBitThatCanBeNoticed) {
  std::mt19937_64 random(6);
  for (int round = 0; round < 3; round++) {
    auto s = random_segment(random, 6);
    s.block_size = round == 1 ? 64 : 512;
    for (auto& [id, hashes] : s.documents) hashes.push_back(id);
    const auto bytes = test::sample_file(s);
    const stored whole(bytes);
    const auto blocks_at = segment_reader("x.data", whole.opened()).layout().blocks_offset;
    for (size_t bit = 0; bit < bytes.size() * 8; bit++) {
      auto flipped = bytes;
      flipped[bit / 8] ^= std::byte{1} << bit % 8;
      const stored file(flipped);
      try {
        const segment_reader reader("x.data", file.opened(), &s.info);
        const auto made = convert_segment(reader, {0, 1, 5}, posix_file_system(), file.file().string() + ".seg");
        EXPECT_LT(bit / 8, blocks_at) << "bit " << bit << " went unnoticed";
        const auto opened = open_segment(posix_file_system(), file.file().string() + ".seg", nullptr);
        EXPECT_TRUE(differs_in_words_alone(s, *snapshot::from_segments({opened}), made)) << "bit " << bit;
      } catch (const error& e) {
        EXPECT_EQ(e.code(), errc::corrupt_data) << e.what();
        EXPECT_NE(std::string(e.what()).find("x.data: "), std::string::npos) << e.what();
      }
    }
  }
}

TEST(FpindexSegmentReader, RefusesEveryFileThatWasCut) {
  std::mt19937_64 random(7);
  const auto bytes = test::sample_file(random_segment(random, 20));
  for (size_t size = 0; size < bytes.size(); size++) {
    const auto part = std::span<const std::byte>(bytes).first(size);
    const stored file(part);
    const auto e = test::error_of([&] { file.convert({0, 1, 2}); });
    EXPECT_EQ(e.code(), errc::corrupt_data) << e.what();
  }
}

TEST(FpindexSegmentReader, RefusesAnotherSegmentThanTheManifestNames) {
  std::mt19937_64 random(8);
  const auto s = random_segment(random, 5);
  const stored file(test::sample_file(s));
  const segment_info other{s.info.commit, s.info.merges + 1, {}};
  EXPECT_THROW(segment_reader("x.data", file.opened(), &other), error);
}

}  // namespace
}  // namespace fp::fpindex
