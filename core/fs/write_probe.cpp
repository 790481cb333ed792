#include "core/fs/write_probe.hpp"

#include <vector>

namespace fp {

void probe_writing(file_system& fs, const path& folder, size_t num_bytes) {
  const path file = folder / "probe.tmp";
  try {
    const auto out = fs.create(file);
    out->write_at(0, std::vector<std::byte>(num_bytes));
    out->sync();
  } catch (...) {
    try {
      fs.remove(file);
    } catch (...) {
      // The first failure is the one to report; the next open of the folder sweeps temporary files.
    }
    throw;
  }
  fs.remove(file);
}

}  // namespace fp
