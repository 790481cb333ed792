#include "core/check/check.hpp"
#include "core/index/manifest.hpp"
#include "tests/core/support/backup_streams.hpp"
#include "tests/core/support/volatile_file_system.hpp"
#include "tests/fuzz/fuzz_target.hpp"
#include "tests/fuzz/seal.hpp"

/// A backup, as it is and with right checksums. One that is refused makes no index; one that is restored opens.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fp;
  for (const bool sealed : {false, true}) {
    std::string bytes(fuzz::text_of(data, size));
    if (sealed) fuzz::seal_backup(bytes);
    test::volatile_file_system fs;
    const index_folders target{"/data", "/oplog"};
    fs.create_directories(target.data);
    fs.create_directories(target.oplog);
    const bool accepted = fuzz::accepts([&] {
      backup_restorer restorer(fs, target);
      test::feed(restorer, std::as_bytes(std::span(bytes)));
    });
    if (!accepted) {
      fuzz::require(!fs.exists(target.data / manifest_file_name), "a refused backup leaves a manifest");
      continue;
    }
    for (const auto& [name, info] : read_manifest(fs, target.data).segments) {
      open_segment(fs, target.data / name, &info);
    }
  }
  return 0;
}
