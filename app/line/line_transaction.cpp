#include "app/line/line_transaction.hpp"

namespace fp {

namespace {

constexpr size_t record_bytes = 3 * sizeof(uint32_t) + 3;  // with padding, see changes_encoder
constexpr size_t map_entry_bytes = 128;                    // about

}  // namespace

std::string line_transaction::reserve(size_t bytes, size_t extra) {
  if (encoded_ + bytes > max_bytes_) {
    return "a transaction may hold " + std::to_string(max_bytes_) + " bytes";
  }
  if (!budget_->take(bytes + extra)) return "other transactions hold all bytes that they may together";
  encoded_ += bytes;
  taken_ += bytes + extra;
  return {};
}

std::string line_transaction::insert(document_id id, std::span<const hash_value> hashes) {
  std::string why = reserve(record_bytes + hashes.size_bytes(), 0);
  if (why.empty()) changes_.insert(id, hashes);
  return why;
}

std::string line_transaction::set_attribute(std::string_view name, std::string_view value) {
  const size_t bytes = name.size() + value.size();
  std::string why = reserve(record_bytes + bytes, map_entry_bytes + bytes);
  if (!why.empty()) return why;
  changes_.set_metadata(name, value);
  attributes_.insert_or_assign(std::string(name), std::string(value));
  return why;
}

const std::string* line_transaction::attribute(std::string_view name) const {
  const auto it = attributes_.find(name);
  return it == attributes_.end() ? nullptr : &it->second;
}

changes_ptr line_transaction::changes() {
  if (changes_.count() == 0 && sealed_) return sealed_;
  auto bytes = changes_.take();
  if (sealed_) bytes.insert(bytes.begin(), sealed_->begin(), sealed_->end());
  sealed_ = std::make_shared<const std::vector<uint8_t>>(std::move(bytes));
  return sealed_;
}

}  // namespace fp
