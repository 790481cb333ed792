#include <malloc.h>

#include <algorithm>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>

#include "core/backup/backup_writer.hpp"
#include "core/commit/changes.hpp"
#include "core/fpindex/snapshot_writer.hpp"
#include "core/fs/file_system.hpp"
#include "core/merge/merge.hpp"
#include "core/search/search.hpp"
#include "tests/bench/core/documents.hpp"
#include "tests/bench/core/search_bench.hpp"
#include "tests/core/support/helper_pool.hpp"

namespace fp::bench {

namespace {

constexpr size_t num_segments = 16;
constexpr double mebibyte = 1024 * 1024;

uint64_t anonymous_bytes() {
  std::ifstream status("/proc/self/status");
  std::string word;
  uint64_t kib = 0;
  while (status >> word && word != "RssAnon:") {
  }
  status >> kib;
  return kib * 1024;
}

/// Bytes of memory, without mapped files, that the process took at the most beyond those that it had before `f`.
template <class F>
uint64_t peak_growth(F&& f) {
  malloc_trim(0);  // lest memory that was freed before hides what is taken now
  const uint64_t before = anonymous_bytes();
  uint64_t peak = before;
  std::mutex mutex;
  std::condition_variable_any done;
  std::jthread sampler([&](std::stop_token stop) {
    std::unique_lock lock(mutex);
    while (!done.wait_for(lock, stop, std::chrono::milliseconds(10), [&] { return stop.stop_requested(); })) {
      if (stop.stop_requested()) return;
      peak = std::max(peak, anonymous_bytes());
    }
  });
  f();
  sampler.request_stop();
  sampler.join();
  return peak - before;
}

/// The same bytes under another name, durable: what no merge into a file can beat by much.
double copy_seconds(const path& from, const path& to) {
  return seconds([&] {
    const auto in = posix_file_system().open(from);
    const auto out = posix_file_system().create(to);
    std::vector<std::byte> buffer(size_t{1} << 20);
    for (uint64_t at = 0; const size_t length = in->read_at(at, buffer); at += length) {
      out->write_at(at, std::span(buffer).first(length));
    }
    out->sync();
  });
}

spread once(double value) { return {value, value, value}; }

class file_bench {
 public:
  file_bench(uint64_t items, const search_bench_options& o, reporter& report)
      : items_(items), o_(o), report_(report), scratch_(o.folder) {}

  void run() {
    build();
    search();
    merge();
    send();
    load();
    search();
    report_size({"files", what(), items_, 1, true}, corpus_, report_);
  }

 private:
  std::string what() const { return "files of " + std::to_string(items_ / 1'000'000) + " M"; }
  std::string id(const std::string& figure) const { return figure + "/" + std::to_string(items_); }
  path file(const std::string& name) const { return scratch_.path() / name; }

  /// Each segment in memory, then as a file.
  void build() {
    uniform_source documents(o_.hashes_per_document);
    std::vector<double> ours, sorting, ratios;
    std::vector<segment_ptr> segments;
    uint64_t drawn = 0;
    document_id id = 0;
    for (size_t s = 1; s <= num_segments; s++) {
      const uint64_t before = drawn;
      changes_encoder changes;
      std::vector<posting> postings;
      while (drawn < items_ * s / num_segments) {
        const auto& hashes = documents.next();
        changes.insert(++id, hashes);
        for (const hash_value h : hashes) postings.push_back(make_posting(h, id));
        drawn += hashes.size();
        if (corpus_.queries.size() * items_ < drawn * o_.queries) {
          corpus_.queries.push_back(documents.query(o_.hashes_per_query));
        }
      }
      const commit one{s - 1, s, std::make_shared<const std::vector<uint8_t>>(changes.take())};
      const auto rate = [&](double taken) { return static_cast<double>(drawn - before) / taken / 1e6; };
      sorting.push_back(rate(seconds([&] { std::sort(postings.begin(), postings.end()); })));
      postings = {};
      ours.push_back(rate(seconds([&] {
        const auto memory = snapshot::from_segments({build_memory_segment({&one, 1})});
        segments.push_back(
            merge_to_file(*memory, 0, 1, posix_file_system(), file(std::to_string(s)), load_mode::map));
      })));
      ratios.push_back(ours.back() / sorting.back());
    }
    corpus_.index = snapshot::from_segments(std::move(segments));
    report_.add({.id = this->id("build"),
                 .what = what() + ", building",
                 .unit = "M items/s",
                 .ours = spread_of(ours),
                 .reference_name = "std::sort of the same items",
                 .reference = spread_of(sorting),
                 .ratio = spread_of(ratios),
                 .target = {},
                 .limit = "sorting, and writing to the disk",
                 .x = {{"items", static_cast<double>(items_)}}});
  }

