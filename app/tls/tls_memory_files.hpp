#pragma once

#include <string>

#include "app/tls/tls_files.hpp"

namespace fp {

/// Checked TLS files for CAF, which takes names of files, reads them at every connection and ends the process when
/// one is missing or wrong. These are in memory, so what becomes of the real ones does no harm, and the key is
/// nowhere else.
class tls_memory_files {
 public:
  /// Throws `io_error`.
  explicit tls_memory_files(const tls_credentials& credentials);
  ~tls_memory_files();
  tls_memory_files(const tls_memory_files&) = delete;
  tls_memory_files& operator=(const tls_memory_files&) = delete;

  /// Puts other contents under the same names. Each file changes at once, but the three one after the other: to be
  /// called where nobody reads them meanwhile.
  void replace(tls_memory_files&& newer);

  /// Names of the files, as long as the object lives.
  tls_files names() const;

 private:
  int certificate_ = -1, key_ = -1, ca_ = -1;  ///< file descriptors
};

}  // namespace fp
