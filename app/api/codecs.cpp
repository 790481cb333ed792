#include "app/api/codecs.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

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
  enum { f_query, f_limit, f_timeout, f_min_score, f_score_pct };
  static constexpr std::array<field_spec, 5> fields{{{"query", value_kind::array, 0, query},
                                                     {"limit", value_kind::number, UINT32_MAX},
                                                     {"timeout", value_kind::number, UINT32_MAX},
                                                     {"min_score", value_kind::number, UINT32_MAX},
                                                     {"score_pct", value_kind::number, UINT32_MAX}}};
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

// -- Answers

/// Writes a body value by value. Sizes of maps and lists are said beforehand, as MessagePack wants it.
class body_writer {
 public:
  explicit body_writer(body_format format) : json_(format == body_format::json) {}

  body_writer& begin_map(size_t size) {
    value_begins();
    json_ ? (out_ += '{', void()) : header(size, 0x80, 0xde);
    first_ = true;
    return *this;
  }
  body_writer& end_map() {
    if (json_) out_ += '}';
    first_ = false;
    return *this;
  }
  body_writer& begin_list(size_t size) {
    value_begins();
    json_ ? (out_ += '[', void()) : header(size, 0x90, 0xdc);
    first_ = true;
    return *this;
  }
  body_writer& end_list() {
    if (json_) out_ += ']';
    first_ = false;
    return *this;
  }
  /// A field of the contract: its name, or its first letter in MessagePack.
  body_writer& field(std::string_view name) { return json_ ? json_key(name) : string_bytes(name.substr(0, 1)); }
  body_writer& full_field(std::string_view name) { return json_ ? json_key(name) : string_bytes(name); }
  /// A name that comes from a client.
  body_writer& free_field(std::string_view name) {
    if (!json_) return string_bytes(name);
    separate();
    json_text(name);
    out_ += ':';
    after_key_ = true;
    return *this;
  }
  body_writer& number(uint64_t n) {
    value_begins();
    if (json_) {
      char digits[20];
      out_.append(digits, std::to_chars(digits, digits + sizeof digits, n).ptr);
    } else if (n < 0x80) {
      out_ += static_cast<char>(n);
    } else if (n <= UINT8_MAX) {
      big_endian(0xcc, n, 1);
    } else if (n <= UINT16_MAX) {
      big_endian(0xcd, n, 2);
    } else if (n <= UINT32_MAX) {
      big_endian(0xce, n, 4);
    } else {
      big_endian(0xcf, n, 8);
    }
    return *this;
  }
  /// Finite.
  body_writer& decimal(double x) {
    value_begins();
    if (json_) {
      char digits[32];
      out_.append(digits, std::to_chars(digits, digits + sizeof digits, x).ptr);
    } else {
      big_endian(0xcb, std::bit_cast<uint64_t>(x), 8);
    }
    return *this;
  }
  body_writer& null() {
    value_begins();
    json_ ? (out_ += "null", void()) : (out_ += static_cast<char>(0xc0), void());
    return *this;
  }
  body_writer& boolean(bool b) {
    value_begins();
    if (json_) {
      out_ += b ? "true" : "false";
    } else {
      out_ += static_cast<char>(b ? 0xc3 : 0xc2);
    }
    return *this;
  }
  body_writer& text(std::string_view s) {
    value_begins();
    if (!json_) return string_bytes(s);
    json_text(s);
    return *this;
  }
  std::string take() { return std::move(out_); }

