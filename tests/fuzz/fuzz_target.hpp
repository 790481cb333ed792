#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "core/base/error.hpp"
#include "core/fs/file_system.hpp"

/// What libFuzzer, or `replay_main.cpp`, calls with each input. Always returns 0.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace fp::fuzz {

/// Ends the process when something does not hold that must hold for every input.
inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "fuzz: %s\n", what);
  std::abort();
}

/// Runs what reads the input. True when it accepted it; false when it refused with one of the errors that it may
/// refuse with. Everything else ends the process.
template <class F>
bool accepts(F&& operation, std::initializer_list<errc> allowed = {errc::corrupt_data, errc::unsupported_format}) {
  try {
    operation();
    return true;
  } catch (const error& e) {
    for (const errc code : allowed) {
      if (e.code() == code) return false;
    }
    std::fprintf(stderr, "fuzz: refused with %s: %s\n", std::string(to_string(e.code())).c_str(), e.what());
    std::abort();
  }
}

inline std::string_view text_of(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

inline void put_file(file_system& fs, const path& file, std::string_view text) {
  fs.create(file)->write_at(0, std::as_bytes(std::span(text)));
}

}  // namespace fp::fuzz
