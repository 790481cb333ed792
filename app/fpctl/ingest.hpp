#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "app/client/client.hpp"
#include "app/fpctl/fingerprint_source.hpp"
#include "app/fpctl/ingest_record.hpp"
#include "core/commit/changes.hpp"
#include "core/identify/hash_form.hpp"

namespace fp::ctl {

struct ingest_options {
  std::string index;
  std::vector<std::string> files;
  /// Names the input for continuing; empty: nothing is recorded and nothing can be continued.
  std::string source;
  std::filesystem::path state_folder;  ///< of records; empty: as without a source
  size_t batch_documents = 1'000;
  size_t batch_bytes = size_t{4} << 20;
  size_t window = 4;          ///< batches on their way at one time
  document_id single_id = 0;  ///< for the only fingerprint without an id
  document_id start_id = 0;   ///< for the first fingerprint without an id
  bool restart = false;
  bool keep_going = false;
  uint32_t ready_wait_ms = 0;
  std::chrono::milliseconds patience = input_descriptor::default_patience;  ///< with a silent input
};

/// The name of an input that consists of these files: their absolute paths, shortened by a checksum when they are
/// several. Empty when not all are plain files, which alone can be read anew.
std::string source_name(const std::vector<std::string>& files);

/// Inserts fingerprints from files into an index, a batch of documents a commit. An index of AcoustID's extracts
/// (`hash_form`) gets those of the fingerprints.
///
/// An ingest that did not finish left a record, and the same one continues there: same node, index, source and
/// options, the same lines up to there, and in the index what the record says. Otherwise, and once it has finished,
/// it starts at the input's beginning. Several batches are on their way at one time, and a later one may succeed
/// where an earlier one failed; the record counts what had been acknowledged before it was written. What is
/// inserted a second time for that reason is the same as before.
class ingest {
 public:
  ingest(client& node, ingest_options options);

  /// `on_bad_line` is told every skipped line; `on_progress` is called after every batch.
  std::function<void(const std::string&)> on_bad_line = [](const std::string&) {};
  std::function<void(const ingest&)> on_progress = [](const ingest&) {};
  /// Is told in a sentence what a person should know: why an ingest that did not finish is not continued, or will
  /// not be.
  std::function<void(const std::string&)> on_note = [](const std::string&) {};

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
    document_id last_document = 0;
  };

  std::string identity() const;
  void look_at_index();
  void remove_old_records(const index_info& info);
  void continue_where_it_stopped();
  /// Why a record does not fit the index; empty: it does.
  std::string mismatch(const ingest_record& record);
  void read_batches();
  document_id id_for(const text_fingerprint& f);
  void require_announced() const;
  void send(batch b, changes_encoder& changes);
  void receive_oldest();
  void receive_all();
  void add_witness(document_id id, commit_id written_by);
  void write_record() noexcept;

  using clock = std::chrono::steady_clock;

  client& node_;
  ingest_options options_;
  fingerprint_source source_;
  update_pipeline pipeline_;
  ingest_record_file record_file_;
  std::deque<batch> sent_;
  hash_form form_ = hash_form::plain;
  ingest_position start_, read_, acknowledged_;
  ingest_record record_;
  uint64_t batches_ = 0, witness_stride_ = 1;
  clock::time_point recorded_at_ = clock::now();
  uint64_t acknowledged_hashes_ = 0;
  commit_id version_ = 0;
  bool cannot_record_ = false;
};

}  // namespace fp::ctl
