#include "app/api/request_bodies.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "core/commit/changes.hpp"

namespace fp {

namespace {

constexpr uint32_t max_http_limit = 100, max_http_timeout_ms = 10'000;

/// Decodes a body with `Decoder`, whose `result()` is what it made of it.
template <class Decoder>
auto decode(std::string_view body, body_format format)
    -> std::optional<decltype(std::declval<Decoder>().result())> {
  Decoder decoder(format);
  if (!decode_body(body, format, decoder)) return std::nullopt;
  return decoder.result();
}

constexpr place_spec fields_place(std::span<const field_spec> fields) {
  place_spec p;
  p.fields = fields;
  return p;
}
constexpr place_spec list_place(uint8_t of) {
  place_spec p;
  p.child = of;
  return p;
}
constexpr place_spec hash_list_place() {
  place_spec p;
  p.is_hash_list = true;
  return p;
}
constexpr place_spec text_map_place() {
  place_spec p;
  p.is_text_map = true;
  return p;
}

// -- Searches

class search_decoder final : public body_decoder {
 public:
  explicit search_decoder(body_format format) : body_decoder(places, format) {}
  search_request result() {
    request_.query = hash_list(hashes_);
    request_.limit = std::clamp(request_.limit, 1u, max_http_limit);
    request_.timeout_ms = std::min(request_.timeout_ms, max_http_timeout_ms);
    return std::move(request_);
  }

 private:
  enum place : uint8_t { top, query };
  enum { f_query, f_limit, f_timeout, f_min_score, f_score_pct, f_probes };
  static constexpr std::array<field_spec, 6> fields{{{"query", value_kind::array, 0, query},
                                                     {"limit", value_kind::number, UINT32_MAX},
                                                     {"timeout", value_kind::number, UINT32_MAX},
                                                     {"min_score", value_kind::number, UINT32_MAX},
                                                     {"score_pct", value_kind::number, UINT32_MAX},
                                                     {"probes", value_kind::number, UINT32_MAX}}};
  static constexpr std::array<place_spec, 2> places{{fields_place(fields), hash_list_place()}};

  bool on_number(uint8_t, size_t field, uint64_t value) override {
    const auto n = static_cast<uint32_t>(value);
    switch (field) {
      case f_limit:
        request_.limit = n;
        return true;
      case f_timeout:
        request_.timeout_ms = n;
        return true;
      case f_min_score:
        request_.min_score = n;
        return true;
      case f_score_pct:
        request_.score_pct = n;
        return true;
      case f_probes:
        request_.probes = n;
        return true;
      default:
        return false;
    }
  }
  bool on_end(uint8_t where) override { return where != top || has(f_query); }

  search_request request_;
};

// -- Updates

class update_decoder final : public body_decoder {
 public:
  explicit update_decoder(body_format format) : body_decoder(places, format) {}
  http_update result() {
    for (const auto& [key, value] : metadata_) {
      if (value) {
        changes_.set_metadata(key, *value);
      } else {
        changes_.remove_metadata(key);
      }
    }
    update_.changes = changes_.take();
    return std::move(update_);
  }

 private:
  enum place : uint8_t { top, changes, change, insert, hashes, erase, set, entries, entry, metadata };
  enum { f_changes, f_metadata, f_expected_version };
  enum { f_insert, f_delete, f_set_metadata, f_set_attribute };
  enum { f_id, f_hashes };
  enum { f_entries, f_name, f_set_value };
  enum { f_key, f_value };

  static constexpr std::array<field_spec, 3> top_fields{{{"changes", value_kind::array, 0, changes},
                                                         {"metadata", value_kind::object, 0, metadata},
                                                         {"expected_version", value_kind::number}}};
  // The last two share their one-letter key and differ by their content.
  static constexpr std::array<field_spec, 4> change_fields{{{"insert", value_kind::object, 0, insert},
                                                            {"delete", value_kind::object, 0, erase},
                                                            {"set_metadata", value_kind::object, 0, set},
                                                            {"set_attribute", value_kind::object, 0, set}}};
  static constexpr std::array<field_spec, 2> insert_fields{
      {{"id", value_kind::number, UINT32_MAX}, {"hashes", value_kind::array, 0, hashes}}};
  static constexpr std::array<field_spec, 1> erase_fields{{{"id", value_kind::number, UINT32_MAX}}};
  static constexpr std::array<field_spec, 3> set_fields{
      {{"entries", value_kind::array, 0, entries}, {"name", value_kind::text}, {"value", value_kind::number}}};
  static constexpr std::array<field_spec, 2> entry_fields{{{"key", value_kind::text}, {"value", value_kind::text}}};
  static constexpr std::array<place_spec, 10> places{
      {fields_place(top_fields), list_place(change), fields_place(change_fields), fields_place(insert_fields),
       hash_list_place(), fields_place(erase_fields), fields_place(set_fields), list_place(entry),
       fields_place(entry_fields), text_map_place()}};

