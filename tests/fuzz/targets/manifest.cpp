#include "core/index/manifest.hpp"
#include "tests/core/support/volatile_file_system.hpp"
#include "tests/fuzz/fuzz_target.hpp"
#include "tests/fuzz/seal.hpp"

/// A manifest, as it is and with a right checksum. One that is accepted is written and read again.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fp;
  std::string text(fuzz::text_of(data, size));
  for (const bool sealed : {false, true}) {
    if (sealed && !fuzz::seal_json(text)) break;
    test::volatile_file_system fs;
    fuzz::put_file(fs, "/manifest.json", text);
    manifest found;
    if (!fuzz::accepts([&] { found = read_manifest(fs, "/"); })) continue;
    write_manifest(fs, "/", found);
    fuzz::require(read_manifest(fs, "/") == found, "reads back as something else");
  }
  return 0;
}
