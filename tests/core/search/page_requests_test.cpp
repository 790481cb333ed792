#include "core/search/page_requests.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <memory>
#include <random>
#include <set>
#include <utility>

#include "core/base/error.hpp"
#include "core/merge/merge.hpp"
#include "core/search/search.hpp"
#include "core/segment/posting_table.hpp"
#include "tests/core/support/commits.hpp"
#include "tests/core/support/counting_clock.hpp"
#include "tests/core/support/error_of.hpp"
#include "tests/core/support/passing_segment.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp {
namespace {

using test::counting_clock;
using test::error_of;

constexpr uintptr_t page_bytes = 4096;

/// Notes which of its pages it was asked for.
class page_noting_segment final : public test::passing_segment {
 public:
  using passing_segment::passing_segment;

  void will_read(std::span<const std::byte> part) const noexcept override {
    EXPECT_FALSE(part.empty());
    EXPECT_GE(part.data(), bytes().data());
    EXPECT_LE(part.data() + part.size(), bytes().data() + bytes().size());
    num_requests++;
    for (uintptr_t page = page_of(part.data()); page <= page_of(part.data() + part.size() - 1); page++) {
      pages.insert(page);
    }
  }

  static uintptr_t page_of(const std::byte* at) { return reinterpret_cast<uintptr_t>(at) / page_bytes; }

  mutable std::set<uintptr_t> pages;
  mutable size_t num_requests = 0;
};

using noting_ptr = std::shared_ptr<page_noting_segment>;

class page_requests_test : public testing::Test {
 protected:
  /// A segment file of so many documents with random hashes, some of which many documents hold.
  noting_ptr make_segment_file(size_t num_documents, hash_value mask, load_mode mode) {
    test::documents documents;
    for (document_id id = 1; id <= num_documents; id++) {
      std::vector<hash_value> hashes = {7u << 8};
      for (int i = 0; i < 60; i++) hashes.push_back(static_cast<hash_value>(random_()) & mask);
      documents.push_back({id, std::move(hashes)});
    }
    const auto memory = snapshot::from_segments({test::make_segment(test::make_commit(1, documents))});
    const path file = folder_ / (std::to_string(num_files_++) + ".seg");
    return std::make_shared<page_noting_segment>(merge_to_file(*memory, 0, 1, posix_file_system(), file, mode));
  }
  static snapshot_ptr index_of(const std::vector<noting_ptr>& segments) {
    return snapshot::from_segments({segments.begin(), segments.end()});
  }
  std::vector<hash_value> some_hashes(const segment& of, size_t count) {
    std::vector<hash_value> hashes;
    const posting_table& table = of.postings();
    for (size_t i = 0; i < count; i++) {
      const auto bucket = static_cast<uint32_t>(random_() % table.buckets().num_buckets());
      const auto [first, last] = table.bucket_range(bucket);
      if (first == last || random_() % 4 == 0) {
        hashes.push_back(static_cast<hash_value>(random_()));
      } else {
        hashes.push_back(static_cast<hash_value>(table.posting_of(bucket, table.entries()[first]) >> 32));
      }
    }
    return hashes;
  }
  static void ask(const snapshot& index, const std::vector<hash_value>& hashes, unsigned probes = 0) {
    const search_options options;
    search_pace pace;
    stop_condition stop(options, pace);
    page_requests(stop).ask(index.entries(), hashes, probes);
  }
  /// What a search for a hash reads, as the format says: of its bucket, the zeros that it lies between and all of
  /// its entries.
  static std::set<uintptr_t> pages_read(const segment& s, hash_value hash) {
    std::set<uintptr_t> pages;
    const posting_table& table = s.postings();
    if (!table.split().holds(hash)) return pages;
    const uint32_t bucket = table.split().bucket(hash);
    const auto [first, last] = table.bucket_range(bucket);
    const std::byte* const counts = table.buckets().reading_address(0, 0);
    for (uint64_t bit = uint64_t{first} + bucket; bit <= uint64_t{last} + bucket + 1; bit++) {
      pages.insert(page_noting_segment::page_of(counts + bit / 8));
    }
    for (uint32_t i = first; i < last; i++) {
      pages.insert(page_noting_segment::page_of(table.entries().address_of(i)));
      pages.insert(page_noting_segment::page_of(table.entries().address_of(i) + (table.entries().width() - 1) / 8));
    }
    return pages;
  }
  static void expect_asked(const page_noting_segment& s, hash_value hash) {
    for (const uintptr_t page : pages_read(s, hash)) EXPECT_TRUE(s.pages.contains(page)) << hash;
  }

