#include "app/api/body_decoder.hpp"

namespace fp {

bool body_decoder::stray() {
  if (skipping_ > 0) return true;
  return !frames_.empty() && frames_.back().field == unknown;
}

const field_spec* body_decoder::take(value_kind kind, bool& ok) {
  ok = true;
  if (skipping_ > 0) return nullptr;
  ok = false;
  if (frames_.empty()) return nullptr;
  auto& f = frames_.back();
  if (f.field == unknown) {
    ok = true;
    return nullptr;
  }
  const auto& place = places_[f.place];
  if (f.field == no_field) return nullptr;
  const auto& spec = place.fields[f.field];
  // A field that is given twice has two meanings.
  if (spec.kind != kind || has(f.field)) return nullptr;
  f.seen |= 1u << f.field;
  ok = true;
  return &spec;
}

bool body_decoder::null() {
  if (skipping_ > 0) return true;
  if (frames_.empty()) return false;
  const auto& f = frames_.back();
  if (places_[f.place].is_text_map) return on_null_entry(text_key_);
  // In an object the same as an absent field; in a list there are no such values.
  return f.field != no_field;
}

bool body_decoder::boolean(bool value) {
  bool ok = false;
  const auto* spec = take(value_kind::boolean, ok);
  return spec ? on_boolean(frames_.back().place, frames_.back().field, value) : ok;
}

bool body_decoder::number(uint64_t value) {
  if (skipping_ == 0 && !frames_.empty() && places_[frames_.back().place].is_hash_list) {
    if (value > UINT32_MAX) return false;
    hashes_.push_back(static_cast<hash_value>(value));
    return true;
  }
  bool ok = false;
  const auto* spec = take(value_kind::number, ok);
  if (!spec) return ok;
  return value <= spec->max && on_number(frames_.back().place, frames_.back().field, value);
}

bool body_decoder::text(std::string_view value) {
  if (skipping_ == 0 && !frames_.empty() && places_[frames_.back().place].is_text_map) {
    return on_text_entry(text_key_, value);
  }
  bool ok = false;
  const auto* spec = take(value_kind::text, ok);
  return spec ? on_text(frames_.back().place, frames_.back().field, value) : ok;
}

bool body_decoder::key(std::string_view name) {
  if (skipping_ > 0) return true;
  auto& f = frames_.back();
  const auto& place = places_[f.place];
  if (place.is_text_map) {
    text_key_ = name;
    return true;
  }
  f.field = unknown;
  for (size_t i = 0; i < place.fields.size(); i++) {
    const auto& spec = place.fields[i];
    const bool by_letter = format_ == body_format::msgpack && name.size() == 1 && name[0] == spec.name[0];
    if (by_letter || name == spec.name) {
      f.field = i;
      break;
    }
  }
  return true;
}

bool body_decoder::other_key() {
  if (skipping_ > 0) return true;
  auto& f = frames_.back();
  if (places_[f.place].is_text_map) return false;
  f.field = unknown;
  return true;
}

bool body_decoder::begin(value_kind kind) {
  if (skipping_ > 0) {
    skipping_++;
    return true;
  }
  uint8_t next = 0;
  if (frames_.empty()) {
    if (started_ || kind != value_kind::object) return false;
    started_ = true;
  } else {
    auto& f = frames_.back();
    const auto& place = places_[f.place];
    if (f.field == unknown) {
      skipping_ = 1;
      return true;
    }
    if (f.field == no_field) {
      if (place.is_text_map || place.is_hash_list || !place.fields.empty() || place.elements != kind) return false;
      next = place.child;
    } else {
      bool ok = false;
      const auto* spec = take(kind, ok);
      if (!spec) return ok;
      next = spec->child;
    }
  }
  frames_.push_back({next});
  if (places_[next].is_hash_list) hashes_.clear();
  return true;
}

bool body_decoder::begin_object() { return begin(value_kind::object); }
bool body_decoder::begin_array() { return begin(value_kind::array); }

bool body_decoder::end_object() {
  if (skipping_ > 0) {
    skipping_--;
    return true;
  }
  const bool ok = on_end(frames_.back().place);
  frames_.pop_back();
  return ok;
}

bool body_decoder::end_array() { return end_object(); }

}  // namespace fp
