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

  friend bool operator==(const text_fingerprint&, const text_fingerprint&) = default;
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
///     1,2,3                hashes alone, as `parse_hashes` takes them (`fpcalc -raw -plain`)
///     FILE=..., DURATION=..., FINGERPRINT=1,2,3    `fpcalc -raw`, a line each (blocks end at FINGERPRINT)
///     {"duration": 1.0, "fingerprint": [1,2]}      `fpcalc -raw -json`; "hashes" is another name of "fingerprint",
///                                                  "id" and "label" are read if there, other members are skipped
///
/// A JSON object or list may go on over many lines that end where a printer of JSON ends them: behind a bracket
/// that opens, a comma or a colon. Empty lines and lines that start with '#' are skipped, as is a byte order mark;
/// so are rows of a dump without a fingerprint: `null`, and objects in which it is null.
/// tests/data/fingerprint_forms.json holds cases of all, which the operator's page is held to as well.
class fingerprint_reader {
 public:
  /// Feeds the next line (without its line end). Returns a fingerprint when one is complete. Throws
  /// `bad_request` with the 1-based line number and the reason; the reader may go on with the next line, or with
  /// the same one when it `wants_line_again`.
  std::optional<text_fingerprint> feed(std::string_view line);
  /// After an error: it was in the lines before, which this one does not go on with.
  bool wants_line_again() const noexcept { return wants_line_again_; }
  /// To be called at the end of the text. Throws `bad_request` when it ends within a fingerprint.
  void finish();
  /// Passes over a line that has been dealt with before: it only counts.
  void skip_line() noexcept { line_++; }
  size_t line_number() const noexcept { return line_; }

 private:
  std::optional<text_fingerprint> parse(std::string_view line);
  std::optional<text_fingerprint> begin_json(std::string_view line);
  std::optional<text_fingerprint> continue_json(std::string_view line);
  void forget() noexcept;

  size_t line_ = 0;
  std::string file_;       ///< of the block of fpcalc's output that is being read
  bool in_block_ = false;  ///< of fpcalc's output, before its FINGERPRINT
  std::string json_;       ///< lines of JSON that goes on
  size_t json_begins_in_ = 0;
  int json_depth_ = 0;
  bool wants_line_again_ = false;
};

/// All fingerprints of a text that a person handed over as one query. Hashes alone are one list, over however many
/// lines, unless each line is a whole list of its own (`fpcalc -raw -plain` of several files). Throws as
/// `fingerprint_reader`, and when there is none.
std::vector<text_fingerprint> read_fingerprints(std::string_view text);

}  // namespace fp
