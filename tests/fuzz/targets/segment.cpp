#include "core/check/segment_check.hpp"
#include "core/index/snapshot.hpp"
#include "core/merge/merge.hpp"
#include "core/search/search.hpp"
#include "tests/core/support/volatile_file_system.hpp"
#include "tests/fuzz/fuzz_target.hpp"
#include "tests/fuzz/seal.hpp"

/// A segment file: opened in both modes, as it is and with right checksums; what opens is searched and merged.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fp;
  static const path file = "/a.seg";
  for (const bool sealed : {false, true}) {
    std::string bytes(fuzz::text_of(data, size));
    if (sealed) fuzz::seal_segment(bytes);
    test::volatile_file_system fs;
    fuzz::put_file(fs, file, bytes);
    segment_ptr opened;
    const bool mapped = fuzz::accepts([&] {
      opened = open_segment(fs, file, nullptr, {load_mode::map, nullptr, {}});
    });
    const bool read = fuzz::accepts([&] {
      opened = open_segment(fs, file, nullptr, {load_mode::read, nullptr, {}});
    });
    fuzz::require(mapped == read, "the modes disagree");
    if (!mapped) continue;
    const snapshot_ptr index = snapshot::from_segments({opened});
    std::vector<hash_value> query;
    for (hash_value h = 0; h < 100; h++) query.push_back(h * 2654435761u);
    searcher().search(*index, query, {});
    index->stats();
    for (document_id id = 0; id < 20; id++) index->find(opened->info().min_document + id);
    const bool in_order = fuzz::accepts([&] { check_postings(*opened, "a"); });
    const bool merged = fuzz::accepts([&] { merge_to_memory(*index, 0, 1); });
    fuzz::require(merged || !in_order, "a segment that is in order cannot be merged");
  }
  return 0;
}
