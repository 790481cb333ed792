#include "tests/bench/bench.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace fp::bench {

namespace {

/// Three or four digits.
std::string short_number(double value) {
  const double size = std::abs(value);
  const int decimals = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

nlohmann::json json_of(const spread& s) { return {{"min", s.min}, {"median", s.median}, {"max", s.max}}; }

}  // namespace

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

double read_files(const std::vector<std::filesystem::path>& files) {
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

scratch_folder::scratch_folder(const std::filesystem::path& parent) {
  std::string name = (parent / "fpbench-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a folder in " + parent.string());
  path_ = name;
}

scratch_folder::~scratch_folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

reporter::reporter(const std::filesystem::path& json) : path_(json) {
  if (path_.empty()) return;
  json_.open(path_, std::ios::app);
  if (!json_) throw std::runtime_error("cannot append to " + path_.string());
}

void reporter::print_head() const {
  std::printf("| %-40s | %-20s | %-44s | ratio |\n| --- | --- | --- | --- |\n", "what", "ours", "reference");
  std::fflush(stdout);
}

void reporter::add(const figure& f) {
  const std::string ours = short_number(f.ours.median) + " " + f.unit;
  const std::string reference = f.reference_name + ": " + short_number(f.reference.median);
  std::printf("| %-40s | %-20s | %-44s | %5.2f (%.2f to %.2f) |\n", f.what.c_str(), ours.c_str(), reference.c_str(),
              f.ratio.median, f.ratio.min, f.ratio.max);
  std::fflush(stdout);
  auto reference_json = json_of(f.reference);
  reference_json["name"] = f.reference_name;
  append(nlohmann::json{
      {"id", f.id},
      {"what", f.what},
      {"unit", f.unit},
      {"ours", json_of(f.ours)},
      {"reference", reference_json},
      {"ratio", json_of(f.ratio)},
      {"target", f.target ? nlohmann::json(*f.target) : nlohmann::json()},
      {"limit", f.limit},
      {"x",
       f.x}}.dump());
}

void reporter::add(const figure_series& s) {
  append(
      nlohmann::json{{"id", s.id}, {"what", s.what}, {"x_unit", s.x_unit}, {"unit", s.unit}, {"series", s.points}}
          .dump());
}

void reporter::append(const std::string& line) {
  if (path_.empty()) return;
  json_ << line << '\n' << std::flush;
  if (!json_) throw std::runtime_error("cannot append to " + path_.string());
}

}  // namespace fp::bench
