#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/fs/file_system.hpp"
#include "core/slices/slice.hpp"

namespace fp {

/// Whether a string may name an index: 1 to 255 of [A-Za-z0-9_-].
bool is_valid_index_name(std::string_view name) noexcept;
/// Throws `invalid_index_name`, quoting the name with control characters escaped.
void require_valid_index_name(std::string_view name);

/// Which generation of an index is live. A deleted index keeps its record, so that its generations stay used.
struct index_record {
  std::string name;
  uint64_t generation = 0;
  bool deleted = false;
  /// Of a replica: the generation of the lineage that it follows, which is what clients know; 0: the index is its
  /// own.
  uint64_t lineage = 0;
  bool filled = true;  ///< it has had all that the changelog held once, and may be searched since
  slice part = {};     ///< of a replica: what it holds of the lineage

  uint64_t shown_generation() const noexcept { return lineage != 0 ? lineage : generation; }

  friend bool operator==(const index_record&, const index_record&) = default;
};

/// Folders of one generation of an index.
struct index_folders {
  path data;   ///< manifest and segment files
  path oplog;  ///< log files
};

/// Where a generation of an index lies below the root of a data folder.
index_folders folders_of(const path& root, const index_record& record);

/// The generation whose folder has this name; nothing for another name.
std::optional<uint64_t> parse_generation_name(std::string_view name);

/// The record of an index; nothing when there is none, and for a folder that an interrupted create left. Throws
/// `corrupt_data` for a damaged one, and for a missing one when the index has data. Changes nothing.
std::optional<index_record> read_index_record(file_system& fs, const path& root, const std::string& name);

/// The file that the record of an index is read from, be it there or not.
path record_file_of(file_system& fs, const path& folder);

/// Whether requests about the whole node have that name: an index of it could be made, and not be looked at.
bool is_reserved_index_name(std::string_view name) noexcept;

/// What a `create` asks for.
struct create_request {
  bool expect_does_not_exist = false;
  std::optional<uint64_t> generation;
  uint64_t lineage = 0;  ///< of a replica; an existing index must be one of the same lineage
  slice part = {};       ///< that a new replica holds of it
};

/// What a `stage` asks for.
struct stage_request {
  std::optional<uint64_t> generation;  ///< instead of the next one
  /// The index may exist: publishing replaces it. A generation that the name has had becomes the next one.
  bool replace = false;
  uint64_t lineage = 0;   ///< of a replica
  uint64_t replaced = 0;  ///< lineage of the replica whose place it takes
  slice part = {};        ///< that the replica holds of its lineage
};

/// The folder of a node: `.lock` (no index can have that name), and for each index `<name>/current` (a one-line
/// JSON object with `format_version`, `generation`, `deleted` and `checksum`, and in version 2, which replicas
/// have, `lineage` and `filled`, and in version 3, which replicas of slices have, `slice` too; replaced atomically;
/// named `current.deleted` it tells of a deleted index, whatever it says) and
/// `<name>/v<generation>/` with `data/` and `oplog/`. An index that is made from existing data is staged in
/// `.create.tmp/<number>/` and gets its place when it is complete. Holding an object means holding the lock. Not
/// thread-safe.
class data_folder {
 public:
  static constexpr std::string_view lock_name = ".lock";
  /// Where a node keeps the changelog that it orders itself (`local_changelog`). No index's.
  static constexpr std::string_view changelog_name = ".changelog";
  /// Where an index lies, in a folder of its name, while a feed sends all of it. `scan` removes what is left there.
  static constexpr std::string_view spool_name = ".bootstrap.tmp";
  static constexpr std::string_view current_name = "current";
  static constexpr std::string_view erased_name = "current.deleted";
  /// Version of a replica's `current`.
  static constexpr uint64_t replica_record_version = 2;
  /// Of one that holds a slice.
  static constexpr uint64_t slice_record_version = 3;

  /// Creates the folder if absent and takes its lock. Throws `data_folder_locked`, or `io_error` when the folder
  /// is no folder or cannot be read and written.
  data_folder(file_system& fs, path root);

  const path& root() const noexcept { return root_; }

  /// Reads the record of every index. A folder entry that is not an index is `unexpected`; an index whose
  /// `current` is damaged, or is missing although the index has data, is in `damaged` with the reason, so that the
  /// others can be served. What an interrupted create left is removed.
  struct scan_result {
    struct damage {
      std::string name, reason;
    };
    std::vector<index_record> indexes;
    std::vector<damage> damaged;
    std::vector<std::string> unexpected;
  };
  scan_result scan();

