#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "core/base/cancel.hpp"
#include "core/base/doc_set.hpp"
#include "core/base/types.hpp"
#include "core/commit/changes.hpp"
#include "core/commit/commit_range.hpp"
#include "core/fs/file_system.hpp"
#include "core/segment/load_mode.hpp"
#include "core/segment/metadata_list.hpp"
#include "core/segment/segment_info.hpp"

namespace fp {

class document_table;
class posting_table;

/// Where a segment's bytes are.
enum class segment_storage { memory, mapped_file, read_file };

/// What a segment says about one document.
struct document_state {
  commit_id commit = 0;  ///< the commit that wrote or deleted it
  bool deleted = false;
};

/// An immutable run of commits: their postings, the documents they speak for, and their metadata, in the
/// layout of `segment_format.hpp`. The same bytes are searched wherever they lie. Safe for use from many
/// threads at once.
///
/// Bytes of a mapped file can turn into others at any time: zeros where a page cannot be read any more, anything
/// where somebody writes to the file. Whoever reads them stays within them whatever they say, and asks
/// `require_readable` before what was made of them goes anywhere.
class segment {
 public:
  virtual ~segment() = default;

  virtual const segment_info& info() const noexcept = 0;
  /// What errors call it: the file's path, or "segment in memory".
  virtual const std::string& name() const noexcept = 0;
  virtual segment_storage storage() const noexcept = 0;
  bool is_memory() const noexcept { return storage() == segment_storage::memory; }
  /// Whether memory may have no room for it: who knows which of its pages are needed asks for all of them first.
  virtual bool is_on_disk() const noexcept = 0;
  /// The whole segment as a segment file holds it, wherever it lies; valid while the segment lives.
  virtual std::span<const std::byte> bytes() const noexcept = 0;

  /// The postings, for searching and merging.
  virtual const posting_table& postings() const noexcept = 0;
  /// The hash mask of `segment_format.hpp`: no hash in here has a bit outside it.
  virtual hash_value hash_mask() const noexcept = 0;
  /// Documents with their states, for merging.
  virtual const document_table& document_states() const noexcept = 0;
  /// All documents that this segment speaks for, and which of those it deletes.
  virtual const doc_set& documents() const noexcept = 0;
  virtual const doc_set& tombstones() const noexcept = 0;
  /// Throws as `require_readable` does.
  virtual std::optional<document_state> find(document_id id) const = 0;
  /// Metadata entries that this segment's commits set or removed, where they lie.
  virtual const metadata_list& metadata() const noexcept = 0;

  /// Throws `io_error` with file and offset when a page of the segment could not be read since it was loaded. Costs
  /// next to nothing.
  virtual void require_readable() const = 0;
  /// Has these bytes of it come from the disk soon, where that is where they are: for who reads in order.
  virtual void will_read(std::span<const std::byte> bytes) const noexcept = 0;
  /// Checks all checksums again. Throws `corrupt_data` with file, section and offset, and as `require_readable`.
  virtual void verify(const cancel_flag* cancel = nullptr) const = 0;
  /// Whether every byte has been checked, when it was opened (see `open_options::leave_postings`) or since,
  /// whatever came of it.
  bool is_checked() const noexcept { return is_checked_.load(std::memory_order_relaxed); }
  void set_checked() const noexcept { is_checked_.store(true, std::memory_order_relaxed); }
  /// The file that it lies in; nothing where it lies in none.
  virtual file_identity file() const noexcept { return {}; }

 protected:
  explicit segment(bool is_checked = true) noexcept : is_checked_(is_checked) {}

 private:
  mutable std::atomic<bool> is_checked_;
};

using segment_ptr = std::shared_ptr<const segment>;

struct open_options {
  load_mode mode = load_mode::map;
  const cancel_flag* cancel = nullptr;
  /// Called between slices with the bytes verified since the last call.
  std::function<void(uint64_t bytes)> on_progress;
  /// Of a mapped file: neither the postings nor their counts are verified, which are nearly all of it and would
  /// have to be read for that. Whatever they are, nobody leaves them.
  bool leave_postings = false;
};

/// Opens a segment file and verifies every byte of it, unless told otherwise. `expected`, when given, is what the
/// manifest says of the file. Throws `corrupt_data` (file, section, offset, reason), `unsupported_format`,
/// `io_error` or `cancelled`. The file is closed on return; the name may be removed while the segment lives.
segment_ptr open_segment(file_system& fs, const path& file, const segment_info* expected,
                         const open_options& options = {});

/// Which parts of its commits a segment is built from, where it does not hold all of them (see `commit_range`).
struct commit_parts {
  uint32_t first_part = 0, last_part = 0;
};

/// Builds a segment in memory from commits (at least one), each the `previous` of the next. Of several changes to
/// one document the last counts; a document's hashes become a set.
segment_ptr build_memory_segment(std::span<const commit> commits, commit_parts parts = {});

}  // namespace fp
