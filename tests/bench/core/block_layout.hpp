#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/types.hpp"
#include "core/merge/posting_source.hpp"

namespace fp::bench {

/// The reference for searches: the layout of the first fpindex server. 512-byte blocks of StreamVByte-coded hashes
/// and ids under an index of each block's largest hash, which is binary-searched; whole blocks are decoded.
/// (Lemire, Kurz, Rupp: Stream VByte, 2018.) Decodes with SSSE3 where the machine has it, and is built for the
/// machine that measures. Looks up only, ranks nothing.
class block_layout {
 public:
  /// From postings in ascending order, about `count` of them.
  block_layout(key_source& postings, uint64_t count);

  /// Appends the ids of the postings of the query's hashes, which ascend: of each hash those in the first
  /// `max_scanned_blocks` blocks that hold it, four in that server.
  void search(const std::vector<hash_value>& query, std::vector<document_id>& hits,
              size_t max_scanned_blocks = 4) const;

  uint64_t bytes() const { return blocks_.size() + max_hash_.size() * sizeof(hash_value); }

 private:
  /// Makes a block of as many of the postings as fit, and returns how many.
  size_t add_block(std::span<const posting> postings);

  std::vector<uint8_t> blocks_;
  std::vector<hash_value> max_hash_;
};

}  // namespace fp::bench
