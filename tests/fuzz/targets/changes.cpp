#include "core/commit/changes.hpp"

#include "core/segment/segment.hpp"
#include "tests/fuzz/fuzz_target.hpp"

/// The changes of a commit, as a client or a log holds them. What is valid can be built into a segment.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fp;
  const std::vector<uint8_t> bytes(data, data + size);
  const bool valid = fuzz::accepts(
      [&] { validate_changes(bytes, {}); },
      {errc::bad_request, errc::payload_too_large, errc::invalid_document_id, errc::empty_fingerprint});
  if (!valid) return 0;
  const commit c{0, 1, std::make_shared<const std::vector<uint8_t>>(bytes)};
  build_memory_segment({&c, 1})->verify();
  return 0;
}