 private:
  void separate() {
    if (!first_) out_ += ',';
    first_ = false;
  }
  void value_begins() {
    if (!json_ || out_.empty()) return;
    if (!std::exchange(after_key_, false)) separate();
  }
  body_writer& json_key(std::string_view name) {
    separate();
    ((out_ += '"') += name) += "\":";
    after_key_ = true;
    return *this;
  }
  void json_text(std::string_view s) {
    out_ += nlohmann::json(s).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
  void big_endian(uint8_t tag, uint64_t n, int bytes) {
    out_ += static_cast<char>(tag);
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out_ += static_cast<char>(n >> shift);
  }
  void header(size_t size, uint8_t fixed, uint8_t tag16) {
    if (size < 16) {
      out_ += static_cast<char>(fixed | size);
    } else if (size <= UINT16_MAX) {
      big_endian(tag16, size, 2);
    } else {
      big_endian(static_cast<uint8_t>(tag16 + 1), size, 4);
    }
  }
  body_writer& string_bytes(std::string_view s) {
    if (s.size() < 32) {
      out_ += static_cast<char>(0xa0 | s.size());
    } else if (s.size() <= UINT8_MAX) {
      big_endian(0xd9, s.size(), 1);
    } else if (s.size() <= UINT16_MAX) {
      big_endian(0xda, s.size(), 2);
    } else {
      big_endian(0xdb, s.size(), 4);
    }
    out_ += s;
    return *this;
  }

  const bool json_;
  bool first_ = true, after_key_ = false;
  std::string out_;
};

void write_loading(body_writer& w, const load_progress& p) {
  w.begin_map(7).full_field("strategy").text(to_string(p.strategy));
  w.full_field("segments_done").number(p.segments_done).full_field("segments_total").number(p.segments_total);
  w.full_field("bytes_done").number(p.bytes_done).full_field("bytes_total").number(p.bytes_total);
  w.full_field("replayed_commits").number(p.replayed_commits);
  w.full_field("elapsed_ms").number(p.elapsed_us / 1'000).end_map();
}

void write_index(body_writer& w, const node_overview::index& index) {
  const auto& s = index.status;
  w.begin_map(27).full_field("name").text(s.name).full_field("answered").boolean(index.answered);
  w.full_field("generation").number(s.generation).full_field("state").text(to_string(s.state));
  w.full_field("reason").text(s.reason);
  w.full_field("version").number(s.version).full_field("file_version").number(s.file_version);
  w.full_field("num_docs").number(s.num_documents).full_field("size_bytes").number(s.num_bytes);
  w.full_field("num_file_segments").number(s.num_file_segments);
  w.full_field("num_memory_segments").number(s.num_memory_segments);
  w.full_field("memory_postings").number(s.memory_postings).full_field("oplog_bytes").number(s.oplog_bytes);
  w.full_field("searches").number(s.searches).full_field("updates").number(s.updates);
  w.full_field("checkpoints").number(s.checkpoints);
  w.full_field("memory_merges").number(s.memory_merges).full_field("file_merges").number(s.file_merges);
  w.full_field("queued_searches").number(s.queued_searches).full_field("queued_updates").number(s.queued_updates);
  w.full_field("waiting_requests").number(s.waiting_requests);
  w.full_field("checkpoint_running").boolean(s.checkpoint_running);
  w.full_field("merge_running").boolean(s.merge_running);
  w.full_field("maintenance_error").text(s.maintenance_error);
  w.full_field("damaged_segments").number(s.damaged_segments).full_field("damage").text(s.damage);
  w.full_field("loading");
  write_loading(w, s.loading);
  w.end_map();
}

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

std::string encode_empty(body_format format) { return body_writer(format).begin_map(0).end_map().take(); }

std::string encode_error(std::string_view name, std::string_view reason, body_format format) {
  body_writer w(format);
  w.begin_map(reason.empty() ? 1 : 2).field("error").text(name);
  if (!reason.empty()) w.field("reason").text(reason);
  return w.end_map().take();
}

std::string encode_search(const search_reply& reply, body_format format) {
  body_writer w(format);
  w.begin_map(1).field("results").begin_list(reply.results.size());
  for (size_t i = 0; i < reply.results.size(); i++) {
    const auto r = reply.results[i];
    w.begin_map(2).field("id").number(r.id).field("score").number(r.score).end_map();
  }
  return w.end_list().end_map().take();
}

std::string encode_version(commit_id version, body_format format) {
  return body_writer(format).begin_map(1).field("version").number(version).end_map().take();
}

std::string encode_created(const create_index_reply& reply, body_format format) {
  body_writer w(format);
  w.begin_map(3).field("version").number(reply.version).field("ready").boolean(reply.ready);
  return w.field("generation").number(reply.generation).end_map().take();
}

std::string encode_deleted(bool deleted, body_format format) {
  return body_writer(format).begin_map(1).field("deleted").boolean(deleted).end_map().take();
}

std::string encode_info(const snapshot& index, body_format format) {
  const auto stats = index.stats();
  body_writer w(format);
  w.begin_map(3).field("version").number(index.version()).field("metadata").begin_map(index.metadata().size());
  for (const auto& [key, value] : index.metadata()) w.free_field(key).text(value);
  w.end_map().field("stats").begin_map(4);
  w.full_field("min_doc_id").number(stats.min_document).full_field("max_doc_id").number(stats.max_document);
  w.full_field("num_segments").number(stats.num_segments).full_field("num_docs").number(stats.num_documents);
  return w.end_map().end_map().take();
}

std::string encode_segments(const segment_list& list, body_format format) {
  body_writer w(format);
  w.begin_map(1).field("segments").begin_list(list.segments.size());
  for (const auto& s : list.segments) {
    w.begin_map(9).field("kind").text(s.in_memory ? "memory" : "file");
    w.field("first_commit_id").number(s.first_commit).field("last_commit_id").number(s.last_commit);
    w.field("version").number(s.last_commit).full_field("num_docs").number(s.num_documents);
    w.full_field("num_items").number(s.num_postings).field("size_bytes").number(s.num_bytes);
    w.full_field("min_doc_id").number(s.min_document).full_field("max_doc_id").number(s.max_document).end_map();
  }
  return w.end_list().end_map().take();
}

std::string encode_status(const index_status& status, body_format format) {
  body_writer w(format);
  w.begin_map(3).field("generation").number(status.generation).field("version").number(status.version);
  return w.field("file_version").number(status.file_version).end_map().take();
}

std::string encode_history(const index_history& history, body_format format) {
  body_writer w(format);
  w.begin_map(6).full_field("step_seconds").decimal(history.step_seconds);
  const auto write = [&](std::string_view name, const auto& values, const auto& write_one) {
    w.full_field(name).begin_list(values.size());
    for (const auto& value : values) write_one(value);
    w.end_list();
  };
  const auto rate = [&](double value) { w.decimal(value); };
  const auto percentile = [&](const std::optional<double>& value) { value ? w.decimal(*value) : w.null(); };
  write("searches", history.searches, rate);
  write("updates", history.updates, rate);
  write("search_p50_ms", history.search_p50_ms, percentile);
  write("search_p95_ms", history.search_p95_ms, percentile);
  write("search_p99_ms", history.search_p99_ms, percentile);
  return w.end_map().take();
}

std::string encode_overview(const node_overview& overview, body_format format) {
  const auto& n = overview.node;
  body_writer w(format);
  w.begin_map(2).full_field("node").begin_map(6).full_field("version").text(n.version);
  w.full_field("pid").number(n.pid).full_field("uptime_ms").number(n.uptime_ms);
  w.full_field("data_folder").text(n.data_folder).full_field("loaders_running").number(n.loaders_running);
  w.full_field("loaders_allowed").number(n.loaders_allowed).end_map();
  w.full_field("indexes").begin_list(overview.indexes.size());
  for (const auto& index : overview.indexes) write_index(w, index);
  return w.end_list().end_map().take();
}

}  // namespace fp