  /// Against the same postings in the blocks' layout.
  void search() {
    corpus_.blocks.clear();
    for (const auto& e : corpus_.index->entries()) {
      const auto postings = make_posting_source(*e.segment, {});
      corpus_.blocks.emplace_back(*postings, e.segment->info().num_postings);
    }
    check_answers(corpus_);
    searcher engine;
    for (const auto& q : corpus_.queries) {
      const auto found = engine.search(*corpus_.index, q, {}).results;
      if (found.empty() || found.front().score != distinct(q).size()) {
        throw std::runtime_error("a document is not found with all its hashes");
      }
    }
    const size_t segments = corpus_.blocks.size();
    measure_latency({"files", what(), items_, segments, true}, corpus_, o_, segments < 16 ? 8 : 10, report_);
  }

  /// All segments into one file.
  void merge() {
    corpus_.blocks.clear();
    test::helper_pool helper(1);
    const auto merge_with = [&](helper_threads* helpers) {
      return seconds([&] {
        merge_to_file(*corpus_.index, 0, num_segments, posix_file_system(), file("merged"), load_mode::map, nullptr,
                      {}, helpers);
      });
    };
    double ours = 0;
    const uint64_t memory = peak_growth([&] { ours = merge_with(nullptr); });
    const double copy = copy_seconds(file("merged"), file("copy"));
    std::filesystem::remove(file("copy"));
    const auto two = time_pairs(std::min(o_.rounds, 3u), [&] {
      const double with_helper = merge_with(&helper);
      return std::pair(with_helper * 1e3, merge_with(nullptr) * 1e3);
    });
    segment_ptr merged = open_segment(posix_file_system(), file("merged"), nullptr);
    const auto bytes = static_cast<double>(merged->info().num_bytes);
    corpus_.index = snapshot::from_segments({std::move(merged)});
    report_.add({.id = id("merge"),
                 .what = what() + ", merging 16 into 1",
                 .unit = "MB/s",
                 .ours = once(bytes / 1e6 / ours),
                 .reference_name = "copying the result, durable",
                 .reference = once(bytes / 1e6 / copy),
                 .ratio = once(copy / ours),
                 .target = {},
                 .limit = "one core, and writing to the disk",
                 .x = {{"items", static_cast<double>(items_)}, {"seconds", ours}}});
    report_.add({.id = id("merge-helped"),
                 .what = what() + ", the same with a helper",
                 .unit = "ms",
                 .ours = two.ours,
                 .reference_name = "by one thread",
                 .reference = two.reference,
                 .ratio = two.ratio,
                 .target = 1.7,
                 .limit = "two cores, and writing to the disk",
                 .x = {{"items", static_cast<double>(items_)}}});
    report_.add({.id = id("merge-memory"),
                 .what = what() + ", memory of that merge",
                 .unit = "MiB",
                 .ours = once(static_cast<double>(memory) / mebibyte),
                 .reference_name = "the result",
                 .reference = once(bytes / mebibyte),
                 .ratio = once(bytes / std::max(static_cast<double>(memory), mebibyte)),
                 .target = {},
                 .limit = "buffers and documents, whatever the postings",
                 .x = {{"items", static_cast<double>(items_)}}});
  }

  /// The index for an fpindex node, and as a backup.
  void send() {
    const auto rate_of = [](chunk_producer& stream) {
      const double taken = seconds([&] {
        while (!stream.at_end()) stream.next();
      });
      return static_cast<double>(stream.num_bytes()) / 1e6 / taken;
    };
    std::vector<double> ours, backups, ratios;
    for (uint32_t round = 0; round <= std::min(o_.rounds, 3u); round++) {
      backup_writer backup(corpus_.index, "main", 1);
      fpindex::snapshot_writer snapshot(corpus_.index, "main", 1);
      const double reference = rate_of(backup), rate = rate_of(snapshot);
      if (round == 0) continue;  // warms the page cache
      ours.push_back(rate);
      backups.push_back(reference);
      ratios.push_back(rate / reference);
    }
    report_.add({.id = id("export"),
                 .what = what() + ", export in fpindex's format",
                 .unit = "MB/s",
                 .ours = spread_of(ours),
                 .reference_name = "our backup",
                 .reference = spread_of(backups),
                 .ratio = spread_of(ratios),
                 .target = {},
                 .limit = "packing each block twice, its checksum",
                 .x = {{"items", static_cast<double>(items_)}}});
  }

  void load() {
    const auto name = file("merged");
    // What warms up is the page cache.
    const auto times = time_pairs(std::min(o_.rounds, 3u), [&] {
      const double read = read_files({name});
      const double open = seconds([&] { open_segment(posix_file_system(), name, nullptr); });
      return std::pair(open * 1e3, read * 1e3);
    });
    report_.add({.id = id("open"),
                 .what = what() + ", opening and verifying the one file",
                 .unit = "ms",
                 .ours = times.ours,
                 .reference_name = "read(2) into fresh memory",
                 .reference = times.reference,
                 .ratio = times.ratio,
                 .target = 0.6,
                 .limit = "memory bandwidth of one core",
                 .x = {{"items", static_cast<double>(items_)}}});
  }

  uint64_t items_;
  const search_bench_options& o_;
  reporter& report_;
  scratch_folder scratch_;
  corpus corpus_;
};

}  // namespace

void run_files(const search_bench_options& o, reporter& report) {
  for (const uint64_t items : o.file_postings) file_bench(items, o, report).run();
}

}  // namespace fp::bench
