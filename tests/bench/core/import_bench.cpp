#include <algorithm>
#include <atomic>
#include <thread>

#include "core/commit/changes.hpp"
#include "core/fpindex/index_import.hpp"
#include "core/fs/file_system.hpp"
#include "core/merge/merge.hpp"
#include "tests/bench/core/documents.hpp"
#include "tests/bench/core/search_bench.hpp"
#include "tests/core/fpindex/sample_segment.hpp"

namespace fp::bench {

namespace {

constexpr size_t num_import_segments = 16;

spread one_value(double value) { return {value, value, value}; }

/// The same postings as segment files of fpindex, imported, and as ours, merged into one.
class import_bench {
 public:
  import_bench(const search_bench_options& o, reporter& report)
      : items_(o.import_postings), o_(o), report_(report), scratch_(o.folder) {}

  void run() {
    make();
    uint64_t merged_bytes = 0;
    const double merging = seconds([&] {
      merged_bytes =
          merge_to_file(*index_, 0, num_import_segments, posix_file_system(), file("merged.seg"), load_mode::map)
              ->info()
              .num_bytes;
    });
    std::filesystem::remove(file("merged.seg"));
    const auto cores = std::max(1u, std::thread::hardware_concurrency());
    for (const unsigned threads : {1u, cores}) {
      uint64_t bytes = 0;
      const double importing = seconds([&] { bytes = import_with(threads); });
      const double ours = static_cast<double>(bytes) / 1e6 / importing;
      const double reference = static_cast<double>(merged_bytes) / 1e6 / merging;
      report_.add(
          {.id = "import/" + std::to_string(items_) + "/" + std::to_string(threads),
           .what = "importing " + std::to_string(items_ / 1'000'000) + " M, threads: " + std::to_string(threads),
           .unit = "MB/s",
           .ours = one_value(ours),
           .reference_name = "merging the same, 16 into 1",
           .reference = one_value(reference),
           .ratio = one_value(ours / reference),
           .target = {},
           .limit = "decoding, twice, and its checksum",
           .x = {{"items", static_cast<double>(items_)}, {"seconds", importing}, {"merge", merging}}});
    }
  }

 private:
  path file(const std::string& name) const { return scratch_.path() / name; }

  void make() {
    uniform_source documents(o_.hashes_per_document);
    std::vector<segment_ptr> segments;
    document_id id = 0;
    uint64_t drawn = 0;
    for (size_t s = 1; s <= num_import_segments; s++) {
      test::sample_segment plain;
      plain.info = {s, 0, {}};
      changes_encoder changes;
      while (drawn < items_ * s / num_import_segments) {
        const auto& hashes = documents.next();
        changes.insert(++id, hashes);
        plain.documents[id] = hashes;
        drawn += hashes.size();
      }
      const auto bytes = test::sample_file(plain);
      infos_.push_back(plain.info);
      posix_file_system().create(file(segment_file_name(plain.info)))->write_at(0, bytes);
      const commit one{s - 1, s, std::make_shared<const std::vector<uint8_t>>(changes.take())};
      const auto memory = snapshot::from_segments({build_memory_segment({&one, 1})});
      segments.push_back(
          merge_to_file(*memory, 0, 1, posix_file_system(), file(std::to_string(s) + ".seg"), load_mode::map));
    }
    index_ = snapshot::from_segments(std::move(segments));
  }

  /// Bytes of what it becomes.
  uint64_t import_with(unsigned threads) const {
    const path spool = file("spool");
    std::filesystem::create_directories(spool);
    fpindex::index_import work(posix_file_system(), spool, infos_, {});
    std::atomic<size_t> next = 0;
    const auto convert = [&] {
      for (size_t i = next++; i < infos_.size(); i = next++) work.convert(i, file(segment_file_name(infos_[i])));
    };
    {
      std::vector<std::jthread> others;
      while (others.size() + 1 < threads) others.emplace_back(convert);
      convert();
    }
    const auto made = work.finish();
    if (made->stats().num_postings != index_->stats().num_postings) {
      throw std::runtime_error("the import lost postings");
    }
    const auto bytes = made->stats().num_bytes;
    std::filesystem::remove_all(spool);
    return bytes;
  }

  uint64_t items_;
  const search_bench_options& o_;
  reporter& report_;
  scratch_folder scratch_;
  std::vector<fpindex::segment_info> infos_;
  snapshot_ptr index_;
};

}  // namespace

void run_import(const search_bench_options& o, reporter& report) { import_bench(o, report).run(); }

}  // namespace fp::bench
