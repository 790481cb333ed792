#include "tests/bench/bench.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace fp::bench {

spread spread_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {values.front(), values[values.size() / 2], values.back()};
}

const std::vector<hash_value>& uniform_documents::next() {
  hashes_.resize(count_);
  for (auto& h : hashes_) {
    // SplitMix64 (Steele, Lea, Flood 2014).
    uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    h = static_cast<hash_value>((z ^ (z >> 31)) >> 32) & 0xfffffff0;
  }
  return hashes_;
}

scratch_folder::scratch_folder(const std::filesystem::path& parent) {
  std::string name = (parent / "fpbench-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a folder in " + parent.string());
  path_ = name;
}

scratch_folder::~scratch_folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void print_row(const std::string& what, const std::string& ours, const std::string& reference, spread ratio) {
  std::printf("| %-34s | %-24s | %-42s | %5.2f (%.2f to %.2f) |\n", what.c_str(), ours.c_str(), reference.c_str(),
              ratio.median, ratio.min, ratio.max);
  std::fflush(stdout);
}

void print_table_head() {
  std::printf("| %-34s | %-24s | %-42s | ratio |\n| --- | --- | --- | --- |\n", "what", "ours", "reference");
}

}  // namespace fp::bench
