#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/types.hpp"

namespace fp {

/// What one change does. The values are stored in oplogs: append, never renumber.
enum class change_kind : uint32_t { insert = 1, erase = 2, set_metadata = 3, remove_metadata = 4 };

/// One decoded change; it points into the encoded bytes that it was read from.
struct change_view {
  change_kind kind = change_kind::insert;
  document_id id = 0;                     ///< insert, erase
  std::span<const std::byte> hash_bytes;  ///< insert: little-endian u32s, unsorted, duplicates allowed
  std::string_view key, value;            ///< set_metadata; remove_metadata: the key

  size_t num_hashes() const noexcept { return hash_bytes.size() / sizeof(hash_value); }
  hash_value hash(size_t i) const noexcept {
    hash_value h;
    std::memcpy(&h, hash_bytes.data() + i * sizeof h, sizeof h);
    return h;
  }
};

/// The changes of one commit in their one encoded form: what a client sends is what the oplog stores and what
/// segments are built from.
///
/// A sequence of records, little-endian, each padded with zeros to a multiple of 4 bytes:
///
///     u32 kind   u32 id or key length   u32 number of hashes or value length
///     insert: the hashes as u32s    set_metadata: key bytes, value bytes    remove_metadata: key bytes
///     erase: nothing
class changes_encoder {
 public:
  void insert(document_id id, std::span<const hash_value> hashes);
  void erase(document_id id);
  void set_metadata(std::string_view key, std::string_view value);
  /// Removes a key, be it there or not.
  void remove_metadata(std::string_view key);

  size_t count() const noexcept { return count_; }
  const std::vector<uint8_t>& bytes() const noexcept { return bytes_; }
  std::vector<uint8_t> take() noexcept {
    count_ = 0;
    return std::exchange(bytes_, {});
  }

 private:
  void begin_record(change_kind kind, uint32_t a, uint32_t b);

  std::vector<uint8_t> bytes_;
  size_t count_ = 0;
};

/// Reads encoded changes one by one. Never reads outside the bytes; anything malformed throws `bad_request`
/// with the offset.
class changes_reader {
 public:
  explicit changes_reader(std::span<const uint8_t> bytes) noexcept : bytes_(bytes) {}
  /// Decodes the next change into `out`; false at the end.
  bool next(change_view& out);
  /// Where the next change begins.
  size_t offset() const noexcept { return at_; }

 private:
  std::span<const uint8_t> bytes_;
  size_t at_ = 0;
};

/// Bounds that `validate_changes` holds changes to.
struct changes_limits {
  size_t max_bytes = size_t{16} << 20;
  size_t max_hashes_per_document = 1u << 20;
  size_t max_metadata_bytes = 64u << 10;  ///< of one key plus its value
  bool allow_empty_fingerprints = false;  ///< a document without hashes exists, and no search finds it
};

/// What a commit contains, as counted by `validate_changes`.
struct changes_summary {
  size_t num_changes = 0, num_inserts = 0, num_hashes = 0;
};

/// Checks that changes may be committed. Throws `payload_too_large`, `invalid_document_id` (id 0),
/// `empty_fingerprint` (an insert without hashes, unless they are allowed) or `bad_request`; the message names the
/// document or the offset. No changes at all are valid: an empty commit.
changes_summary validate_changes(std::span<const uint8_t> bytes, const changes_limits& limits);

/// Encoded changes, shared between the actors that store and index them.
using changes_ptr = std::shared_ptr<const std::vector<uint8_t>>;

/// Changes with the number that orders them. It covers the range (previous, id]: what lies between a commit and the
/// one before it is nothing that is missing.
struct commit {
  commit_id previous = 0;  ///< id of the commit before it; 0 for the first one
  commit_id id = 0;
  changes_ptr changes;
};

/// Commits that become durable together, in their order.
using commit_batch = std::vector<commit>;
using commit_batch_ptr = std::shared_ptr<const commit_batch>;

/// A commit whose encoded changes lie in memory of somebody else.
struct commit_view {
  commit_id previous = 0, id = 0;
  std::span<const uint8_t> changes;
};

}  // namespace fp
