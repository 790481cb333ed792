#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "app/client/client.hpp"
#include "app/library/recording_library.hpp"
#include "core/commit/changes.hpp"
#include "core/identify/hash_form.hpp"

namespace fp::ctl {

/// How an index is related to what a library knows of it.
enum class index_identity : uint8_t {
  unknown,  ///< the library knows no such index
  same,
  emptied,  ///< what the library's recordings were stored in is gone; in its place is an index without documents
  other,    ///< another index has the name now, and documents
};
index_identity identify_index(const std::optional<library_index>& known, uint64_t num_known_documents,
                              uint64_t generation, uint64_t num_documents) noexcept;

/// Brings what a library knows into an index, so that a process that is killed at any moment leaves what the next
/// one goes on with: a recording is in the library, `pending`, before its fingerprint is sent, and `removing`
/// before its document is deleted. What was sent and not acknowledged is sent again. No document is written over
/// that the library has not put there: a recording whose id somebody else has taken gets another one.
///
/// Holder of a `library_lock` alone.
class library_session {
 public:
  static constexpr size_t max_batch = 64;  ///< recordings a commit

  /// `form`: in which fingerprints are made, plain or phone; by default the one of the library's.
  library_session(client& node, recording_library& library, std::string index, uint32_t ready_wait_ms,
                  std::optional<hash_form> form = std::nullopt);

  std::function<void(const std::string&)> on_note = [](const std::string&) {};

  /// Finds the index, or makes it, when it `may_create`; ends the removals that were begun; takes what is pending.
  /// Throws `bad_request` when the library was made for another index of that name, unless it may `adopt` that one:
  /// then all recordings are pending. So it does when fingerprints of that form cannot be made into what the index
  /// holds; one that holds nothing takes their form. Whenever it throws that, it has changed nothing.
  void open(bool may_create, bool adopt = false);
  bool created() const noexcept { return created_; }
  uint64_t generation() const noexcept { return generation_; }

  /// Whether there is something of a fingerprint that the index takes: of silence AcoustID's extract has nothing.
  bool takes(std::span<const hash_value> hashes) const { return !document_in_form(hashes, form_).empty(); }
  /// Says of a recording that there is not.
  std::string nothing_to_take(const std::string& path) const;

  // -- As `recording_library`
  document_id add(const recording& r, std::span<const hash_value> hashes);
  void replace(const recording& r, std::span<const hash_value> hashes);

  /// Recordings that the index has lost.
  void send_again(std::span<const document_id> ids);
  size_t num_pending() const noexcept { return pending_.size(); }
  /// Sends all that is pending, in batches. Recordings whose fingerprints are damaged, of another form or nothing
  /// that the index takes stay pending; `on_note` tells of each.
  void send_pending();
  /// Deletes recordings from the index, and then from the library.
  void remove(const std::vector<document_id>& ids);

  uint64_t num_sent() const noexcept { return num_sent_; }
  /// Whether the index holds exactly this fingerprint, in its form, as a document, or at least its hashes.
  bool holds(document_id id, const std::vector<hash_value>& hashes);

 private:
  void settle_form(const index_info& info, const std::vector<recording>& known);
  void send_batch(std::vector<document_id> ids);
  std::optional<std::vector<hash_value>> whole_fingerprint(document_id id);
  /// What the index takes of a recording; `on_note` is told why where that is nothing.
  std::optional<std::vector<hash_value>> document_of(const recording& r);
  void commit(changes_encoder changes);
  bool is_taken(document_id id);
  void erase(const std::vector<document_id>& ids);

  client& node_;
  recording_library& library_;
  std::string index_;
  uint32_t ready_wait_ms_;
  std::optional<hash_form> made_form_;
  hash_form form_ = hash_form::plain;  ///< of the index
  uint64_t generation_ = 0;
  bool created_ = false;
  document_id highest_ = 0;  ///< of the index, when it was opened
  std::vector<document_id> pending_;
  uint64_t num_sent_ = 0;
};

}  // namespace fp::ctl
