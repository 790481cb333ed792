#include "core/segment/bucket_directory.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <span>
#include <vector>

#include "tests/core/support/bit_instructions.hpp"

namespace fp {
namespace {

/// The same counts in both encodings.
struct counted_buckets {
  unsigned bits;
  std::vector<uint32_t> starts;
  std::vector<bucket_directory::sample> samples;
  std::vector<uint64_t> words;

  counted_buckets(unsigned bucket_bits, const std::vector<uint32_t>& counts) : bits(bucket_bits), starts{0} {
    for (const uint32_t c : counts) starts.push_back(starts.back() + c);
    words.resize(bucket_directory::count_bytes(bits, size()) / sizeof(uint64_t));
    using directory = bucket_directory;
    for (size_t b = 0; b < counts.size(); b++) {
      if (b % (size_t{1} << directory::group_bits) == 0) samples.emplace_back(uint64_t{starts[b]});
      for (uint64_t i = starts[b]; i < starts[b + 1]; i++)
        words[(i + b + 1) / 64] |= uint64_t{1} << (i + b + 1) % 64;
    }
    for (size_t part = 0; part < samples.size() * directory::parts_of_group; part++) {
      const size_t of_group = part % directory::parts_of_group;
      if (of_group == 0) continue;
      auto& sample = samples[part / directory::parts_of_group];
      const size_t bucket = std::min(part * directory::part_size, counts.size());
      sample.set_part(static_cast<uint32_t>(of_group), starts[bucket] - sample.start());
    }
    samples.emplace_back(uint64_t{starts.back()});
  }
  uint32_t size() const { return starts.back(); }
  bucket_directory with_counts() const {
    return bucket_directory::of_counts(bits, size(), std::as_bytes(std::span(samples)).data(),
                                       std::as_bytes(std::span(words)).data());
  }
  bucket_directory with_starts() const {
    return bucket_directory::of_starts(bits, size(), std::as_bytes(std::span(starts)).data());
  }
};

std::vector<uint32_t> random_counts(unsigned bits, std::mt19937_64& random) {
  std::vector<uint32_t> counts(size_t{1} << bits);
  const uint64_t kind = random() % 4;
  for (auto& c : counts) {
    c = static_cast<uint32_t>(random() % 3 * (random() % 3));
    if (kind == 1) c = random() % 50 == 0 ? 1 : 0;               // groups without any
    if (kind == 2 && random() % 100 == 0) c = random() % 1000;   // runs longer than a word
    if (kind == 3 && random() % 3 == 0) c = 55 + random() % 12;  // and around its length
  }
  return counts;
}

TEST(bucket_directory_test, a_bucket_is_counted_and_walked_from_any_position) {
  std::mt19937_64 random(9);
  for (int round = 0; round < 300; round++) {
    const auto bits = static_cast<unsigned>(random() % 9);
    const auto counts = random_counts(bits, random);
    const counted_buckets made(bits, counts);
    for (const auto& directory : {made.with_counts(), made.with_starts()}) {
      const auto bucket = static_cast<uint32_t>(random() % counts.size());
      const uint64_t position = made.starts[bucket] + random() % (counts[bucket] + 1);
      const uint64_t left = made.starts[bucket + 1] - position;
      for (const uint64_t limit : {uint64_t{0}, uint64_t{1}, uint64_t{64}, left, uint64_t{1} << 40}) {
        EXPECT_EQ(directory.count_from(bucket, position, limit), std::min(left, limit));
      }
      bucket_walk walk(directory, bucket, position);
      for (uint64_t i = position; i < made.size(); i++) {
        const auto behind = std::upper_bound(made.starts.begin(), made.starts.end(), i);
        ASSERT_EQ(walk.position(), i);
        ASSERT_EQ(walk.next(), static_cast<uint32_t>(behind - made.starts.begin()) - 1);
      }
    }
  }
}

void expect_same_in_pieces(const counted_buckets& made, const bucket_directory& directory, uint32_t first,
                           std::mt19937_64& random) {
  bucket_walk one_by_one(directory, first), in_pieces(directory, first);
  while (in_pieces.position() < made.size()) {
    const uint64_t begin = in_pieces.position(), count = random() % (made.size() - begin + 1);
    uint64_t calls = 0;
    in_pieces.for_each_counted(count, [&](uint64_t bucket) {
      ASSERT_EQ(bucket, one_by_one.next());
      calls++;
    });
    ASSERT_EQ(calls, count);
    ASSERT_EQ(in_pieces.position(), begin + count);
    ASSERT_EQ(in_pieces.address(), one_by_one.address());
  }
}

TEST(bucket_directory_test, ranges_and_walks_are_those_of_the_counts) {
  test::with_and_without_bit_instructions([] {
    std::mt19937_64 random(7);
    for (int round = 0; round < 300; round++) {
      const auto bits = static_cast<unsigned>(random() % 11);
      const auto counts = random_counts(bits, random);
      const counted_buckets made(bits, counts);
      ASSERT_EQ(made.samples.size(), bucket_directory::num_samples(bits));
      for (const auto& directory : {made.with_counts(), made.with_starts()}) {
        SCOPED_TRACE(directory.has_counts() ? "counts" : "starts");
        for (uint32_t b = 0; b < counts.size(); b++) {
          ASSERT_EQ(directory.range(b), std::pair(made.starts[b], made.starts[b + 1])) << "bucket " << b;
          directory.fetch(b);
          ASSERT_EQ(directory.range(b, directory.locate(b)), directory.range(b)) << "bucket " << b;
        }
        const auto from = static_cast<uint32_t>(random() % counts.size());
        for (const uint32_t first : {uint32_t{0}, from}) {
          bucket_walk walk(directory, first);
          ASSERT_EQ(walk.position(), made.starts[first]);
          for (uint32_t b = first; b < counts.size(); b++) {
            for (uint32_t i = 0; i < counts[b]; i++) ASSERT_EQ(walk.next(), b);
          }
          ASSERT_EQ(walk.position(), made.size());
          if (directory.has_counts()) expect_same_in_pieces(made, directory, first, random);
        }
      }
    }
  });
}

TEST(bucket_directory_test, bytes_that_have_changed_lead_nowhere_else) {
  test::with_and_without_bit_instructions([] {
    std::mt19937_64 random(8);
    for (int round = 0; round < 3'000; round++) {
      const auto bits = static_cast<unsigned>(random() % 9);
      counted_buckets made(bits, random_counts(bits, random));
      for (uint64_t i = 1 + random() % 3; i > 0; i--) {
        const uint64_t value = random() % 3 == 0 ? 0 : random() % 2 == 0 ? ~uint64_t{0} : random();
        if (random() % 2 == 0) {
          made.samples[random() % made.samples.size()] = bucket_directory::sample(value);
        } else {
          made.words[random() % made.words.size()] = value;
        }
      }
      const auto directory = made.with_counts();
      for (uint32_t b = 0; b < directory.num_buckets(); b++) {
        const auto [first, last] = directory.range(b, directory.locate(b));
        ASSERT_LE(first, last);
        ASSERT_LE(last, made.size());
      }
      bucket_walk walk(directory, static_cast<uint32_t>(random() % directory.num_buckets()));
      bucket_walk in_pieces = walk;
      while (walk.position() < made.size()) ASSERT_LT(walk.next(), directory.num_buckets());
      uint64_t calls = 0;
      const uint64_t left = made.size() - in_pieces.position();
      in_pieces.for_each_counted(left, [&](uint64_t) { calls++; });
      ASSERT_EQ(calls, left);
      ASSERT_EQ(in_pieces.address(), walk.address());
      ASSERT_LE(walk.address(), std::as_bytes(std::span(made.words)).data() + made.words.size() * sizeof(uint64_t));
    }
  });
}

}  // namespace
}  // namespace fp
