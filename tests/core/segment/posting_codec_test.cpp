#include "core/segment/posting_codec.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "core/base/bit_packing.hpp"

namespace fp {
namespace {

TEST(PostingCodec, SplitsAndJoinsByAnyInstructions) {
  std::mt19937_64 random(4);
  for (int round = 0; round < 20'000; round++) {
    hash_split split;
    split.shift = static_cast<uint8_t>(random() % 32);
    split.tail_bits = static_cast<uint8_t>(random() % (std::min(32u - split.shift, hash_split::max_tail_bits) + 1));
    split.bucket_bits = static_cast<uint8_t>(std::min<uint64_t>(random() % 32, 32 - split.shift - split.tail_bits));
    const auto min_document = static_cast<document_id>(random() >> (32 + random() % 32));
    const uint64_t range = (random() >> (32 + random() % 32)) % (uint64_t{UINT32_MAX} - min_document + 1);
    const unsigned id_bits = bits_for(range);
    const posting_codec codec(split, id_bits, min_document);
    const auto hash = static_cast<hash_value>(random()) & split.mask();
    const auto id = min_document + static_cast<document_id>(random() % (range + 1));
    const posting p = make_posting(hash, id);
    const uint64_t entry = uint64_t{split.tail(hash)} << id_bits | (id - min_document);
    ASSERT_EQ(codec.bucket_of(p), split.bucket(hash));
    ASSERT_EQ(codec.entry_of(p), entry);
    const unsigned width = split.tail_bits + id_bits;
    const uint64_t with_next = entry | random() << width;
    ASSERT_EQ(codec.posting_of(split.bucket(hash), with_next), p);
    if (!uses_bit_instructions) continue;
    ASSERT_EQ(codec.entry_of<true>(p), entry);
    ASSERT_EQ(codec.posting_of<true>(split.bucket(hash), with_next), p);
  }
}

}  // namespace
}  // namespace fp
