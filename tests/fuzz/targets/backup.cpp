#include "core/check/check.hpp"
#include "core/index/manifest.hpp"
#include "tests/core/support/memory_source.hpp"
#include "tests/core/support/volatile_file_system.hpp"
#include "tests/fuzz/fuzz_target.hpp"
#include "tests/fuzz/seal.hpp"

/// A backup, as it is and with right checksums. One that is refused leaves nothing; one that is restored opens.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fp;
  for (const bool sealed : {false, true}) {
    std::string bytes(fuzz::text_of(data, size));
    if (sealed) fuzz::seal_backup(bytes);
    test::volatile_file_system fs;
    const index_folders target{"/data", "/oplog"};
    fs.create_directories(target.data);
    fs.create_directories(target.oplog);
    test::memory_source source(std::as_bytes(std::span(bytes)));
    if (!fuzz::accepts([&] { restore_backup(fs, source, target); })) {
      fuzz::require(fs.list(target.data).empty(), "a refused backup leaves files");
      continue;
    }
    for (const auto& [name, info] : read_manifest(fs, target.data).segments) {
      open_segment(fs, target.data / name, &info);
    }
  }
  return 0;
}
