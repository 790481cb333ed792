#include <algorithm>

#include "core/text/fingerprint_text.hpp"

#include "tests/fuzz/fuzz_target.hpp"

/// Lines of fingerprints, and a list of hashes.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fp;
  const std::string_view text = fuzz::text_of(data, size);
  fingerprint_reader reader;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    fuzz::accepts(
        [&] {
          const auto found = reader.feed(text.substr(at, end - at));
          fuzz::require(!found || !found->hashes.empty(), "a fingerprint without hashes");
        },
        {errc::bad_request});
    if (!reader.wants_line_again()) at = end + 1;
  }
  fuzz::accepts([&] { reader.finish(); }, {errc::bad_request});
  fuzz::accepts([&] { fuzz::require(!read_fingerprints(text).empty(), "no fingerprint and no error"); },
                {errc::bad_request});
  fuzz::accepts([&] { parse_hashes(text); }, {errc::bad_request});
  return 0;
}