  test::temporary_folder folder_;
  std::mt19937_64 random_{17};
  size_t num_files_ = 0;
};

TEST_F(page_requests_test, asks_for_all_that_look_ups_read_and_little_else) {
  for (const hash_value mask : {0xfffffff0u, 0xffffffffu, 0xff00u}) {
    const auto s = make_segment_file(4000, mask, load_mode::disk);
    const auto index = index_of({s});
    const auto hashes = some_hashes(*s, 300);
    ask(*index, hashes);
    for (const hash_value h : hashes) expect_asked(*s, h);
    // A bucket's counts lie in a page or two, and so do the entries of a short one.
    EXPECT_LE(s->pages.size(), 4 * hashes.size());
    EXPECT_LE(s->num_requests, s->pages.size());
  }
}

TEST_F(page_requests_test, asks_for_what_is_near) {
  for (const unsigned probes : {1u, 2u}) {
    const auto s = make_segment_file(2000, 0xfffffff0, load_mode::disk);
    const auto index = index_of({s});
    const auto hashes = some_hashes(*s, probes == 1 ? 40 : 12);
    ask(*index, hashes, probes);
    for (const hash_value h : hashes) {
      expect_asked(*s, h);
      for (unsigned i = 0; i < 32; i++) {
        expect_asked(*s, h ^ 1u << i);
        for (unsigned j = 0; probes > 1 && j < i; j++) expect_asked(*s, h ^ 1u << i ^ 1u << j);
      }
    }
  }
}

TEST_F(page_requests_test, asks_segments_on_the_disk_alone) {
  const auto on_disk = make_segment_file(500, ~0u, load_mode::disk);
  const auto mapped = make_segment_file(500, ~0u, load_mode::map);
  ask(*index_of({on_disk}), some_hashes(*on_disk, 50));
  ask(*index_of({mapped}), some_hashes(*mapped, 50));
  EXPECT_GT(on_disk->num_requests, 0u);
  EXPECT_EQ(mapped->num_requests, 0u);
}

TEST_F(page_requests_test, asks_once_for_a_page_that_several_look_ups_need) {
  const auto s = make_segment_file(300, 0xff00, load_mode::disk);
  std::vector<hash_value> hashes;
  for (hash_value h = 0; h < 256; h++) hashes.push_back(h << 8);
  ask(*index_of({s}), hashes);
  // Counts and entries, each in one piece.
  EXPECT_LE(s->num_requests, 2u);
}

TEST_F(page_requests_test, a_search_asks_if_it_may_be_cold) {
  const auto s = make_segment_file(1000, ~0u, load_mode::disk);
  const auto index = index_of({s});
  const auto hashes = some_hashes(*s, 100);
  search_options options;
  options.min_score = 1;
  searcher engine;
  const auto warm = engine.search(*index, hashes, options);
  EXPECT_EQ(s->num_requests, 0u);
  options.may_be_cold = true;
  EXPECT_EQ(engine.search(*index, hashes, options).results, warm.results);
  EXPECT_GT(s->num_requests, 0u);
  for (const hash_value h : hashes) expect_asked(*s, h);
}

/// Hashes that so many documents hold that all of them are gone through.
TEST_F(page_requests_test, asks_for_long_runs_as_they_are_gone_through) {
  constexpr size_t num_documents = 400'000;
  test::documents documents;
  for (document_id id = 1; id <= num_documents; id++) {
    std::vector<hash_value> hashes;
    for (hash_value h = 1; h <= 3; h++) {
      if (id % h == 0) hashes.push_back(h << 20);
    }
    documents.push_back({id, std::move(hashes)});
  }
  const auto memory = snapshot::from_segments({test::make_segment(test::make_commit(1, documents))});
  const auto s = std::make_shared<page_noting_segment>(
      merge_to_file(*memory, 0, 1, posix_file_system(), folder_ / "long.seg", load_mode::disk));
  const auto index = index_of({s});
  const std::vector<hash_value> query = {1u << 20, 2u << 20, 3u << 20};
  search_options options;
  options.min_score = 1;
  options.score_pct = 0;
  options.limit = 300'000;
  searcher engine;
  const auto warm = engine.search(*index, query, options);
  ASSERT_GT(warm.work.in_cells + warm.work.in_slots, num_documents) << "runs are gone through";
  EXPECT_EQ(s->num_requests, 0u);
  options.may_be_cold = true;
  EXPECT_EQ(engine.search(*index, query, options).results, warm.results);
  const posting_table& table = s->postings();
  const auto first = page_noting_segment::page_of(table.entries().address_of(0));
  const auto last = page_noting_segment::page_of(table.entries().address_of(table.size() - 1));
  ASSERT_GT(last - first, 400u);
  size_t missing = 0;
  for (auto page = first; page <= last; page++) missing += !s->pages.contains(page);
  EXPECT_EQ(missing, 0u);
  EXPECT_LT(s->num_requests, (last - first) / 8) << "many pages at a time";
}

TEST_F(page_requests_test, stops_at_the_deadline) {
  const auto s = make_segment_file(1000, ~0u, load_mode::disk);
  const auto index = index_of({s});
  const auto hashes = some_hashes(*s, 1000);
  search_options options;
  options.now = counting_clock::now;
  options.may_be_cold = true;
  options.min_score = 1;
  counting_clock::reset(std::chrono::milliseconds(1));  // as slow as a disk
  options.deadline = counting_clock::never;
  searcher().search(*index, hashes, options);
  const uint64_t all = counting_clock::looks;
  const size_t requests = s->num_requests;
  ASSERT_GT(all, 1000u) << "cold memory: a look after each page";
  // While counts, then entries are found out, and when the search has begun.
  for (const uint64_t share : {8, 4, 2}) {
    s->num_requests = 0;
    counting_clock::reset(std::chrono::milliseconds(1));
    options.deadline = counting_clock::at(all / share);
    EXPECT_EQ(error_of([&] { searcher().search(*index, hashes, options); }).code(), errc::search_timeout);
    EXPECT_LE(s->num_requests, requests);
    if (share == 8) {
      EXPECT_EQ(s->num_requests, 0u);
    }
  }
  counting_clock::reset();
}

TEST_F(page_requests_test, takes_its_memory_from_what_a_search_may_take) {
  const auto s = make_segment_file(100, ~0u, load_mode::disk);
  const auto index = index_of({s});
  search_options options;
  options.may_be_cold = true;
  options.max_bytes = page_requests::max_bytes - 1;
  EXPECT_EQ(error_of([&] { searcher().search(*index, std::vector<hash_value>{1}, options); }).code(),
            errc::payload_too_large);
  options.max_bytes = uint64_t{1} << 20;
  EXPECT_NO_THROW(searcher().search(*index, std::vector<hash_value>{1}, options));
}

}  // namespace
}  // namespace fp
