#include "app/audio/fingerprinter.hpp"

#include <algorithm>

#include "core/base/error.hpp"

namespace fp {

fingerprinter::fingerprinter()
    : library_(chromaprint_library::get()), context_(library_.make(CHROMAPRINT_ALGORITHM_DEFAULT)) {
  if (!context_) throw error(errc::io_error, "Chromaprint gave no context");
}

std::vector<hash_value> fingerprinter::fingerprint(std::span<const int16_t> sound, int rate) {
  constexpr size_t most_at_once = 1 << 20;
  const auto require = [](int done, const char* what) {
    if (done == 0) throw error(errc::io_error, std::string("Chromaprint failed to ") + what);
  };
  require(library_.start(context_.get(), rate, 1), "begin a fingerprint");
  while (!sound.empty()) {
    const auto piece = sound.first(std::min(sound.size(), most_at_once));
    require(library_.feed(context_.get(), piece.data(), static_cast<int>(piece.size())), "take sound");
    sound = sound.subspan(piece.size());
  }
  require(library_.finish(context_.get()), "end a fingerprint");
  uint32_t* hashes = nullptr;
  int count = 0;
  require(library_.raw_fingerprint(context_.get(), &hashes, &count), "give a fingerprint");
  std::vector<hash_value> found(hashes, hashes + count);
  library_.dealloc(hashes);
  return found;
}

}  // namespace fp
