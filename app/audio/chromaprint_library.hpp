#pragma once

#include <chromaprint.h>

namespace fp {

/// libchromaprint (https://github.com/acoustid/chromaprint, chromaprint.h), loaded when something is fingerprinted:
/// it brings a hundred other libraries, which take longer to load than most commands run, and which a node has no
/// use for. Loaded once, for all threads; contexts are for one thread each.
struct chromaprint_library {
  /// Throws `io_error` when it is not installed.
  static const chromaprint_library& get();

  decltype(&::chromaprint_new) make;
  decltype(&::chromaprint_free) free;
  decltype(&::chromaprint_start) start;
  decltype(&::chromaprint_feed) feed;
  decltype(&::chromaprint_finish) finish;
  decltype(&::chromaprint_get_raw_fingerprint) raw_fingerprint;
  decltype(&::chromaprint_dealloc) dealloc;
};

}  // namespace fp
