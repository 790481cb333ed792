#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <thread>

#include "core/commit/changes.hpp"
#include "core/index/manifest.hpp"
#include "core/merge/merge.hpp"
#include "tests/bench/node_bench.hpp"
#include "tests/bench/node_fixture.hpp"

namespace fp::bench {

namespace {

constexpr size_t segments_for_pools = 8;
constexpr uint32_t pools[] = {1, 2, 4};
constexpr size_t segments_for_strategies[] = {2, 5, 8, 16};

/// An index folder with equal segments. Returns the segment files.
std::vector<path> make_index(const options& o, size_t num_segments, const std::string& dir) {
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
    const commit one{s, s + 1, std::make_shared<const std::vector<uint8_t>>(changes.take())};
    const auto from = snapshot::from_segments({build_memory_segment({&one, 1})});
    const auto name = segment_file_name(s + 1, s + 1);
    const auto made = merge_to_file(*from, 0, 1, fs, folders.data / name, load_mode::map);
    names.segments.push_back({name, made->info()});
    files.push_back(folders.data / name);
  }
  write_manifest(fs, folders.data, names);
  return files;
}

/// Milliseconds until all segments are in, from the node's own account.
double load(const std::string& dir, uint32_t pool, load_mode mode) {
  config settings;
  settings.dir = dir;
  settings.parallel_loading = pool > 1;
  settings.max_concurrent_loads = pool;
  settings.segment_load_mode = mode;
  local_node node(settings);
  const auto index = node.resolve("main");
  node.ask<index_info>(index, index_info_request{600'000});
  return static_cast<double>(node.ask<index_status>(index, status_atom_v).loading.segments_us) / 1e3;
}

void measure_pools(const options& o, load_mode mode, const std::string& dir, const std::vector<path>& files,
                   reporter& report) {
  const std::string how = mode == load_mode::map ? "mapped" : "read";
  uint64_t bytes = 0;
  for (const auto& f : files) bytes += std::filesystem::file_size(f);
  std::vector<double> reading, to_reading;
  std::map<uint32_t, std::vector<double>> ours, to_one;
  for (uint32_t round = 0; round <= o.rounds; round++) {
    const double read = 1e3 * read_files(files);
    std::map<uint32_t, double> taken;
    for (const uint32_t pool : pools) taken[pool] = load(dir, pool, mode);
    if (round == 0) continue;  // warms the page cache
    reading.push_back(read);
    to_reading.push_back(read / taken[1]);
    for (const uint32_t pool : pools) {
      ours[pool].push_back(taken[pool]);
      to_one[pool].push_back(taken[1] / taken[pool]);
    }
  }
  for (const uint32_t pool : pools) {
    const bool one = pool == 1;
    report.add({.id = "loading/" + how + "/" + std::to_string(pool),
                .what = "loading " + std::to_string(bytes / 1'000'000) + " MB " + how + ", verified, " +
                        std::to_string(files.size()) + " segments, pool of " + std::to_string(pool),
                .unit = "ms",
                .ours = spread_of(ours[pool]),
                .reference_name = one ? "read(2) into fresh memory" : "pool of 1",
                .reference = spread_of(one ? reading : ours[1]),
                .ratio = spread_of(one ? to_reading : to_one[pool]),
                .target = one         ? 0.6
                          : pool == 2 ? std::optional(1.7)
                                      : std::nullopt,
                .limit = one ? "memory bandwidth of one core" : "number of cores",
                .x = {{"bytes", static_cast<double>(bytes)}, {"pool", pool}}});
  }
}

/// What a pool gains when an index starts.
void measure_strategies(const options& o, const std::string& dir, size_t num_segments, reporter& report) {
  const uint32_t pool = config{}.max_concurrent_loads;
  const size_t cores = std::clamp<size_t>(std::thread::hardware_concurrency(), 1, pool);
  const size_t turns = (num_segments + cores - 1) / cores;
  std::vector<double> parallel, sequential, ratios;
  for (uint32_t round = 0; round <= o.rounds; round++) {
    const double a = load(dir, pool, load_mode::map), b = load(dir, 1, load_mode::map);
    if (round == 0) continue;  // warms the page cache
    parallel.push_back(a);
    sequential.push_back(b);
    ratios.push_back(b / a);
  }
  report.add({.id = "start/" + std::to_string(num_segments),
              .what = "start of an index, " + std::to_string(num_segments) + " segments, strategy parallel",
              .unit = "ms",
              .ours = spread_of(parallel),
              .reference_name = "strategy sequential",
              .reference = spread_of(sequential),
              .ratio = spread_of(ratios),
              .target = num_segments >= 5 ? std::optional(1 / 0.6) : std::nullopt,
              .limit = "number of cores: " + std::to_string(num_segments) + " equal segments take " +
                       std::to_string(turns) + " turns",
              .x = {{"segments", static_cast<double>(num_segments)}}});
}

}  // namespace

void run_loading(const options& o, reporter& report) {
  {
    scratch_folder scratch(o.folder);
    const auto dir = (scratch.path() / "data").string();
    const auto files = make_index(o, segments_for_pools, dir);
    for (const auto mode : {load_mode::map, load_mode::read}) measure_pools(o, mode, dir, files, report);
  }
  for (const size_t num_segments : segments_for_strategies) {
    scratch_folder scratch(o.folder);
    const auto dir = (scratch.path() / "data").string();
    make_index(o, num_segments, dir);
    measure_strategies(o, dir, num_segments, report);
  }
}

}  // namespace fp::bench