  /// Creates an index or finds the existing one (`created` false), per the HTTP contract: a fresh index has
  /// generation 1, a re-created one the next. A created index has an empty manifest. Throws `index_already_exists`
  /// (also for one of another lineage),
  /// `older_index_already_exists`, `newer_index_already_exists`, `generation_not_allowed` or `invalid_index_name`,
  /// for reserved names too.
  struct create_result {
    index_record record;
    bool created = false;
  };
  create_result create(const std::string& name, const create_request& request);

  /// The next generation of an index that does not exist, made where nobody sees it. Its folders are empty at first
  /// and the caller's to fill; other threads may do that. Meanwhile no index of that name can be created
  /// (`index_not_ready`) or staged once more.
  struct staged_index {
    uint64_t number = 0;  ///< no other one of this data folder object has it
    index_record record;
    index_folders folders;
    uint64_t replaced = 0;  ///< of a replica: the lineage that must be live when it is published
  };
  /// Throws `index_already_exists`, `older_index_already_exists` (the generation is used already),
  /// `generation_not_allowed` (no next one, or an impossible one), `invalid_index_name` or `io_error`.
  staged_index stage(const std::string& name, const stage_request& request = {});
  /// Makes the index appear, durably: a crash or an error leaves either none or the whole index (the latter only
  /// when undoing fails, too). What fills the folders must be durable. Throws `cancelled` when the index is not
  /// staged any more, or the lineage has gone whose place a replica takes; after any error it is still to be
  /// discarded. An index that is replaced is there as before until the new one is; the files of its generation stay
  /// until `remove_generation`.
  void publish(const staged_index& staged);
  /// Removes a staged index; one that is not there is not an error. What cannot be removed is left to the next
  /// `scan`.
  void discard(uint64_t number) noexcept;

  /// Reads the record of one index, as `scan` does. Throws `index_not_found` when there is none, or a deleted one.
  index_record find(const std::string& name);

  /// Notes, durably, that a replica may be searched from now on. Throws `index_not_found` when the generation is
  /// not the live one.
  void mark_filled(const index_record& record);

  /// Marks an index deleted, durably, and returns what it was; none when there is no such index. Needs no room on
  /// the disk. Files stay until `remove_generation`. When it throws, the index is there as before, except for an
  /// `in_doubt_error`: then the next start may find it deleted, and nothing more may be written to it.
  std::optional<index_record> erase(const std::string& name);
  /// Removes the files of one generation; `internal_error` when it is live.
  void remove_generation(const std::string& name, uint64_t generation);
  /// Removes what interrupted creates and deletes left: every generation of an index but the live one, and
  /// temporary files.
  void sweep(const index_record& record);

  index_folders folders(const index_record& record) const { return folders_of(root_, record); }

 private:
  std::optional<index_record> read_record(const std::string& name) { return read_index_record(fs_, root_, name); }
  /// `folder` is the index's.
  void write_record(const path& folder, const index_record& record);
  /// The generation after that of `existing`. Throws when there is none, or when what is in the place of a new
  /// index may not be removed.
  index_record next_record(const std::string& name, const std::optional<index_record>& existing);
  bool is_staged(const std::string& name) const;
  void erase_without_room(const path& folder);
  void sweep_entries(const path& folder, const index_record& record);
  path staging_folder(uint64_t number) const;
  /// Forgets a staged index and removes what is left of its folder.
  void end_staging(uint64_t number) noexcept;
  /// Forgets a staged index and leaves its folder to the next `scan`: a crash may make it the index.
  void keep_staging(uint64_t number) noexcept;
  /// When it throws, `may_remove` tells whether `staging` is for certain not the index that a crash would leave.
  void publish_index(const path& staging, const index_record& record, bool& may_remove);
  void publish_generation(const path& staging, const index_record& record, const index_record& before);

  file_system& fs_;
  path root_;
  std::unique_ptr<file_lock> lock_;
  std::map<uint64_t, std::string> staged_;  ///< names by number
  uint64_t num_staged_ = 0;                 ///< so far
  bool keeps_staging_ = false;              ///< some folder of a staged index must not be removed
};

}  // namespace fp
