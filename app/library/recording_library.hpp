#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/library/sqlite.hpp"
#include "core/base/types.hpp"

namespace fp {

/// How far a recording has got on its way into its index, or out of it.
enum class recording_state : uint8_t {
  pending = 1,  ///< its fingerprint was sent to the index, or not yet: to be sent, again
  stored,       ///< the index has acknowledged the fingerprint
  removing,     ///< to be deleted from the index, again, and then from the library
};

std::string_view to_string(recording_state s) noexcept;

/// What a library knows of a recording besides its fingerprint.
struct recording {
  document_id id = 0;
  std::string path;      ///< absolute, without "." and ".."; bytes as the file system has them
  uint64_t size = 0;     ///< of the file, in bytes
  int64_t mtime_ns = 0;  ///< when the file was changed, in nanoseconds since 1970
  std::string title, artist;
  double duration_s = 0;
  uint32_t algorithm = 2;      ///< of Chromaprint, by fpcalc's numbers: 1 to 5
  std::string form = "plain";  ///< what was done to the sound before it was fingerprinted: "plain", "phone"

  // Kept by the library.
  recording_state state = recording_state::pending;
  commit_id commit = 0;     ///< of the index, that stored the fingerprint; 0: none yet
  uint64_t num_hashes = 0;  ///< of the fingerprint
  uint64_t digest = 0;      ///< of the fingerprint: `recording_library::digest_of`

  friend bool operator==(const recording&, const recording&) = default;
};

/// The title for people: a recording without one goes by the name of its file.
std::string shown_title(const recording& r);

/// An index of a node, as a library knows it.
struct library_index {
  std::string name;
  uint64_t generation = 0;  ///< of the index when the library was written for it: another one is another index
  std::string node;         ///< "host:port", for people

  friend bool operator==(const library_index&, const library_index&) = default;
};

/// Which recordings of an index are wanted.
struct recording_filter {
  std::optional<recording_state> state;
  std::string below;  ///< a file, or a folder with all below it; empty: all
};

/// Recordings and their ordered fingerprints, by index and document id: names for the numbers that an index finds,
/// and what a verdict compares a query with. One file of SQLite, in WAL mode.
///
/// Several processes may read it while one writes; writers wait for each other. Every change is one transaction,
/// on the disk when the method returns. One thread at a time may use an object. Methods throw `fp::error` with the
/// file's name: as `sqlite_file`, `unsupported_format` for a file that is no library or of a newer program,
/// `index_not_found` and `document_not_found` where what is to be changed is not there.
class recording_library {
 public:
  using access = sqlite_file::access;

  /// Opens a library. With `create`, a missing file is made, with its folders.
  explicit recording_library(const std::filesystem::path& file, access wanted = access::create);

  /// Where a user's library is unless told otherwise, by the XDG Base Directory Specification:
  /// $XDG_DATA_HOME/fpnode/library.sqlite, else ~/.local/share/fpnode/library.sqlite; empty when the environment
  /// names neither.
  static std::filesystem::path default_path();
  /// XXH3-64 of the hashes as little-endian 32-bit numbers.
  static uint64_t digest_of(std::span<const hash_value> hashes) noexcept;

  const std::string& file() const noexcept { return file_.name(); }

  // -- Indexes
  std::optional<library_index> index(std::string_view name);
  /// The same; throws `index_not_found` when it is not known.
  library_index known_index(std::string_view name);
  std::vector<library_index> indexes();
  /// Makes an index known, or changes its generation and node.
  void set_index(const library_index& i);
  /// Forgets an index with all its recordings. False when it was not known.
  bool forget_index(std::string_view name);

  // -- Looking
  std::optional<recording> find(std::string_view index, document_id id);
  std::optional<recording> find_path(std::string_view index, std::string_view path);
  /// By path.
  std::vector<recording> list(std::string_view index, const recording_filter& wanted = {});
  uint64_t count(std::string_view index);
  /// The ordered fingerprint of a document. Throws `corrupt_data` when it is not what was written.
  std::optional<std::vector<hash_value>> fingerprint(std::string_view index, document_id id);
  /// The same; nothing when it is damaged, which `on_damage` is told.
  std::optional<std::vector<hash_value>> whole_fingerprint(
      std::string_view index, document_id id, const std::function<void(const std::string&)>& on_damage);

  // -- Changing. `r`'s last four members are not read: a new fingerprint is `pending`.
  /// Adds a recording and returns its id: the next one above all that the index had in this library, and above
  /// `above`. Throws `bad_request` when the path is there already or no id is left.
  document_id add(std::string_view index, const recording& r, std::span<const hash_value> hashes,
                  document_id above = 0);
  /// Gives the recording of `r.id` another fingerprint, and the facts of `r`.
  void replace(std::string_view index, const recording& r, std::span<const hash_value> hashes);
  /// Gives the recording of `r.id` the facts of `r`; fingerprint and state stay.
  void set_facts(std::string_view index, const recording& r);
  /// Gives a recording another id, as `add` would; it is pending then.
  document_id renumber(std::string_view index, document_id id, document_id above = 0);
  /// The index has acknowledged, by `commit`, the fingerprints of these ids with these digests. Those that have
  /// another one by now stay pending.
  void set_stored(std::string_view index, std::span<const std::pair<document_id, uint64_t>> sent, commit_id commit);
  /// All but those that are being removed, or these, are to be sent, as if they had never been: whether their ids
  /// are free in the index is unknown.
  void set_pending(std::string_view index);
  void set_pending(std::string_view index, std::span<const document_id> ids);
  void set_removing(std::string_view index, std::span<const document_id> ids);
  /// Forgets recordings; ids that are not there are passed over.
  void remove(std::string_view index, std::span<const document_id> ids);

 private:
  int64_t require_index(std::string_view name);
  document_id next_id(int64_t index_number, document_id above);
  void write_fingerprint(int64_t index_number, document_id id, std::span<const hash_value> hashes);
  void for_each_id(const char* sql, std::string_view index, std::span<const document_id> ids);

  sqlite_file file_;
};

}  // namespace fp
