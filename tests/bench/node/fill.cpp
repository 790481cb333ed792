#include <fstream>
#include <random>

#include "tests/bench/node/feeding.hpp"
#include "tests/bench/node/parts.hpp"

namespace fp::bench {

namespace {

constexpr size_t hashes_per_query = 120;

/// Half of a query is a document's, the other half noise.
void write_query(std::ostream& out, const std::vector<hash_value>& document, std::mt19937& noise) {
  out << "{\"query\": [";
  for (size_t i = 0; i < hashes_per_query; i++) {
    const bool known = i < hashes_per_query / 2 && i < document.size();
    out << (i > 0 ? ", " : "") << (known ? document[i] : static_cast<hash_value>(noise()) & 0xfffffff0);
  }
  out << "]}\n";
}

}  // namespace

void fill(const fill_options& o) {
  node_client client(o.port);
  const uint64_t documents = o.items / o.hashes_per_document;
  update_source source(13, o.hashes_per_document);
  feed(client.node, source, documents);
  client.node.checkpoint(index_name);
  client.node.merge(index_name);
  if (o.queries.empty()) return;
  // The same documents again, of which every so many becomes a query.
  uniform_documents again(13, o.hashes_per_document);
  std::mt19937 noise(0);
  std::ofstream out(o.queries);
  const uint64_t every = std::max<uint64_t>(1, documents / o.num_queries);
  for (uint64_t i = 0; i < documents; i++) {
    const auto& document = again.next();
    if (i % every == 0) write_query(out, document, noise);
  }
  if (!out.flush()) throw std::runtime_error("cannot write " + o.queries.string());
}

}  // namespace fp::bench
