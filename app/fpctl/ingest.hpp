#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "app/client/client.hpp"
#include "app/fpctl/fingerprint_source.hpp"
#include "core/commit/changes.hpp"

namespace fp::ctl {

/// How far an ingest has got with its input. Stored as metadata of the index in the same commit as the documents
/// that it counts, so that it is true whatever happens: running the same ingest again continues there.
struct ingest_position {
  uint64_t lines = 0;        ///< of the input
  uint64_t digest = 0;       ///< of these lines, so that a changed input is noticed
  uint64_t documents = 0;    ///< in these lines
  uint64_t skipped = 0;      ///< bad lines among them
  document_id start_id = 0;  ///< as asked for; 0: none
  uint64_t next_id = 0;      ///< for the next fingerprint that has none

  std::string encode() const;
  static std::optional<ingest_position> parse(std::string_view text);

  friend bool operator==(const ingest_position&, const ingest_position&) = default;
};

struct ingest_options {
  std::string index;
  std::vector<std::string> files;
  /// Names the input in the index's metadata; empty: nothing is recorded and nothing can be continued.
  std::string source;
  size_t batch_documents = 1'000;
  size_t batch_bytes = size_t{4} << 20;
  size_t window = 4;          ///< batches on their way at one time
  document_id single_id = 0;  ///< for the only fingerprint without an id
  document_id start_id = 0;   ///< for the first fingerprint without an id
  bool restart = false;
  bool keep_going = false;
  uint32_t ready_wait_ms = 0;
};

/// The name of an input that consists of these files: their absolute paths, shortened by a checksum when they are
/// several. Empty when standard input is among them.
std::string source_name(const std::vector<std::string>& files);

/// Inserts fingerprints from files into an index, a batch of documents a commit.
///
/// Several batches are on their way at one time, and a later one may succeed where an earlier one failed. So the
/// position in a commit is never ahead of what had been acknowledged before it was sent; after all batches, and
/// after a bad line, it is brought up to date. What is inserted a second time for that reason is the same as
/// before.
class ingest {
 public:
  ingest(client& node, ingest_options options);

  /// `on_bad_line` is told every skipped line; `on_progress` is called after every batch.
  std::function<void(const std::string&)> on_bad_line = [](const std::string&) {};
  std::function<void(const ingest&)> on_progress = [](const ingest&) {};

  /// Runs to the end of the input. Throws the first error; `acknowledged` tells what is in the index then.
  void run();

  const fingerprint_source& source() const noexcept { return source_; }
  /// Where this run started, and how far the node has acknowledged.
  const ingest_position& started_at() const noexcept { return start_; }
  const ingest_position& acknowledged() const noexcept { return acknowledged_; }
  uint64_t hashes() const noexcept { return acknowledged_hashes_; }
  commit_id version() const noexcept { return version_; }

 private:
  struct batch {
    ingest_position after;
    uint64_t hashes = 0;
    std::optional<ingest_position> record;  ///< that it carries
  };

  void continue_where_it_stopped();
  void read_batches();
  document_id id_for(const text_fingerprint& f);
  void send(batch b, changes_encoder& changes);
  void receive_oldest();
  void receive_all();
  void record_position();
  std::string key() const { return "ingest:" + options_.source; }

  client& node_;
  ingest_options options_;
  fingerprint_source source_;
  update_pipeline pipeline_;
  std::deque<batch> sent_;
  ingest_position start_, read_, acknowledged_;
  std::optional<ingest_position> recorded_;  ///< by an acknowledged commit
  uint64_t newest_record_lines_ = 0;         ///< of all records that were sent
  uint64_t acknowledged_hashes_ = 0;
  commit_id version_ = 0;
  bool single_id_used_ = false;
  bool refused_ = false;  ///< a batch failed
};

}  // namespace fp::ctl
