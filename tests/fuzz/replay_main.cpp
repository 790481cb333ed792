// Feeds a fuzz target files: replay FOLDER_OR_FILE... Folders that are not there are passed over.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <vector>

#include "tests/fuzz/fuzz_target.hpp"

int main(int argc, char** argv) {
  std::vector<std::filesystem::path> files;
  for (int i = 1; i < argc; i++) {
    if (std::filesystem::is_regular_file(argv[i])) files.emplace_back(argv[i]);
    if (!std::filesystem::is_directory(argv[i])) continue;
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  for (const auto& file : files) {
    std::ifstream in(file, std::ios::binary);
    const std::string input{std::istreambuf_iterator<char>(in), {}};
    std::cout << file.string() << ", " << input.size() << " bytes" << std::endl;
    const auto* const data = reinterpret_cast<const uint8_t*>(input.data());
    LLVMFuzzerTestOneInput(data, input.size());
    // Its neighbours: every shortening of a small input, and a flipped bit here and there.
    const size_t step = 1 + input.size() / 300;
    for (size_t size = 0; size < input.size(); size += step) {
      LLVMFuzzerTestOneInput(data, size);
      std::string damaged = input;
      damaged[size] = static_cast<char>(damaged[size] ^ 1 << size / step % 8);
      LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(damaged.data()), damaged.size());
    }
  }
  if (files.empty()) {
    std::cerr << "no inputs\n";
    return 1;
  }
  return 0;
}
