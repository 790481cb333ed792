#include "core/index/manifest.hpp"
#include "core/index/checked_json.hpp"
#include "tests/core/support/volatile_file_system.hpp"
#include "tests/fuzz/fuzz_target.hpp"

/// A manifest, as it is and with a right checksum. One that is accepted is written and read again.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fp;
  std::string text(fuzz::text_of(data, size));
  for (const bool sealed : {false, true}) {
    if (sealed) {
      auto object = nlohmann::json::parse(text, nullptr, false);
      if (!object.is_object()) break;
      object.erase("checksum");
      try {
        text = dump_checked_json(std::move(object), 1);
      } catch (const nlohmann::json::exception&) {
        break;  // text that is no UTF-8 cannot be dumped
      }
    }
    test::volatile_file_system fs;
    fuzz::put_file(fs, "/manifest.json", text);
    manifest found;
    if (!fuzz::accepts([&] { found = read_manifest(fs, "/"); })) continue;
    write_manifest(fs, "/", found);
    fuzz::require(read_manifest(fs, "/") == found, "reads back as something else");
  }
  return 0;
}
