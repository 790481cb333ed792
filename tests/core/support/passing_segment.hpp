#pragma once

#include <utility>

#include "core/segment/segment.hpp"

namespace fp::test {

/// A segment that passes everything on to another one: to be derived from, by what shall do something else.
class passing_segment : public segment {
 public:
  explicit passing_segment(segment_ptr real) : real_(std::move(real)) {}

  const segment_info& info() const noexcept override { return real_->info(); }
  const std::string& name() const noexcept override { return real_->name(); }
  segment_storage storage() const noexcept override { return real_->storage(); }
  bool is_on_disk() const noexcept override { return real_->is_on_disk(); }
  std::span<const std::byte> bytes() const noexcept override { return real_->bytes(); }
  const posting_table& postings() const noexcept override { return real_->postings(); }
  hash_value hash_mask() const noexcept override { return real_->hash_mask(); }
  const document_table& document_states() const noexcept override { return real_->document_states(); }
  const doc_set& documents() const noexcept override { return real_->documents(); }
  const doc_set& tombstones() const noexcept override { return real_->tombstones(); }
  std::optional<document_state> find(document_id id) const override { return real_->find(id); }
  const metadata_list& metadata() const noexcept override { return real_->metadata(); }
  void require_readable() const override { real_->require_readable(); }
  void verify(const cancel_flag* cancel) const override { real_->verify(cancel); }
  void will_read(std::span<const std::byte> bytes) const noexcept override { real_->will_read(bytes); }

 private:
  segment_ptr real_;
};

}  // namespace fp::test
