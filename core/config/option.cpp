#include "core/config/option.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>

#include "core/base/error.hpp"
#include "core/base/printable.hpp"

namespace fp {

namespace {

template <class... F>
struct overloaded : F... {
  using F::operator()...;
};
template <class... F>
overloaded(F...) -> overloaded<F...>;

struct named_load_mode {
  load_mode mode;
  std::string_view name;
};
constexpr named_load_mode load_modes[] = {
    {load_mode::map, "map"}, {load_mode::read, "read"}, {load_mode::disk, "disk"}};

bool looks_like_a_number(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::string describe(const found_value& found) {
  using form = found_value::form;
  switch (found.kind) {
    case form::string:
      return "a string " + quoted(found.text);
    case form::bare:
      return looks_like_a_number(found.text) ? printable(found.text) : quoted(found.text);
    default:
      return printable(found.text);
  }
}

[[noreturn]] void refuse(const found_value& found, std::string_view allowed) {
  throw error(errc::invalid_configuration, "found " + describe(found) + ", allowed " + std::string(allowed));
}

/// The value of a whole number within the range; nothing when there is none to be had. `is_whole` tells a number
/// out of range from what is no whole number at all.
std::optional<uint64_t> whole_number(const found_value& found, uint64_t min, uint64_t max, bool& is_whole) {
  using form = found_value::form;
  is_whole = (found.kind == form::number || found.kind == form::bare) && looks_like_a_number(found.text);
  if (!is_whole) return std::nullopt;
  uint64_t value = 0;
  const char* end = found.text.data() + found.text.size();
  const auto parsed = std::from_chars(found.text.data(), end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end || value < min || value > max) return std::nullopt;
  return value;
}

template <class T>
void assign_number(const option& o, T* member, const found_value& found) {
  bool is_whole = false;
  const auto value = whole_number(found, o.min, o.max, is_whole);
  if (!value) refuse(found, is_whole ? o.allowed : "a whole number " + o.allowed);
  *member = static_cast<T>(*value);
}

}  // namespace

void assign(const option& o, const found_value& found) {
  using form = found_value::form;
  const bool is_text = found.kind == form::string || found.kind == form::bare;
  std::visit(overloaded{
                 [&](uint32_t* member) { assign_number(o, member, found); },
                 [&](uint64_t* member) { assign_number(o, member, found); },
                 [&](bool* member) {
                   const bool is_word = found.kind == form::boolean || found.kind == form::bare;
                   if ((is_word && found.text == "true") || (is_text && found.text == "on")) {
                     *member = true;
                   } else if ((is_word && found.text == "false") || (is_text && found.text == "off")) {
                     *member = false;
                   } else {
                     refuse(found, o.allowed);
                   }
                 },
                 [&](std::string* member) {
                   if (!is_text || !o.valid(found.text)) {
                     refuse(is_text && o.is_secret ? found_value{form::other, "a text that is not shown"} : found,
                            o.allowed);
                   }
                   *member = found.text;
                 },
                 [&](load_mode* member) {
                   const auto mode = std::ranges::find(load_modes, found.text, &named_load_mode::name);
                   if (!is_text || mode == std::end(load_modes)) refuse(found, o.allowed);
                   *member = mode->mode;
                 },
                 [&](port_setting* member) {
                   bool is_whole = false;
                   if (is_text && found.text == "off") {
                     *member = {false, 0};
                   } else if (is_text && found.text == "any") {
                     *member = {true, 0};
                   } else if (const auto port = whole_number(found, 0, 65535, is_whole)) {
                     *member = {*port > 0 || !o.zero_is_off, static_cast<uint16_t>(*port)};
                   } else {
                     refuse(found, is_whole ? o.allowed : "a whole number " + o.allowed);
                   }
                 },
             },
             o.target);
}

std::string shown_value(const option& o, const std::string& value) {
  if (value.empty()) return "\"\"";
  return o.is_secret ? "(not shown)" : value;
}

std::string value_text(const option& o) {
  return std::visit(overloaded{
                        [](const uint32_t* member) { return std::to_string(*member); },
                        [](const uint64_t* member) { return std::to_string(*member); },
                        [](const bool* member) { return std::string(*member ? "on" : "off"); },
                        [](const std::string* member) { return *member; },
                        [](const load_mode* member) {
                          return std::string(std::ranges::find(load_modes, *member, &named_load_mode::mode)->name);
                        },
                        [&o](const port_setting* member) {
                          if (!member->enabled) return std::string("off");
                          return member->port == 0 && o.zero_is_off ? std::string("any")
                                                                    : std::to_string(member->port);
                        },
                    },
                    o.target);
}

}  // namespace fp
