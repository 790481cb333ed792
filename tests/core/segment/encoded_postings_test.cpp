#include "core/segment/encoded_postings.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

#include "core/segment/segment_writer.hpp"
#include "tests/core/support/bit_instructions.hpp"
#include "tests/core/support/error_of.hpp"

namespace fp {
namespace {

struct document {
  document_id id;
  commit_id commit;
  bool deleted;
};

constexpr document_id first_document = 1000, last_document = 9000;

std::vector<posting> sorted_postings(std::mt19937_64& random, size_t count, const std::vector<hash_value>& hot,
                                     unsigned hash_bits) {
  std::vector<posting> postings;
  while (postings.size() < count) {
    const auto hash = hot.empty() || random() % 2 == 0 ? static_cast<hash_value>(random() >> (64 - hash_bits))
                                                       : hot[random() % hot.size()];
    postings.push_back(
        make_posting(hash, first_document + static_cast<document_id>(random() % (last_document - first_document))));
  }
  std::sort(postings.begin(), postings.end());
  postings.erase(std::unique(postings.begin(), postings.end()), postings.end());
  return postings;
}

segment_shape shape_of(std::span<const posting> postings) {
  segment_shape shape;
  shape.last_commit = shape.first_commit = 1;
  shape.num_postings = postings.size();
  shape.num_documents = 2;
  shape.min_document = first_document;
  shape.max_document = last_document;
  for (const posting p : postings) shape.hash_mask |= posting_hash(p);
  return shape;
}

/// The segment's bytes, of postings cut into pieces where `next_length` says.
template <class F>
std::vector<std::byte> written(std::span<const posting> postings, const F& next_length) {
  const segment_shape shape = shape_of(postings);
  memory_sink sink(plan_segment(shape).num_bytes());
  segment_writer writer(sink, shape);
  encoded_postings encoded;
  while (!postings.empty()) {
    const auto piece = postings.first(std::min(postings.size(), next_length()));
    encoded.encode(writer.header(), piece);
    EXPECT_EQ(encoded.size(), piece.size());
    writer.add_postings(encoded);
    postings = postings.subspan(piece.size());
  }
  writer.add_document(first_document, 1, false);
  writer.add_document(last_document, 1, false);
  writer.finish();
  const auto memory = sink.take();
  return {memory.bytes().begin(), memory.bytes().end()};
}

TEST(EncodedPostings, WhereTheyAreCutMakesNoDifference) {
  std::mt19937_64 random(1);
  for (const unsigned hash_bits : {3, 12, 20, 32}) {
    for (const bool has_hot : {false, true}) {
      // Evenly spread; half of them of two hashes, with many empty buckets between.
      const auto postings = sorted_postings(
          random, 30'000,
          has_hot ? std::vector<hash_value>{1, (hash_value{1} << (hash_bits - 1)) + 5} : std::vector<hash_value>{},
          hash_bits);
      const auto whole = written(postings, [&] { return postings.size(); });
      test::with_and_without_bit_instructions([&] {
        for (const size_t most : {2, 70, 5000}) {
          EXPECT_TRUE(written(postings, [&] { return random() % most; }) == whole) << hash_bits << ", " << most;
        }
      });
    }
  }
}

/// The stream of counts by its definition: which places have a one.
std::vector<uint64_t> places_of(const segment_header& header, std::span<const posting> postings) {
  const uint64_t first_bucket = header.split.bucket(posting_hash(postings.front()));
  std::vector<uint64_t> places;
  for (size_t i = 0; i < postings.size(); i++) {
    places.push_back(i + header.split.bucket(posting_hash(postings[i])) - first_bucket);
  }
  return places;
}

void expect_counts(const encoded_postings& encoded, const std::vector<uint64_t>& expected) {
  std::vector<uint64_t> places;
  uint64_t next = 0;
  for (const auto& [number, words] : encoded.counts()) {
    ASSERT_TRUE(places.empty() || number > next) << "two stretches could be one";
    for (size_t i = 0; i < words.size(); i++) {
      ASSERT_NE(words[i], 0u);
      for (unsigned bit = 0; bit < 64; bit++) {
        if ((words[i] >> bit & 1) != 0) places.push_back(64 * (number + i) + bit);
      }
    }
    next = number + words.size();
  }
  EXPECT_TRUE(places == expected);
}

/// Each part from the first posting's to the last one's begins where the next one that is named does.
void expect_parts(const encoded_postings& encoded, const segment_header& header,
                  std::span<const posting> postings) {
  const auto part_of = [&](posting p) {
    return header.split.bucket(posting_hash(p)) / bucket_directory::part_size;
  };
  const auto parts = encoded.parts();
  size_t named = 0, before = 0;
  for (uint64_t number = part_of(postings.front()); number <= part_of(postings.back()); number++) {
    while (named < parts.size() && parts[named].number < number) named++;
    ASSERT_LT(named, parts.size());
    while (part_of(postings[before]) < number) before++;
    ASSERT_EQ(parts[named].before, before) << number;
  }
}

TEST(EncodedPostings, AreThoseThatTheFormatAsksFor) {
  std::mt19937_64 random(2);
  encoded_postings encoded;
  for (const unsigned hash_bits : {3, 12, 20, 26}) {
    for (const size_t count : {1, 2, 5, 70, 1000, 30'000}) {
      const auto postings = sorted_postings(random, std::min(count, (size_t{1} << hash_bits) * 500), {}, hash_bits);
      // Of a segment that has so many, and of one in whose buckets few of them are.
      for (const uint64_t in_segment : {uint64_t{postings.size()}, uint64_t{1'000'000}}) {
        segment_shape shape = shape_of(postings);
        shape.num_postings = in_segment;
        const segment_header header = plan_segment(shape);
        test::with_and_without_bit_instructions([&] {
          SCOPED_TRACE(std::to_string(hash_bits) + " bits, " + std::to_string(count) + " of " +
                       std::to_string(in_segment));
          encoded.encode(header, postings);
          expect_counts(encoded, places_of(header, postings));
          expect_parts(encoded, header, postings);
        });
      }
    }
  }
}

TEST(EncodedPostings, WhatDoesNotFitTheHeaderIsRefused) {
  const std::vector<posting> good = {make_posting(0x10, 2000), make_posting(0x20, 3000)};
  const segment_header header = plan_segment(shape_of(good));
  const std::vector<std::vector<posting>> bad = {
      {good[1], good[0]},
      {good[0], good[0]},
      {make_posting(0x10, first_document - 1)},
      {good[0], make_posting(0x10, last_document + 1)},
      {make_posting(0x40, 2000)},
  };
  encoded_postings encoded;
  for (const auto& postings : bad) {
    EXPECT_EQ(test::error_of([&] { encoded.encode(header, postings); }).code(), errc::corrupt_data);
  }
  encoded.encode(header, good);
  memory_sink sink(header.num_bytes());
  segment_writer writer(sink, shape_of(good));
  writer.add_postings(encoded);
  EXPECT_EQ(test::error_of([&] { writer.add_postings(encoded); }).code(), errc::corrupt_data) << "too many";
  segment_writer other(sink, shape_of(good));
  encoded.encode(header, std::span(good).last(1));
  other.add_postings(encoded);
  encoded.encode(header, std::span(good).first(1));
  EXPECT_EQ(test::error_of([&] { other.add_postings(encoded); }).code(), errc::corrupt_data) << "not in order";
}

}  // namespace
}  // namespace fp
