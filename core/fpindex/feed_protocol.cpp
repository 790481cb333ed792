#include "core/fpindex/feed_protocol.hpp"

#include <algorithm>
#include <utility>

#include "core/base/error.hpp"
#include "core/base/printable.hpp"
#include "core/fpindex/change_decoder.hpp"

namespace fp::fpindex {

namespace {

/// Of one index, of whatever program.
constexpr size_t max_index_name = 4'096;
/// Longer waits are nobody's.
constexpr uint64_t max_retry_ms = 3'600'000;

/// Changes that are one in this protocol.
struct change_group {
  size_t first = 0, count = 0;  ///< among the views
  feed_position position = 0;
};

struct grouped_changes {
  std::vector<change_view> views;
  std::vector<change_group> groups;

  grouped_changes(std::span<const uint8_t> changes, std::span<const feed_position> positions) {
    changes_reader reader(changes);
    change_view change;
    while (reader.next(change)) {
      if (change.kind == change_kind::remove_metadata) {
        throw error(errc::bad_request, "the removal of the metadata key " + quoted(change.key) +
                                           ": fpindex's coordinator protocol has no word for it");
      }
      const feed_position position = positions.empty() ? 0 : positions[views.size()];
      const bool goes_on = change.kind == change_kind::set_metadata && !views.empty() &&
                           views.back().kind == change_kind::set_metadata;
      if (goes_on) {
        groups.back().count++;
        groups.back().position = position;
      } else {
        groups.push_back({views.size(), 1, position});
      }
      views.push_back(change);
    }
  }

  void write(message_pack_writer& out, const change_group& group) const {
    const change_view& change = views[group.first];
    out.map_header(1);
    switch (change.kind) {
      case change_kind::insert:
        out.string("i");
        out.map_header(2);
        out.string("i");
        out.number(change.id);
        out.string("h");
        out.array_header(static_cast<uint32_t>(change.num_hashes()));
        for (size_t i = 0; i < change.num_hashes(); i++) out.number(change.hash(i));
        return;
      case change_kind::erase:
        out.string("d");
        out.map_header(1);
        out.string("i");
        out.number(change.id);
        return;
      default:
        break;
    }
    out.string("s");
    out.map_header(1);
    out.string("e");
    out.array_header(static_cast<uint32_t>(group.count));
    for (size_t i = group.first; i < group.first + group.count; i++) {
      out.map_header(2);
      out.string("k");
      out.string(views[i].key);
      out.string("v");
      out.string(views[i].value);
    }
  }

