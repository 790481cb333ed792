#pragma once

#include "core/index/snapshot.hpp"
#include "messages/requests.hpp"

namespace fp {

/// What an index says of itself at one commit.
inline index_info info_of(const snapshot& index) {
  const auto stats = index.stats();
  index_info out;
  out.version = index.version();
  out.file_version = index.file_version();
  out.min_document = stats.min_document;
  out.max_document = stats.max_document;
  out.num_documents = stats.num_documents;
  out.num_postings = stats.num_postings;
  out.num_bytes = stats.num_bytes;
  out.num_segments = static_cast<uint32_t>(stats.num_segments);
  out.num_memory_segments = static_cast<uint32_t>(stats.num_memory_segments);
  out.metadata.reserve(index.metadata().size());
  for (const auto& [key, value] : index.metadata()) out.metadata.emplace_back(key, value);
  return out;
}

}  // namespace fp
