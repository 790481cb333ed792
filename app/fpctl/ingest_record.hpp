#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/types.hpp"

namespace fp::ctl {

/// How far an ingest has got with its input.
struct ingest_position {
  uint64_t lines = 0;           ///< of the input
  uint64_t digest = 0;          ///< of these lines, so that a changed input is noticed
  uint64_t documents = 0;       ///< in these lines
  uint64_t skipped = 0;         ///< bad lines among them
  uint64_t next_id = 0;         ///< for the next fingerprint that has none; 0: not asked for
  bool single_id_used = false;  ///< the id for the one fingerprint that has none is given away

  friend bool operator==(const ingest_position&, const ingest_position&) = default;
};

/// What is known of an unfinished ingest: how far it has got, and what shows that the index still holds that.
struct ingest_record {
  ingest_position position;
  uint64_t generation = 0;  ///< of the index
  /// Some documents, the newest one last, with the commits that wrote them: as long as these are their newest
  /// versions, the index is the one of the record, and what was ingested is in it.
  std::vector<std::pair<document_id, commit_id>> witnesses;

  friend bool operator==(const ingest_record&, const ingest_record&) = default;
};

/// Where one ingest keeps its record: a file of the user who ingests. The index holds nothing of it, and its
/// clients see nothing of it. A finished ingest removes its record; those of unfinished ones are `max_records` at
/// most.
///
/// Losing a record costs time alone: the ingest begins anew, and inserts the same again.
class ingest_record_file {
 public:
  static constexpr size_t max_records = 64;

  /// `identity` holds everything that decides what the ingest does with its input; a record of another identity is
  /// another one. Without a folder nothing is kept.
  ingest_record_file(std::filesystem::path folder, std::string identity);

  /// Nothing when there is none, or none that is whole.
  std::optional<ingest_record> read() const;
  /// Replaces the record, and removes the oldest ones of others when they are too many. Throws `io_error`.
  void write(const ingest_record& record) const;
  void remove() const noexcept;

 private:
  void remove_oldest() const;

  std::filesystem::path folder_, file_;
  std::string identity_;
};

/// The folder for what fpctl remembers, by the XDG Base Directory Specification: $XDG_STATE_HOME/fpctl, else
/// ~/.local/state/fpctl; empty when the environment names neither.
std::filesystem::path state_folder();

/// Whether an entry of an index's metadata is the record of an ingest by an fpctl that kept them there.
bool is_record_in_metadata(std::string_view key, std::string_view value);

}  // namespace fp::ctl
