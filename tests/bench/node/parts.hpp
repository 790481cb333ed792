#pragma once

#include <filesystem>
#include <string>

#include "tests/bench/bench.hpp"

namespace fp::bench {

/// What the benchmarks of a whole node are told.
struct node_options {
  uint64_t documents = 500'000;  ///< to ingest
  uint64_t items = 10'000'000;   ///< in an index that is searched
  uint32_t hashes_per_document = 100;
  uint32_t rounds = 5;
  uint32_t seconds = 5;          ///< of a phase of the parts that run for a time
  uint32_t connections = 2;      ///< over which HTTP is fed
  uint64_t write_rate = 10'000;  ///< documents a second beside the searches
  uint64_t music_rate = 200;     ///< documents of some thousand hashes a second, beside searches without pause
  uint64_t search_rate = 200;    ///< searches a second beside the writes
  std::filesystem::path folder;  ///< for data folders; empty ones are made below it
  std::filesystem::path node;    ///< the program fpnode
};

/// Searches through a node, against an actor that only echoes.
void run_path(const node_options& o, reporter& report);
/// Durable batches through remote actors and through HTTP, against sorting the same items.
void run_ingest(const node_options& o, reporter& report);
/// Many writers of single documents against one.
void run_writers(const node_options& o, reporter& report);
/// Reading the log again, against writing it.
void run_replay(const node_options& o, reporter& report);
/// Search latency while a node writes, checkpoints and merges, against a quiet node.
void run_upkeep(const node_options& o, reporter& report);
/// Searches of an index at rest and of one that is steadily written to, against the same after a merge on request.
void run_rest(const node_options& o, reporter& report);
/// Memory and descriptors that loading takes.
void run_memory(const node_options& o, reporter& report);

/// The reference of `run_path`: a process that publishes an actor which answers any bytes with `reply_bytes` bytes.
/// Runs until it is killed.
[[noreturn]] void serve_echo(size_t reply_bytes);

/// Fills the index "main" of a running node with uniform documents, and writes searches as JSON lines: half of a
/// query's 120 hashes are a document's.
struct fill_options {
  uint16_t port = 0;
  uint64_t items = 0;
  uint32_t hashes_per_document = 100;
  std::filesystem::path queries;
  uint32_t num_queries = 5'000;
};
void fill(const fill_options& o);

}  // namespace fp::bench
