#include "core/base/printable.hpp"

#include <cstdint>

namespace fp {

namespace {

uint8_t byte_at(std::string_view text, size_t i) noexcept { return static_cast<uint8_t>(text[i]); }

/// The length of the visible UTF-8 character at the start of `text`; 0 when there is none: a stray byte, an
/// overlong form, a surrogate, or a C1 control character.
size_t visible_character(std::string_view text) noexcept {
  const uint8_t lead = byte_at(text, 0);
  if (lead < 0x80) return lead >= 0x20 && lead != 0x7f ? 1 : 0;
  const size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; i++) {
    if ((byte_at(text, i) & 0xc0) != 0x80) return 0;
  }
  const uint8_t second = byte_at(text, 1);
  if ((lead == 0xc2 && second < 0xa0) || (lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) ||
      (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f)) {
    return 0;
  }
  return length;
}

std::string escaped_byte(uint8_t byte) {
  constexpr char digits[] = "0123456789abcdef";
  switch (byte) {
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      return {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
  }
}

std::string escape(std::string_view text, size_t max_bytes, bool escape_quotes) {
  std::string out;
  while (!text.empty()) {
    const size_t length = visible_character(text);
    std::string piece = length == 0 ? escaped_byte(byte_at(text, 0)) : std::string(text.substr(0, length));
    if (escape_quotes && (piece == "\"" || piece == "\\")) piece = std::string("\\") + piece;
    if (out.size() + piece.size() > max_bytes) return out + "...";
    out += piece;
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

}  // namespace

std::string printable(std::string_view text, size_t max_bytes) { return escape(text, max_bytes, false); }

std::string quoted(std::string_view text, size_t max_bytes) { return '"' + escape(text, max_bytes, true) + '"'; }

}  // namespace fp
