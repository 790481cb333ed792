#include "core/fpindex/data_folder_reader.hpp"
#include "core/fpindex/index_import.hpp"
#include "core/fpindex/snapshot_reader.hpp"
#include "tests/core/support/volatile_file_system.hpp"
#include "tests/fuzz/fuzz_target.hpp"

namespace {

using namespace fp;

/// The bytes as an fpindex's log, alone, and as its only segment. What is accepted can be served.
void import_as_file(std::string_view bytes, bool is_log, bool salvage) {
  test::volatile_file_system fs;
  const path data = "/in/data", oplog = "/in/oplog", spool = "/spool";
  for (const auto& folder : {data, oplog, spool}) fs.create_directories(folder);
  std::vector<fpindex::segment_info> segments;
  fuzz::accepts([&] {
    if (is_log) {
      fuzz::put_file(fs, oplog / "0000000000000001.xlog", bytes);
    } else {
      fuzz::put_file(fs, data / "x", bytes);
      const auto file = fs.open(data / "x");
      segments = {fpindex::segment_reader("x", *file).info()};
    }
    fpindex::index_import work(fs, spool, segments, oplog, {salvage, nullptr, {}});
    if (!is_log) work.convert(0, data / "x");
    const auto made = work.finish();
    for (const auto& entry : made->entries()) entry.segment->verify();
  });
}

}  // namespace

/// Files of fpindex, and its snapshot stream.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = fuzz::text_of(data, size);
  for (const bool salvage : {false, true}) {
    import_as_file(bytes, true, salvage);
    import_as_file(bytes, false, salvage);
  }
  test::volatile_file_system fs;
  fs.create_directories("/in/main");
  fuzz::put_file(fs, "/in/main/current", bytes);
  fuzz::put_file(fs, "/in/main/manifest", bytes);
  fuzz::accepts([&] { fpindex::read_manifest(fs, "/in/main"); });
  for (const auto& index : fpindex::read_data_folder(fs, "/in")) {
    fuzz::require(!index.damage.empty() || index.generation != 0, "an index without a generation");
  }
  fuzz::accepts([&] {
    const auto file = fs.open("/in/main/current");
    fpindex::file_source source(*file, 0, file->size());
    fpindex::snapshot_reader stream("x", source);
    for (size_t i = 0; i < stream.header().files.size(); i++) stream.copy_file(fs, "/in/out");
    stream.finish();
  });
  return 0;
}
