#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "app/line/byte_budget.hpp"
#include "core/commit/changes.hpp"

namespace fp {

/// What a connection has buffered between `begin` and `commit`, in its encoded form.
class line_transaction {
 public:
  /// Holds at most `max_bytes`, and takes them from the budget that all transactions share.
  line_transaction(size_t max_bytes, std::shared_ptr<byte_budget> budget)
      : max_bytes_(max_bytes), budget_(std::move(budget)) {}
  ~line_transaction() { budget_->give_back(taken_); }
  line_transaction(const line_transaction&) = delete;
  line_transaction& operator=(const line_transaction&) = delete;

  /// Says why there is no room, and changes nothing then; empty when there is.
  std::string insert(document_id id, std::span<const hash_value> hashes);
  std::string set_attribute(std::string_view name, std::string_view value);
  /// The value that was set in this transaction, or null.
  const std::string* attribute(std::string_view name) const;

  bool is_empty() const { return !sealed_ && changes_.count() == 0; }
  /// All changes so far, for a commit. More may follow if that fails.
  changes_ptr changes();

 private:
  std::string reserve(size_t bytes, size_t extra);

  const size_t max_bytes_;
  std::shared_ptr<byte_budget> budget_;
  changes_encoder changes_;
  changes_ptr sealed_;  ///< what a failed commit tried; stands before `changes_`
  std::map<std::string, std::string, std::less<>> attributes_;
  size_t encoded_ = 0;
  uint64_t taken_ = 0;
};

}  // namespace fp
