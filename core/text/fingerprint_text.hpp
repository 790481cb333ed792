#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/types.hpp"

namespace fp {

/// A fingerprint as read from text. The id is absent where the text has none (fpcalc's output).
struct text_fingerprint {
  std::optional<document_id> id;
  std::vector<hash_value> hashes;
  std::string label;  ///< a query's label or an audio file's name, where the text has one
};

/// Parses a list of hashes: signed or unsigned 32-bit decimals separated by commas or white space, optionally in
/// braces or brackets. Negative ones are two's complement. Throws `bad_request` naming what was found and where
/// (1-based column); an empty list is an error too.
std::vector<hash_value> parse_hashes(std::string_view text);

/// Reads fingerprints from text, line by line. Understands, told apart by each line's look:
///
///     7|1,2,3              id and hashes
///     7|{-1,2,3}           the same with braces and signed values (a database export)
///     7<tab>{1,2,3}        the same with a tab
///     mp3_64k<tab>7<tab>1,2,3     label, id, hashes (a query file)
///     FILE=..., DURATION=..., FINGERPRINT=1,2,3    `fpcalc -raw`, a line each (blocks end at FINGERPRINT)
///     {"duration": 1.0, "fingerprint": [1,2]}      `fpcalc -raw -json`, one object a line; "id" and "label" are
///                                                  read if there, other members are skipped
///
/// Empty lines and lines that start with '#' are skipped, as is a byte order mark; so are rows of a dump without a
/// fingerprint: `null`, and objects in which it is null.
class fingerprint_reader {
 public:
  /// Feeds the next line (without its line end). Returns a fingerprint when one is complete. Throws
  /// `bad_request` with the 1-based line number and the reason; the reader may go on with the next line.
  std::optional<text_fingerprint> feed(std::string_view line);
  /// Passes over a line that has been dealt with before: it only counts.
  void skip_line() noexcept { line_++; }
  size_t line_number() const noexcept { return line_; }

 private:
  std::optional<text_fingerprint> parse(std::string_view line);

  size_t line_ = 0;
  std::string file_;  ///< of the block of fpcalc's output that is being read
};

}  // namespace fp
