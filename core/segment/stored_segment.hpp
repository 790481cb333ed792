#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/base/aligned_memory.hpp"
#include "core/segment/document_table.hpp"
#include "core/segment/posting_table.hpp"
#include "core/segment/segment.hpp"
#include "core/segment/segment_format.hpp"

namespace fp {

/// Throws `io_error` when a page of a mapped file, which messages call `name`, could not be read.
void require_readable(const mapped_file& file, const std::string& name);

/// How a mapped file is used, and which one it is.
struct mapping_use {
  bool on_disk = false;  ///< see `segment::is_on_disk`
  bool verified = true;  ///< whether the checksums of all sections have been checked
  file_identity file;
};

/// The one implementation of `segment`: a view of bytes in the segment format. Built beside the bytes are only the
/// two document sets (0.1 to 2 bytes a document), a copy of a mapped file's metadata and, where it is expected to
/// lie on the disk, one of the samples of its counts, which every look-up begins with (8 bytes for 128
/// buckets).
class stored_segment final : public segment {
 public:
  /// `header` was decoded from `bytes`, which `owner` keeps; `name` starts error messages. The sections' checksums
  /// are the caller's business; their structure is checked here, so that no later access can leave the bytes.
  /// Throws `corrupt_data` or `cancelled`.
  stored_segment(std::string name, segment_storage storage, std::span<const std::byte> bytes,
                 std::shared_ptr<const void> owner, const segment_header& header,
                 const cancel_flag* cancel = nullptr)
      : stored_segment(std::move(name), storage, bytes, std::move(owner), header, mapping_use{}, cancel) {}
  /// Of a mapped file. Throws `io_error`, too, when a page of it cannot be read.
  stored_segment(std::string name, std::shared_ptr<const mapped_file> file, const segment_header& header,
                 const mapping_use& use, const cancel_flag* cancel = nullptr);

  const segment_info& info() const noexcept override { return info_; }
  const std::string& name() const noexcept override { return name_; }
  segment_storage storage() const noexcept override { return storage_; }
  bool is_on_disk() const noexcept override { return use_.on_disk; }
  file_identity file() const noexcept override { return use_.file; }
  std::span<const std::byte> bytes() const noexcept override { return bytes_; }
  const posting_table& postings() const noexcept override { return postings_; }
  hash_value hash_mask() const noexcept override { return header_.hash_mask; }
  const document_table& document_states() const noexcept override { return document_states_; }
  const doc_set& documents() const noexcept override { return documents_; }
  const doc_set& tombstones() const noexcept override { return tombstones_; }
  std::optional<document_state> find(document_id id) const override;
  const metadata_list& metadata() const noexcept override { return metadata_; }
  void require_readable() const override;
  void will_read(std::span<const std::byte> bytes) const noexcept override;
  void verify(const cancel_flag* cancel) const override;

 private:
  stored_segment(std::string name, segment_storage storage, std::span<const std::byte> bytes,
                 std::shared_ptr<const void> owner, const segment_header& header, const mapping_use& use,
                 const cancel_flag* cancel);

  const std::byte* section_data(section_kind kind) const noexcept {
    return bytes_.data() + header_.section(kind).offset;
  }
  std::vector<std::byte> copy_of_samples() const;
  bucket_directory directory() const noexcept;
  void check_starts(const cancel_flag* cancel) const;
  void check_counts(const cancel_flag* cancel) const;
  void read_documents(const cancel_flag* cancel);
  void read_metadata();

  std::string name_;
  segment_storage storage_;
  std::span<const std::byte> bytes_;
  std::shared_ptr<const void> owner_;
  const mapped_file* mapping_ = nullptr;  ///< the owner, if it is one
  segment_header header_;
  mapping_use use_;
  segment_info info_;
  std::vector<std::byte> samples_;  ///< a copy; empty where they are read where they lie
  posting_table postings_;
  document_table document_states_;
  doc_set documents_, tombstones_;
  std::vector<std::byte> metadata_bytes_;  ///< a copy, of a mapped file
  metadata_list metadata_;
};

/// `open_segment` for a file that errors shall call `name`.
segment_ptr open_segment_as(const std::string& name, file_system& fs, const path& file,
                            const segment_info* expected, const open_options& options);

/// Takes over bytes that a `segment_writer` has just completed.
segment_ptr make_memory_segment(aligned_memory bytes);

/// Checks one section's checksum, asking `slice(offset, length)` for the bytes of one slice after the other; the
/// spans that it returns are part of the segment. Throws `corrupt_data`.
void verify_section(const std::string& name, section_kind kind, const section_location& location,
                    const std::function<std::span<const std::byte>(uint64_t offset, uint64_t length)>& slice);

/// Throws `corrupt_data` when a section's computed checksum is not the stored one.
void require_section_checksum(const std::string& name, section_kind kind, const section_location& location,
                              uint64_t computed);

/// Throws `cancelled` when the flag is up.
void throw_if_cancelled(const cancel_flag* cancel, const std::string& name);

}  // namespace fp
