#include <sys/mman.h>
#include <unistd.h>

#include "core/text/gzip_reader.hpp"
#include "tests/fuzz/fuzz_target.hpp"

/// A text file or a gzip file, read line by line.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fp;
  constexpr size_t max_line_bytes = 1 << 16;
  const int file = ::memfd_create("input", 0);
  fuzz::require(file >= 0, "no file in memory");
  fuzz::require(::write(file, data, size) == static_cast<ssize_t>(size), "cannot write the file in memory");
  fuzz::accepts(
      [&] {
        auto reader = line_reader::open("/proc/self/fd/" + std::to_string(file), max_line_bytes);
        std::string_view line;
        while (reader.next(line)) fuzz::require(line.size() <= max_line_bytes, "a line above the bound");
      },
      {errc::corrupt_data, errc::payload_too_large});
  ::close(file);
  return 0;
}
