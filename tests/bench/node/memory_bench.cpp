#include <fstream>

#include "tests/bench/node/feeding.hpp"
#include "tests/bench/node/node_process.hpp"
#include "tests/bench/node/parts.hpp"

namespace fp::bench {

namespace {

/// Bytes of a line such as "VmHWM:  1234 kB" of a file of /proc.
double proc_bytes(pid_t pid, const char* file, const std::string& key) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/" + file);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(key + ":")) return 1024 * std::stod(line.substr(key.size() + 1));
  }
  throw std::runtime_error("no " + key + " in /proc/PID/" + file);
}

double segment_bytes(const std::filesystem::path& data) {
  double sum = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(data)) {
    if (entry.path().extension() == ".seg") sum += static_cast<double>(entry.file_size());
  }
  return sum;
}

struct memory_use {
  double peak = 0, loaded = 0, anonymous = 0;
  double loading_seconds = 0;
};

memory_use load(const std::vector<std::string>& command) {
  node_process process(command);
  node_client client(process.port(), false);
  const auto progress = wait_until_loaded(client.node);
  // The kernel keeps the largest resident set by itself: nothing between two looks is missed.
  return {proc_bytes(process.pid(), "status", "VmHWM"), proc_bytes(process.pid(), "smaps_rollup", "Rss"),
          proc_bytes(process.pid(), "smaps_rollup", "Anonymous"), static_cast<double>(progress.elapsed_us) * 1e-6};
}

bool loads_with(const std::vector<std::string>& command, unsigned descriptors) {
  try {
    node_process process(command, descriptors);
    node_client client(process.port(), false);
    wait_until_loaded(client.node);
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

/// The smallest bound on open descriptors under which the node loads: what it takes at its peak, without looking.
unsigned descriptors_needed(const std::vector<std::string>& command) {
  unsigned fails = 8, loads = 128;
  while (loads - fails > 1) {
    const unsigned middle = (fails + loads) / 2;
    (loads_with(command, middle) ? loads : fails) = middle;
  }
  return loads;
}

void fill_folder(const node_options& o, const std::filesystem::path& data, uint64_t documents) {
  // Many segments, as a merge tier at a time leaves them.
  node_process process(node_command(o.node, data, {"--segments-per-level", "64", "--segments-per-merge", "64"}));
  node_client client(process.port());
  update_source source(13, o.hashes_per_document);
  feed(client.node, source, documents);
  client.node.checkpoint(index_name);
  process.stop();
}

}  // namespace

void run_memory(const node_options& o, reporter& report) {
  constexpr double slack = 32 << 20;
  scratch_folder scratch(o.folder);
  const auto data = scratch.path() / "data", small = scratch.path() / "small";
  fill_folder(o, data, o.items / o.hashes_per_document);
  fill_folder(o, small, 10);
  const double files = segment_bytes(data), bound = 1.02 * files + slack;
  for (const std::string mode : {"map", "read"}) {
    const auto command = node_command(o.node, data, {"--segment-load-mode", mode});
    std::vector<double> peaks, loaded, anonymous, of_bound;
    for (uint32_t round = 0; round < o.rounds; round++) {
      const auto use = load(command);
      peaks.push_back(use.peak / (1 << 20));
      loaded.push_back(use.loaded / (1 << 20));
      anonymous.push_back(use.anonymous / (1 << 20));
      of_bound.push_back(bound / use.peak);
    }
    const double bound_mib = bound / (1 << 20);
    report.add({"node/memory/" + mode + "/" + std::to_string(o.items),
                "largest resident set of loading, " + mode,
                "MiB",
                spread_of(peaks),
                "1.02 times the files and 32 MiB",
                {bound_mib, bound_mib, bound_mib},
                spread_of(of_bound),
                1.0,
                "the files themselves",
                {{"items", static_cast<double>(o.items)},
                 {"files_mib", files / (1 << 20)},
                 {"resident_after_mib", spread_of(loaded).median},
                 {"anonymous_after_mib", spread_of(anonymous).median}}});
  }
  std::vector<double> many, few, ratios;
  const double pool = 4;
  for (const std::string mode : {"map", "read"}) {
    many.push_back(descriptors_needed(node_command(o.node, data, {"--segment-load-mode", mode})));
    few.push_back(descriptors_needed(node_command(o.node, small, {"--segment-load-mode", mode})));
    ratios.push_back((few.back() + pool) / many.back());
  }
  report.add({"node/descriptors",
              "descriptors that loading takes",
              "descriptors",
              spread_of(many),
              "a single small segment, and the pool's 4 beyond that",
              spread_of(few),
              spread_of(ratios),
              1.0,
              "one open segment a loader",
              {}});
}

}  // namespace fp::bench