  bool on_number(uint8_t where, size_t, uint64_t value) override {
    switch (where) {
      case top:
        update_.expected_version = value;
        return true;
      case insert:
      case erase:
        id_ = static_cast<document_id>(value);
        return true;
      case set:
        number_ = value;
        return true;
      default:
        return false;
    }
  }
  bool on_text(uint8_t where, size_t field, std::string_view value) override {
    (where == entry && field == f_value ? value_ : key_) = value;
    return true;
  }
  bool on_text_entry(std::string_view key, std::string_view value) override {
    metadata_.emplace_back(key, value);
    return true;
  }
  bool on_null_entry(std::string_view key) override {
    metadata_.emplace_back(key, std::nullopt);
    return true;
  }
  bool on_end(uint8_t where) override {
    switch (where) {
      case top:
        return has(f_changes);
      case change:
        return has(f_insert) + has(f_delete) + has(f_set_metadata) + has(f_set_attribute) == 1;
      case insert:
        if (!has(f_id) || !has(f_hashes)) return false;
        changes_.insert(id_, hashes_);
        return true;
      case erase:
        if (!has(f_id)) return false;
        changes_.erase(id_);
        return true;
      case set:
        if (has(f_entries)) return !has(f_name) && !has(f_set_value);
        if (!has(f_name) || !has(f_set_value)) return false;
        changes_.set_metadata(key_, std::to_string(number_));
        return true;
      case entry:
        if (!has(f_key) || !has(f_value)) return false;
        changes_.set_metadata(key_, value_);
        return true;
      default:
        return true;
    }
  }

  http_update update_;
  changes_encoder changes_;
  std::vector<std::pair<std::string, std::optional<std::string>>> metadata_;
  document_id id_ = 0;
  uint64_t number_ = 0;
  std::string key_, value_;
};

// -- Documents and indexes

class document_decoder final : public body_decoder {
 public:
  explicit document_decoder(body_format format) : body_decoder(places, format) {}
  std::vector<hash_value> result() { return std::move(hashes_); }

 private:
  static constexpr std::array<field_spec, 1> fields{{{"hashes", value_kind::array, 0, 1}}};
  static constexpr std::array<place_spec, 2> places{{fields_place(fields), hash_list_place()}};
  bool on_end(uint8_t where) override { return where != 0 || has(0); }
};

class create_decoder final : public body_decoder {
 public:
  explicit create_decoder(body_format format) : body_decoder(places, format) {}
  http_create result() { return create_; }

 private:
  static constexpr std::array<field_spec, 2> fields{
      {{"expect_does_not_exist", value_kind::boolean}, {"generation", value_kind::number}}};
  static constexpr std::array<place_spec, 1> places{{fields_place(fields)}};
  bool on_boolean(uint8_t, size_t, bool value) override {
    create_.expect_does_not_exist = value;
    return true;
  }
  bool on_number(uint8_t, size_t, uint64_t value) override {
    create_.generation = value;
    return true;
  }
  http_create create_;
};

class delete_decoder final : public body_decoder {
 public:
  explicit delete_decoder(body_format format) : body_decoder(places, format) {}
  http_delete result() { return delete_; }

 private:
  static constexpr std::array<field_spec, 1> fields{{{"expect_exists", value_kind::boolean}}};
  static constexpr std::array<place_spec, 1> places{{fields_place(fields)}};
  bool on_boolean(uint8_t, size_t, bool value) override {
    delete_.expect_exists = value;
    return true;
  }
  http_delete delete_;
};

}  // namespace

std::optional<search_request> decode_search(std::string_view body, body_format format) {
  return decode<search_decoder>(body, format);
}
std::optional<http_update> decode_update(std::string_view body, body_format format) {
  return decode<update_decoder>(body, format);
}
std::optional<std::vector<hash_value>> decode_document(std::string_view body, body_format format) {
  return decode<document_decoder>(body, format);
}
std::optional<http_create> decode_create(std::string_view body, body_format format) {
  return decode<create_decoder>(body, format);
}
std::optional<http_delete> decode_delete(std::string_view body, body_format format) {
  return decode<delete_decoder>(body, format);
}

}  // namespace fp
