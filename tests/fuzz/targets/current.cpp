#include "core/index/data_folder.hpp"
#include "tests/core/support/volatile_file_system.hpp"
#include "tests/fuzz/fuzz_target.hpp"
#include "tests/fuzz/seal.hpp"

/// The record of an index, as it is and with a right checksum.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fp;
  std::string text(fuzz::text_of(data, size));
  for (const bool sealed : {false, true}) {
    if (sealed && !fuzz::seal_json(text)) break;
    test::volatile_file_system fs;
    fs.create_directories("/main");
    fuzz::put_file(fs, "/main/current", text);
    std::optional<index_record> record;
    if (!fuzz::accepts([&] { record = read_index_record(fs, "/", "main"); })) continue;
    fuzz::require(record && record->generation > 0 && record->name == "main", "an impossible record");
  }
  return 0;
}
