#pragma once

#include <cstdint>
#include <vector>

#include "core/index/snapshot.hpp"
#include "tests/bench/core/block_layout.hpp"

namespace fp::bench {

/// Makes the documents of an index, and queries for them.
class document_source {
 public:
  virtual ~document_source() = default;
  /// The next document's hashes, valid until the next call.
  virtual const std::vector<hash_value>& next() = 0;
  /// A query of at most `count` hashes for the document that `next` returned last.
  virtual std::vector<hash_value> query(size_t count) = 0;
};

/// An index, the same postings in the reference's layout, and queries.
struct corpus {
  snapshot_ptr index;
  std::vector<block_layout> blocks;  ///< one a segment
  std::vector<std::vector<hash_value>> queries;
};

struct corpus_size {
  uint64_t postings = 0;
  size_t segments = 1;
  size_t queries = 1;
  size_t hashes_per_query = 100;
};

/// Draws documents until there are `size.postings` postings, in equal segments.
corpus make_corpus(document_source& documents, const corpus_size& size);

/// A query's hashes as the reference wants them: ascending, each once.
std::vector<hash_value> distinct(std::vector<hash_value> hashes);

/// Throws std::runtime_error when a query's answer is not the one that the reference's postings, counted and ranked
/// in the plainest way, give.
void check_answers(const corpus& c);

}  // namespace fp::bench
