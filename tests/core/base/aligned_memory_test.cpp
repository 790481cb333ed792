#include "core/base/aligned_memory.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

namespace fp {
namespace {

constexpr size_t mib = size_t{1} << 20;

size_t resident_bytes() {
  size_t total = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * static_cast<size_t>(::sysconf(_SC_PAGESIZE));
}

TEST(aligned_memory, is_aligned_and_writable_to_its_last_byte) {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{100}, 2 * mib - 1, 2 * mib, 2 * mib + 1, 5 * mib - 4095}) {
    aligned_memory memory(size);
    ASSERT_EQ(memory.bytes().size(), size);
    ASSERT_EQ(reinterpret_cast<uintptr_t>(memory.bytes().data()) % (size < 2 * mib ? 64 : 2 * mib), 0u) << size;
    std::memset(memory.bytes().data(), 7, size);
  }
}

TEST(aligned_memory, takes_no_more_than_was_asked_for_and_gives_it_back) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "what sanitizers keep of each byte is resident, too";
#endif
  constexpr size_t count = 32, size = 2 * mib + 8192;
  const size_t before = resident_bytes();
  {
    std::vector<aligned_memory> blocks;
    for (size_t i = 0; i < count; i++) {
      blocks.emplace_back(size);
      std::memset(blocks.back().bytes().data(), 7, size);
    }
    EXPECT_GT(resident_bytes(), before + count * size - mib);
    EXPECT_LT(resident_bytes(), before + count * size + 24 * mib);
  }
  EXPECT_LT(resident_bytes(), before + 24 * mib);
}

}  // namespace
}  // namespace fp
