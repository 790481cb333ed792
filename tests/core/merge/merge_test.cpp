#include "core/merge/merge.hpp"
#include "core/index/manifest.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <algorithm>

#include <random>

#include "core/base/error.hpp"
#include "core/index/manifest.hpp"
#include "core/merge/damaged_inputs_error.hpp"
#include "core/merge/posting_source.hpp"
#include "tests/core/support/bit_instructions.hpp"
#include "tests/core/support/commits.hpp"
#include "tests/core/support/faulty_file_system.hpp"
#include "tests/core/support/helper_pool.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp {
namespace {

using test::make_commit;
using test::make_segment;

/// Segments of 0 to 30,000 postings each, with rewrites and deletes across them.
snapshot_ptr large_snapshot(uint64_t seed, size_t num_segments = 6) {
  std::mt19937_64 random(seed);
  snapshot_ptr s = std::make_shared<const snapshot>();
  for (size_t i = 1; i <= num_segments; i++) {
    test::documents inserts;
    for (document_id id = 1 + static_cast<document_id>(random() % 50); id < 3000 && i != 3;
         id += 1 + static_cast<document_id>(random() % (20 * i))) {
      std::vector<hash_value> hashes(100);
      for (auto& h : hashes) h = static_cast<hash_value>(random() >> 36 << 4);
      inserts.push_back({id, hashes});
    }
    s = s->with_added(make_segment(make_commit(i, inserts, {static_cast<document_id>(random() % 3000 + 1)})));
  }
  return s;
}

std::vector<posting> read_all(key_source& source, size_t block = 1000) {
  std::vector<posting> all, buffer(block);
  while (const size_t count = source.read(buffer)) {
    all.insert(all.end(), buffer.begin(), buffer.begin() + static_cast<long>(count));
  }
  return all;
}

TEST(PostingSource, LeavesOutDroppedDocuments) {
  const auto s = large_snapshot(1);
  const segment& first = *s->entries()[0].segment;
  const auto everything = read_all(*make_posting_source(first, document_filter()));
  EXPECT_EQ(everything.size(), first.info().num_postings);
  EXPECT_TRUE(std::is_sorted(everything.begin(), everything.end()));
  doc_set dropped;
  dropped.addRange(500, 2500);
  for (const bool wide : {false, true}) {
    if (wide) dropped.add(0xffffffff);  // too wide a range for a plain bitmap
    const document_filter filter(dropped);
    std::vector<posting> expected;
    for (const posting p : everything) {
      if (!dropped.contains(posting_document(p))) expected.push_back(p);
    }
    for (const size_t block : {1, 7, 1024})
      EXPECT_EQ(read_all(*make_posting_source(first, filter), block), expected);
    EXPECT_EQ(count_postings(first, filter, nullptr), expected.size());
  }
}

TEST(PostingRun, AnyStretchHoldsWhatTheSourceHas) {
  auto segments = large_snapshot(1);
  // A hash that many hold, and one or two behind it.
  test::documents documents;
  for (document_id id = 1; id <= 5000; id++) documents.push_back({id, {0x1230, 0x1231 + id % 2, 0x1240 + id}});
  segments = segments->with_added(make_segment(make_commit(7, documents)));
  doc_set dropped;
  dropped.addRange(500, 1500);
  const document_filter none, some(dropped);
  std::mt19937_64 random(3);
  for (const auto& e : segments->entries()) {
    const auto everything = read_all(*make_posting_source(*e.segment, none));
    for (const document_filter* filter : {&none, &some}) {
      const auto run = make_posting_run(*e.segment, *filter);
      ASSERT_EQ(run->size(), everything.size());
      for (size_t round = 0; round < 200; round++) {
        // A key that there is, one beside it, and any.
        uint64_t from = random(), to = random();
        if (!everything.empty() && round % 2 == 0) {
          from = everything[random() % everything.size()] + random() % 3 - 1;
          to = from + (random() >> random() % 64);
        }
        if (from > to) std::swap(from, to);
        const auto first = std::lower_bound(everything.begin(), everything.end(), from);
        const auto last = std::lower_bound(everything.begin(), everything.end(), to);
        const uint64_t everywhere = everything.size() + 1;
        const run_place place{from, run->position_of(from, {}, everywhere)};
        const uint64_t end = run->position_of(to, place, everywhere);
        ASSERT_EQ(place.position, static_cast<uint64_t>(first - everything.begin()));
        ASSERT_EQ(end, static_cast<uint64_t>(last - everything.begin()));
        const uint64_t limit = 1 + random() % 300;
        const uint64_t near = run->position_of(to, place, limit);
        ASSERT_TRUE(near == end || (near >= place.position + limit && end >= place.position + limit));
        std::vector<posting> expected, read(static_cast<size_t>(last - first));
        std::copy_if(first, last, std::back_inserter(expected),
                     [&](posting p) { return !filter->contains(posting_document(p)); });
        read.resize(run->read(place, end, read.data()));
        ASSERT_EQ(read, expected);
      }
    }
  }
}

TEST(Merge, TombstonesStayOnlyWhileOlderVersionsExist) {
  const auto s = snapshot::from_segments({make_segment(make_commit(1, {{1, {1}}, {2, {2}}})),
                                          make_segment(make_commit(2, {{3, {3}}}, {1})),
                                          make_segment(make_commit(3, {}, {1, 3, 4}))});
  const auto newer_two = merge_to_memory(*s, 1, 2);
  EXPECT_EQ(newer_two->documents(), doc_set::bitmapOf(1, 1)) << "3 and 4 exist nowhere older";
  EXPECT_EQ(newer_two->tombstones(), doc_set::bitmapOf(1, 1));
  EXPECT_EQ(newer_two->find(1)->commit, 3u);
  EXPECT_FALSE(s->with_replaced(1, 2, newer_two)->find(1));
  const auto all = merge_to_memory(*s, 0, 3);
  EXPECT_EQ(all->documents(), doc_set::bitmapOf(1, 2));
  EXPECT_EQ(all->info().num_tombstones, 0u);
}

TEST(Merge, TombstoneOverAnOlderTombstoneStays) {
  const auto s =
      snapshot::from_segments({make_segment(make_commit(1, {}, {1})), make_segment(make_commit(2, {}, {1}))});
  EXPECT_EQ(merge_to_memory(*s, 1, 1)->tombstones(), doc_set::bitmapOf(1, 1));
  EXPECT_EQ(merge_to_memory(*s, 0, 2)->info().num_documents, 0u);
}

TEST(Merge, DeletedDocumentsStayDeletedWhicheverTombstoneIsMergedFirst) {
  const auto s =
      snapshot::from_segments({make_segment(make_commit(1, {{1, {1}}})), make_segment(make_commit(2, {}, {1})),
                               make_segment(make_commit(3, {{9, {9}}}, {1}))});
  for (const auto& [first, second] : {std::pair<size_t, size_t>{1, 2}, {2, 1}}) {
    auto merged = s->with_replaced(first, 1, merge_to_memory(*s, first, 1));
    merged = merged->with_replaced(second, 1, merge_to_memory(*merged, second, 1));
    EXPECT_FALSE(merged->find(1));
    EXPECT_TRUE(merged->entries()[0].superseded);
  }
}

TEST(Merge, NothingLeftIsStillASegment) {
  const test::temporary_folder folder;
  const auto s =
      snapshot::from_segments({make_segment(make_commit(1, {{1, {1, 2}}})), make_segment(make_commit(2, {}, {1}))});
  for (const auto& merged : {merge_to_memory(*s, 0, 2),
                             merge_to_file(*s, 0, 2, posix_file_system(), folder / "a.seg", load_mode::read)}) {
    EXPECT_EQ(merged->info().first_commit, 1u);
    EXPECT_EQ(merged->info().last_commit, 2u);
    EXPECT_EQ(merged->info().num_documents, 0u);
    EXPECT_EQ(merged->info().num_postings, 0u);
    EXPECT_EQ(s->with_replaced(0, 2, merged)->version(), 2u);
  }
}

TEST(Merge, MemoryAndFileGiveTheSameBytes) {
  const test::temporary_folder folder;
  const auto s = large_snapshot(2);
  for (const auto& [first, count] : {std::pair<size_t, size_t>{0, 6}, {1, 4}, {2, 1}, {5, 1}}) {
    const auto memory = merge_to_memory(*s, first, count);
    const auto file = merge_to_file(*s, first, count, posix_file_system(), folder / "a.seg", load_mode::map);
    EXPECT_EQ(memory->info(), file->info());
    EXPECT_EQ(memory->documents(), file->documents());
    EXPECT_FALSE(posix_file_system().exists(folder / "a.seg.tmp"));
  }
}

TEST(Merge, HelpersAndBitInstructionsChangeNoByte) {
  const test::temporary_folder folder;
  const auto s = large_snapshot(7, 12);
  const auto expected = merge_to_memory(*s, 0, 12)->info();
  test::helper_pool helpers(2);
  test::with_and_without_bit_instructions([&] {
    for (helper_threads* h : test::nobody_and(helpers)) {
      const auto merged =
          merge_to_file(*s, 0, 12, posix_file_system(), folder / "a.seg", load_mode::map, nullptr, {}, h);
      EXPECT_EQ(merged->info(), expected);
    }
  });
}

TEST(Merge, ManyPostingsOverSeveralWriteBuffers) {
  // More than 1 MB a section, and buckets that are mostly empty.
  const test::temporary_folder folder;
  test::documents documents;
  std::mt19937_64 random(6);
  for (document_id id = 1; id <= 9000; id++) {
    std::vector<hash_value> hashes(100);
    for (auto& h : hashes) h = static_cast<hash_value>(random() >> 50);
    hashes[0] = 0xffffffff;
    documents.push_back({id * 7, hashes});
  }
  const auto s = snapshot::from_segments({make_segment(make_commit(1, documents))});
  const auto merged = merge_to_file(*s, 0, 1, posix_file_system(), folder / "a.seg", load_mode::read);
  // The same bytes as in memory, so the same checksum over all of them.
  EXPECT_EQ(merged->info(), s->entries()[0].segment->info());
  EXPECT_GT(merged->info().num_bytes, uint64_t{3} << 20);
}

TEST(Merge, CancelledLeavesNothingBehind) {
  const test::temporary_folder folder;
  const auto s = large_snapshot(3);
  const cancel_flag cancel = true;
  EXPECT_THROW(merge_to_memory(*s, 0, 6, &cancel), error);
  try {
    merge_to_file(*s, 0, 6, posix_file_system(), folder / "a.seg", load_mode::map, &cancel);
    ADD_FAILURE() << "not cancelled";
  } catch (const error& e) {
    EXPECT_EQ(e.code(), errc::cancelled);
  }
  EXPECT_TRUE(posix_file_system().list(folder.path()).empty());
}

TEST(Merge, AnyFailingFileOperationLeavesNothingOrAWholeFile) {
  const auto s = large_snapshot(4);
  test::faulty_file_system fs(posix_file_system());
  uint64_t num_operations;
  {
    const test::temporary_folder folder;
    merge_to_file(*s, 0, 6, fs, folder / "a.seg", load_mode::read);
    num_operations = fs.num_operations();
  }
  ASSERT_GT(num_operations, 10u);
  for (uint64_t nth = 1; nth <= num_operations; nth++) {
    for (const bool after_effect : {false, true}) {
      const test::temporary_folder folder;
      fs.fail(nth, {errc::no_space, 100, after_effect, false});
      try {
        merge_to_file(*s, 0, 6, fs, folder / "a.seg", load_mode::read);
        ADD_FAILURE() << "operation " << nth << " failed unnoticed";
      } catch (const error& e) {
        EXPECT_EQ(e.code(), errc::no_space);
      }
      // What was named stays: a manifest may name it.
      const bool is_named = nth == num_operations || (nth == num_operations - 1 && after_effect);
      EXPECT_EQ(posix_file_system().list(folder.path()),
                is_named ? std::vector<std::string>{"a.seg"} : std::vector<std::string>{})
          << "operation " << nth;
      if (is_named) open_segment(posix_file_system(), folder / "a.seg", nullptr)->verify();
    }
  }
}

TEST(Merge, AFileThatTheManifestNamesIsReplacedByTheSameContentsAlone) {
  const auto s = large_snapshot(4);
  const test::temporary_folder folder;
  file_system& fs = posix_file_system();
  const path file = folder / "a.seg";
  const segment_info info = merge_to_file(*s, 0, 2, fs, file, load_mode::read)->info();
  write_manifest(fs, folder.path(), {{{"a.seg", info}}});
  EXPECT_THROW(merge_to_file(*s, 0, 3, fs, file, load_mode::read), error);
  EXPECT_EQ(merge_to_file(*s, 0, 2, fs, file, load_mode::read)->info(), info);
  EXPECT_EQ(fs.list(folder.path()), (std::vector<std::string>{"a.seg", "manifest.json"}));
  EXPECT_EQ(open_segment(fs, file, &info)->info(), info);
  write_manifest(fs, folder.path(), {});
  EXPECT_NE(merge_to_file(*s, 0, 3, fs, file, load_mode::read)->info(), info);
}

TEST(Merge, RefusesAFileThatWasDamagedAfterItWasOpened) {
  const test::temporary_folder folder;
  file_system& fs = posix_file_system();
  const auto in_memory = large_snapshot(6, 2);
  const path source = folder / "a.seg";
  const auto opened = merge_to_file(*in_memory, 0, 2, fs, source, load_mode::map);
  const auto s = snapshot::from_segments({opened});
  const std::string whole = read_file(fs, source);
  for (const uint64_t offset : {uint64_t{16}, uint64_t{5000}, whole.size() / 2, whole.size() - 1}) {
    const char other = static_cast<char>(whole[offset] ^ 1);
    fs.open_for_writing(source)->write_at(offset, std::as_bytes(std::span(&other, 1)));
    EXPECT_THROW(merge_to_memory(*s, 0, 1), error) << offset;
    try {
      merge_to_file(*s, 0, 1, fs, folder / "b.seg", load_mode::read);
      ADD_FAILURE() << "took over the damage at " << offset;
    } catch (const error& e) {
      EXPECT_EQ(e.code(), errc::corrupt_data);
      EXPECT_THAT(e.what(), testing::HasSubstr(source.string()));
    }
    EXPECT_EQ(fs.list(folder.path()), std::vector<std::string>{"a.seg"});
    fs.open_for_writing(source)->write_at(offset, std::as_bytes(std::span(&whole[offset], 1)));
  }
  EXPECT_EQ(merge_to_file(*s, 0, 1, fs, folder / "b.seg", load_mode::read)->info(), opened->info());
}

TEST(Merge, NamesAllInputsThatAreDamaged) {
  const test::temporary_folder folder;
  file_system& fs = posix_file_system();
  const auto in_memory = large_snapshot(6, 4);
  std::vector<segment_ptr> opened;
  for (size_t i = 0; i < 4; i++) {
    const path file = folder / (std::to_string(i) + ".seg");
    opened.push_back(merge_to_file(*in_memory, i, 1, fs, file, load_mode::map));
    if (i == 0 || i == 3) continue;
    const std::string whole = read_file(fs, file);
    const char other = static_cast<char>(whole.back() ^ 1);
    fs.open_for_writing(file)->write_at(whole.size() - 1, std::as_bytes(std::span(&other, 1)));
  }
  try {
    merge_to_file(*snapshot::from_segments(opened), 0, 4, fs, folder / "merged.seg", load_mode::read);
    ADD_FAILURE() << "took over the damage";
  } catch (const damaged_inputs_error& e) {
    EXPECT_EQ(e.code(), errc::corrupt_data);
    ASSERT_EQ(e.inputs().size(), 2u);
    for (size_t i = 0; i < 2; i++) {
      const auto& input = e.inputs()[i];
      EXPECT_EQ(input.segment, opened[i + 1]->info());
      for (size_t other = 0; other < 4; other++) {
        EXPECT_EQ(input.reason.find(std::to_string(other) + ".seg") != std::string::npos, other == i + 1);
      }
    }
    EXPECT_EQ(e.what(), e.inputs()[0].reason + " (the first of 2 damaged inputs)");
  }
  EXPECT_EQ(fs.list(folder.path()).size(), 4u);
}

TEST(Merge, RefusesARangeOutsideTheSnapshot) {
  const auto s = large_snapshot(5, 2);
  EXPECT_THROW(merge_to_memory(*s, 0, 3), error);
  EXPECT_THROW(merge_to_memory(*s, 0, 0), error);
  EXPECT_THROW(merge_to_memory(*s, 3, 1), error);
}

}  // namespace
}  // namespace fp
