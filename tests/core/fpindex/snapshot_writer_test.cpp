#include "core/fpindex/snapshot_writer.hpp"

#include <gmock/gmock.h>
#include <algorithm>

#include <fstream>

#include "core/merge/merge.hpp"
#include "core/segment/document_table.hpp"
#include "core/segment/posting_table.hpp"
#include "core/segment/segment_writer.hpp"
#include "core/segment/stored_segment.hpp"
#include "tests/core/fpindex/plain_snapshot.hpp"
#include "tests/core/support/bulk_load.hpp"
#include "tests/core/support/commits.hpp"
#include "tests/core/support/error_of.hpp"
#include "tests/core/support/naive_index.hpp"
#include "tests/core/support/temporary_folder.hpp"
#include "tests/support/source_file.hpp"

namespace fp::fpindex {
namespace {

using test::error_of;
using test::plain_segment;
using test::plain_snapshot;
using test::read_plain_snapshot;
using byte_vector = std::vector<std::byte>;

byte_vector read_to_end(chunk_producer& writer, size_t max_chunk = SIZE_MAX) {
  byte_vector stream;
  const uint64_t before = writer.num_bytes();
  while (!writer.at_end()) {
    const auto chunk = writer.next();
    EXPECT_LE(chunk.size(), max_chunk);
    stream.insert(stream.end(), chunk.begin(), chunk.end());
    EXPECT_EQ(writer.num_bytes(), before + stream.size());
  }
  EXPECT_TRUE(writer.next().empty());
  return stream;
}

byte_vector exported(const snapshot_ptr& from) {
  snapshot_writer writer(from, "main", 7);
  return read_to_end(writer);
}

plain_snapshot plain_export(const snapshot_ptr& from) {
  auto out = read_plain_snapshot(exported(from));
  EXPECT_EQ(out.generation, 7u);
  EXPECT_EQ(out.segments.size(), from->entries().size());
  return out;
}

void expect_same(const plain_snapshot& plain, const test::naive_index& model) {
  EXPECT_EQ(plain.version(), model.version());
  EXPECT_EQ(plain.metadata(), model.metadata());
  std::map<uint32_t, std::vector<uint32_t>> expected;
  for (const auto& [id, document] : model.documents()) {
    expected[id] = {document.hashes.begin(), document.hashes.end()};
  }
  EXPECT_EQ(plain.live_documents(), expected);
}

TEST(fpindex_snapshot_writer, writes_what_an_index_holds) {
  for (uint64_t seed = 1; seed <= 60; seed++) {
    SCOPED_TRACE(seed);
    test::random_data data(seed);
    test::naive_index model;
    auto index = std::make_shared<const snapshot>();
    for (uint64_t steps = data.below(12); steps > 0; steps--) {
      std::vector<commit> commits(1 + data.below(3));
      for (commit& c : commits) {
        c = data.commit_behind(model.version());
        model.apply(c);
      }
      index = index->with_added(build_memory_segment(commits));
      if (data.chance(30)) {
        const size_t first = data.below(index->entries().size());
        const size_t count = 1 + data.below(index->entries().size() - first);
        index = index->with_replaced(first, count, merge_to_memory(*index, first, count));
      }
    }
    expect_same(plain_export(index), model);
  }
}

TEST(fpindex_snapshot_writer, writes_each_segment_with_all_that_it_holds) {
  test::random_data data(3);
  auto index = std::make_shared<const snapshot>();
  for (commit_id id = 1; id <= 5; id++) {
    index = index->with_added(test::make_segment(data.next_commit(id, 200, 200)));
  }
  const auto plain = plain_export(index);
  for (size_t i = 0; i < 5; i++) {
    const segment& s = *index->entries()[i].segment;
    const document_table& table = s.document_states();
    EXPECT_EQ(plain.segments[i].documents.size(), table.size());
    for (uint64_t at = 0; at < table.size(); at++) {
      EXPECT_EQ(plain.segments[i].documents.at(table.id_at(at)), !table.deleted_at(at));
    }
    ASSERT_EQ(plain.segments[i].items.size(), s.postings().size());
    EXPECT_TRUE(std::ranges::is_sorted(plain.segments[i].items));
  }
}

TEST(fpindex_snapshot_writer, an_index_without_commits_is_a_header_alone) {
  const auto plain = plain_export(std::make_shared<const snapshot>());
  EXPECT_EQ(plain.segments.size(), 0u);
  EXPECT_EQ(plain.version(), 0u);
}

TEST(fpindex_snapshot_writer, writes_commits_that_are_loaded_in_parts) {
  for (const commit_id version : {commit_id{0}, commit_id{2}, commit_id{9}}) {
    const commit_id previous = version == 0 ? 0 : version - 1;
    std::vector<commit> parts;
    for (document_id id = 1; id <= 4; id++) {
      parts.push_back(test::make_commit_behind(previous, version, test::documents{{id, {id, 9}}}));
    }
    const auto plain = plain_export(snapshot::from_segments(test::load_in_parts(parts)));
    EXPECT_EQ(plain.version(), version);
    EXPECT_EQ(plain.live_documents().size(), 4u);
  }
}

TEST(fpindex_snapshot_writer, metadata_that_was_removed_is_nowhere) {
  changes_encoder first, second, third;
  first.set_metadata("kept", "1");
  first.set_metadata("removed", "1");
  first.set_metadata("back", "1");
  second.remove_metadata("removed");
  second.remove_metadata("back");
  second.set_metadata("kept", std::string(70'000, 'x'));
  third.set_metadata("back", "");
  const auto plain = plain_export(snapshot::from_segments({test::make_segment(test::make_commit(1, first)),
                                                           test::make_segment(test::make_commit(2, second)),
                                                           test::make_segment(test::make_commit(3, third))}));
  const std::map<std::string, std::string> expected = {{"kept", std::string(70'000, 'x')}, {"back", ""}};
  EXPECT_EQ(plain.metadata(), expected);
  EXPECT_EQ(plain.segments[0].metadata.count("removed"), 0u);
}

TEST(fpindex_snapshot_writer, chunks_hold_the_same_bytes_whatever_their_size) {
  test::random_data data(5);
  auto index = std::make_shared<const snapshot>();
  for (commit_id id = 1; id <= 3; id++) {
    index = index->with_added(test::make_segment(data.next_commit(id, 100, 300)));
  }
  const byte_vector stream = exported(index);
  EXPECT_GT(stream.size(), 20'000u);
  for (const size_t max_chunk : {size_t{512}, size_t{700}, size_t{4096}, size_t{1} << 20}) {
    snapshot_writer writer(index, "main", 7, max_chunk);
    EXPECT_EQ(read_to_end(writer, max_chunk), stream);
  }
}

/// One of our segments with what a plain one holds.
segment_ptr segment_of(const plain_segment& plain) {
  struct document {
    document_id id;
    commit_id commit;
    bool deleted;
  };
  segment_shape shape;
  shape.set_commits({plain.commit - 1, plain.commit, plain.commit + plain.merges});
  std::vector<posting> postings;
  for (const auto& [hash, id] : plain.items) {
    postings.push_back(make_posting(hash, id));
    shape.hash_mask |= hash;
  }
  std::vector<document> documents;
  for (const auto& [id, lives] : plain.documents) documents.push_back({id, plain.commit, !lives});
  for (const auto& [key, value] : plain.metadata) shape.metadata.push_back({key, value});
  return make_memory_segment(write_segment(shape, std::span<const posting>(postings), documents));
}

TEST(fpindex_snapshot_writer, packs_the_blocks_of_fpindex_as_fpindex_did) {
  std::ifstream file(test::source_file("tests/data/fpindex/main.snapshot"), std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  const auto original = read_plain_snapshot(std::as_bytes(std::span(bytes)));
  ASSERT_EQ(original.segments.size(), 8u);
  std::vector<segment_ptr> segments;
  for (const auto& s : original.segments) segments.push_back(segment_of(s));
  const auto again = plain_export(snapshot::from_segments(segments));
  EXPECT_EQ(again.version(), 176u);
  for (size_t i = 0; i < 8; i++) {
    const plain_segment &theirs = original.segments[i], &ours = again.segments[i];
    EXPECT_EQ(ours.commit, theirs.commit);
    EXPECT_EQ(ours.merges, theirs.merges);
    EXPECT_EQ(ours.version, theirs.version);
    EXPECT_EQ(ours.metadata, theirs.metadata);
    EXPECT_EQ(ours.documents, theirs.documents);
    EXPECT_EQ(ours.blocks, theirs.blocks);
    EXPECT_EQ(ours.checksum, theirs.checksum);
  }
}

TEST(fpindex_snapshot_writer, damage_that_comes_to_light_ends_the_stream) {
  const test::temporary_folder folder;
  auto& fs = posix_file_system();
  const path file = folder / "merged.seg";
  test::random_data data(2);
  auto memory = std::make_shared<const snapshot>();
  for (commit_id id = 1; id <= 3; id++) {
    memory = memory->with_added(test::make_segment(data.next_commit(id, 300, 60)));
  }
  const byte_vector whole = exported(memory->with_replaced(0, 3, merge_to_memory(*memory, 0, 3)));
  uint64_t num_bytes = segment_header_bytes + 1;
  for (uint64_t offset = 100; offset < num_bytes; offset += 307) {
    SCOPED_TRACE(offset);
    const auto index = memory->with_replaced(0, 3, merge_to_file(*memory, 0, 3, fs, file, load_mode::map));
    num_bytes = index->entries()[0].segment->bytes().size();
    snapshot_writer writer(index, "main", 7);
    // Before it is measured, and between that and the bytes.
    if (offset % 2 == 0) {
      while (writer.num_bytes() == 0) writer.next();
    }
    std::byte byte = index->entries()[0].segment->bytes()[offset];
    byte ^= std::byte{0x41};
    fs.open_for_writing(file)->write_at(offset, {&byte, 1});
    const error e = error_of([&] { read_to_end(writer); });
    EXPECT_EQ(e.code(), errc::corrupt_data);
    EXPECT_THAT(e.what(), testing::StartsWith("export of main: segment of commits 1 to 3: "));
    EXPECT_LT(writer.num_bytes(), whole.size() + block_bytes);
    EXPECT_EQ(error_of([&] { writer.next(); }).code(), errc::internal_error);
  }
}

TEST(fpindex_snapshot_writer, names_and_generations_are_checked) {
  const auto empty = std::make_shared<const snapshot>();
  EXPECT_EQ(error_of([&] { snapshot_writer(empty, "no/name", 1); }).code(), errc::invalid_index_name);
  EXPECT_EQ(error_of([&] { snapshot_writer(empty, "main", 0); }).code(), errc::generation_not_allowed);
}

}  // namespace
}  // namespace fp::fpindex