  void write_all(message_pack_writer& out) const {
    out.array_header(static_cast<uint32_t>(groups.size()));
    for (const change_group& g : groups) write(out, g);
  }
};

std::chrono::milliseconds read_retry(message_pack_reader& in) {
  return std::chrono::milliseconds(std::min(in.number(), max_retry_ms));
}

/// Throws for a field that is none of a struct's.
[[noreturn]] void unknown_field(const message_pack_reader& in, uint64_t at) {
  in.fail_at(at, "an unknown field: of a newer version of the protocol, perhaps");
}

void check_position(const message_pack_reader& in, uint64_t at, feed_position position, feed_position before) {
  if (position > before) return;
  in.fail_at(at, "position " + std::to_string(position) + " does not come behind " + std::to_string(before));
}

feed_position read_position(message_pack_reader& in) { return in.number(max_commit_id); }

}  // namespace

feed_body encode_append_request(std::span<const uint8_t> changes, std::optional<feed_position> expected) {
  const grouped_changes grouped(changes, {});
  feed_body body;
  message_pack_writer out(body);
  out.map_header(expected ? 2 : 1);
  out.string("c");
  grouped.write_all(out);
  if (expected) {
    out.string("e");
    out.number(*expected);
  }
  return body;
}

append_request decode_append_request(const std::string& name, std::span<const std::byte> body) {
  message_pack_reader in(name, body);
  append_request request;
  bool has_changes = false;
  for (uint32_t left = in.map_header(); left > 0; left--) {
    const uint64_t at = in.offset();
    switch (in.field()) {
      case 'c': {
        changes_encoder encoder;
        change_decoder decoder(in);
        for (uint32_t count = in.array_header(); count > 0; count--) decoder.read(encoder);
        request.changes = encoder.take();
        has_changes = true;
        break;
      }
      case 'e':
        request.expected = in.number_or_nil();
        break;
      default:
        unknown_field(in, at);
    }
  }
  if (!has_changes) in.fail_at(0, "an append without changes");
  return request;
}

feed_body encode_number(char field, uint64_t value) {
  feed_body body;
  message_pack_writer out(body);
  out.map_header(1);
  out.string({&field, 1});
  out.number(value);
  return body;
}

uint64_t decode_number(const std::string& name, std::span<const std::byte> body, char field) {
  message_pack_reader in(name, body);
  std::optional<uint64_t> value;
  for (uint32_t left = in.map_header(); left > 0; left--) {
    const uint64_t at = in.offset();
    if (in.field() != field) unknown_field(in, at);
    value = read_position(in);
  }
  if (!value) in.fail_at(0, std::string("there is no field \"") + field + "\"");
  return *value;
}

feed_body encode_read_answer(std::span<const feed_position> positions, std::span<const uint8_t> changes,
                             std::chrono::milliseconds retry_after) {
  const grouped_changes grouped(changes, positions);
  feed_body body;
  body.reserve(changes.size() + changes.size() / 4 + 64);
  message_pack_writer out(body);
  out.map_header(2);
  out.string("e");
  out.array_header(static_cast<uint32_t>(grouped.groups.size()));
  for (const change_group& g : grouped.groups) {
    out.map_header(2);
    out.string("i");
    out.number(g.position);
    out.string("c");
    grouped.write(out, g);
  }
  out.string("r");
  out.number(static_cast<uint64_t>(retry_after.count()));
  return body;
}

feed_changes decode_read_answer(const std::string& name, std::span<const std::byte> body, feed_position after,
                                const read_limits& limits) {
  message_pack_reader in(name, body);
  feed_changes answer;
  changes_encoder encoder;
  change_decoder decoder(in);
  bool has_entries = false, is_cut = false;
  const auto read_entry = [&] {
    const uint64_t begin = in.offset();
    const size_t count_before = encoder.count();
    std::optional<feed_position> position;
    bool has_change = false;
    for (uint32_t left = in.map_header(); left > 0; left--) {
      const uint64_t at = in.offset();
      switch (in.field()) {
        case 'i':
          position = read_position(in);
          break;
        case 'c':
          if (has_change) in.fail_at(at, "a change twice");
          decoder.read(encoder);
          has_change = true;
          break;
        default:
          unknown_field(in, at);
      }
    }
    if (!position || !has_change) in.fail_at(begin, "an entry without position or change");
    check_position(in, begin, *position, after);
    after = *position;
    answer.newest = after;
    answer.positions.insert(answer.positions.end(), encoder.count() - count_before, after);
  };
  for (uint32_t fields = in.map_header(); fields > 0 && !is_cut; fields--) {
    const uint64_t at = in.offset();
    switch (in.field()) {
      case 'e':
        if (has_entries) in.fail_at(at, "the entries twice");
        for (uint32_t left = in.array_header(); left > 0 && !is_cut; left--) {
          read_entry();
          is_cut = left > 1 &&
                   (answer.positions.size() >= limits.max_changes || encoder.bytes().size() >= limits.max_bytes);
        }
        has_entries = true;
        break;
      case 'r':
        answer.retry_after = read_retry(in);
        break;
      default:
        unknown_field(in, at);
    }
  }
  if (!has_entries) in.fail_at(0, "an answer without entries");
  if (is_cut) answer.retry_after = {};
  answer.changes = encoder.take();
  return answer;
}

feed_body encode_meta_answer(std::span<const meta_operation> operations, std::chrono::milliseconds retry_after) {
  feed_body body;
  message_pack_writer out(body);
  out.map_header(2);
  out.string("o");
  out.array_header(static_cast<uint32_t>(operations.size()));
  for (const meta_operation& o : operations) {
    out.map_header(3);
    out.string("p");
    out.number(o.position);
    out.string("k");
    out.number(static_cast<uint64_t>(o.what));
    out.string("i");
    out.string(o.index);
  }
  out.string("r");
  out.number(static_cast<uint64_t>(retry_after.count()));
  return body;
}

meta_operations decode_meta_answer(const std::string& name, std::span<const std::byte> body, feed_position after) {
  message_pack_reader in(name, body);
  meta_operations answer;
  bool has_operations = false;
  const auto read_operation = [&] {
    const uint64_t begin = in.offset();
    meta_operation o;
    bool has_position = false, has_kind = false, has_index = false;
    for (uint32_t left = in.map_header(); left > 0; left--) {
      const uint64_t at = in.offset();
      switch (in.field()) {
        case 'p':
          o.position = read_position(in);
          has_position = true;
          break;
        case 'k': {
          const uint64_t kind = in.number();
          if (kind > 1) in.fail_at(at, "an operation of the unknown kind " + std::to_string(kind));
          o.what = static_cast<meta_operation::kind>(kind);
          has_kind = true;
          break;
        }
        case 'i':
          o.index = in.string(max_index_name);
          has_index = true;
          break;
        default:
          unknown_field(in, at);
      }
    }
    if (!has_position || !has_kind || !has_index) in.fail_at(begin, "an operation that is not complete");
    check_position(in, begin, o.position, after);
    after = o.position;
    answer.operations.push_back(std::move(o));
  };
  for (uint32_t fields = in.map_header(); fields > 0; fields--) {
    const uint64_t at = in.offset();
    switch (in.field()) {
      case 'o':
        if (has_operations) in.fail_at(at, "the operations twice");
        for (uint32_t left = in.array_header(); left > 0; left--) read_operation();
        has_operations = true;
        break;
      case 'r':
        answer.retry_after = read_retry(in);
        break;
      default:
        unknown_field(in, at);
    }
  }
  if (!has_operations) in.fail_at(0, "an answer without operations");
  return answer;
}

feed_body encode_bootstrap_part(std::span<const uint8_t> changes) {
  const grouped_changes grouped(changes, {});
  feed_body body;
  message_pack_writer out(body);
  grouped.write_all(out);
  return body;
}

bootstrap_decoder::bootstrap_decoder(const std::string& name, byte_source& source) : in_(name, source) {
  std::optional<feed_position> position;
  for (uint32_t left = in_.map_header(); left > 0; left--) {
    const uint64_t at = in_.offset();
    if (in_.field() != 'p') unknown_field(in_, at);
    position = read_position(in_);
  }
  if (!position) in_.fail_at(0, "a bootstrap stream without its position");
  position_ = *position;
}

std::vector<uint8_t> bootstrap_decoder::next(size_t max_bytes) {
  changes_encoder encoder;
  change_decoder decoder(in_);
  while (!at_end_ && encoder.bytes().size() < max_bytes) {
    if (left_ == 0) {
      left_ = in_.array_header();
      at_end_ = left_ == 0;
      continue;
    }
    decoder.read(encoder);
    left_--;
  }
  return encoder.take();
}

}  // namespace fp::fpindex
