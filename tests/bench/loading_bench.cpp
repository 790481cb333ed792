#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fstream>

#include "core/commit/changes.hpp"
#include "core/index/manifest.hpp"
#include "core/merge/merge.hpp"
#include "tests/bench/node_bench.hpp"
#include "tests/bench/node_fixture.hpp"

namespace fp::bench {

namespace {

constexpr size_t num_segments = 8;

/// An index folder with equal segments. Returns the segment files.
std::vector<path> make_index(const options& o, const std::string& dir) {
  config settings;
  settings.dir = dir;
  local_node(settings).create("main");
  const auto folders = folders_of(dir, {"main", 1, false});
  auto& fs = posix_file_system();
  manifest names;
  std::vector<path> files;
  uniform_documents documents(11, o.hashes_per_document);
  document_id id = 1;
  for (size_t s = 0; s < num_segments; s++) {
    changes_encoder changes;
    for (uint64_t d = 0; d < o.postings / o.hashes_per_document / num_segments; d++) {
      changes.insert(id++, documents.next());
    }
    const commit one{s + 1, std::make_shared<const std::vector<uint8_t>>(changes.take())};
    const auto from = snapshot::from_segments({build_memory_segment({&one, 1})});
    const auto name = segment_file_name(s + 1, s + 1);
    const auto made = merge_to_file(*from, 0, 1, fs, folders.data / name, load_mode::map);
    names.segments.push_back({name, made->info()});
    files.push_back(folders.data / name);
  }
  write_manifest(fs, folders.data, names);
  return files;
}

/// Seconds until all segments are in, from the node's own account.
double load(const std::string& dir, uint32_t pool, load_mode mode) {
  config settings;
  settings.dir = dir;
  settings.parallel_loading = pool > 1;
  settings.max_concurrent_loads = pool;
  settings.segment_load_mode = mode;
  local_node node(settings);
  const auto index = node.resolve("main");
  node.ask<index_info>(index, index_info_request{600'000});
  return static_cast<double>(node.ask<index_status>(index, status_atom_v).loading.segments_us) / 1e6;
}

/// Reads the same bytes with read(2) into fresh memory: what no loader that looks at its bytes can beat by much.
double read_files(const std::vector<path>& files) {
  return seconds([&] {
    for (const auto& file : files) {
      const auto size = std::filesystem::file_size(file);
      void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      const int fd = open(file.c_str(), O_RDONLY | O_CLOEXEC);
      size_t at = 0;
      while (at < size) {
        const auto n = read(fd, static_cast<char*>(memory) + at, size - at);
        if (n <= 0) break;
        at += static_cast<size_t>(n);
      }
      close(fd);
      munmap(memory, size);
    }
  });
}

}  // namespace

void run_loading(const options& o, reporter& report) {
  scratch_folder scratch(o.folder);
  const auto dir = (scratch.path() / "data").string();
  const auto files = make_index(o, dir);
  uint64_t bytes = 0;
  for (const auto& f : files) bytes += std::filesystem::file_size(f);
  for (const auto mode : {load_mode::map, load_mode::read}) {
    const std::string how = mode == load_mode::map ? "mapped" : "read";
    std::vector<double> one, two, reading, to_reading, to_one;
    for (uint32_t round = 0; round <= o.rounds; round++) {
      const double r = read_files(files) * 1e3, a = load(dir, 1, mode) * 1e3, b = load(dir, 2, mode) * 1e3;
      if (round == 0) continue;  // warms the page cache
      reading.push_back(r);
      one.push_back(a);
      two.push_back(b);
      to_reading.push_back(r / a);
      to_one.push_back(a / b);
    }
    const std::string what = "loading " + std::to_string(bytes / 1'000'000) + " MB " + how;
    report.add({.id = "loading/" + how + "/1",
                .what = what + ", verified, 1 loader",
                .unit = "ms",
                .ours = spread_of(one),
                .reference_name = "read(2) into fresh memory",
                .reference = spread_of(reading),
                .ratio = spread_of(to_reading),
                .target = 0.6,
                .limit = "memory bandwidth of one core",
                .x = {{"bytes", static_cast<double>(bytes)}, {"pool", 1}}});
    report.add({.id = "loading/" + how + "/2",
                .what = what + ", 8 segments, pool of 2",
                .unit = "ms",
                .ours = spread_of(two),
                .reference_name = "1 loader",
                .reference = spread_of(one),
                .ratio = spread_of(to_one),
                .target = 1.7,
                .limit = "the number of cores",
                .x = {{"bytes", static_cast<double>(bytes)}, {"pool", 2}}});
  }
}

}  // namespace fp::bench
