#include "core/fpindex/snapshot_reader.hpp"

#include <algorithm>
#include <vector>

namespace fp::fpindex {

namespace {

constexpr size_t copied_bytes = size_t{64} << 10;

}  // namespace

void snapshot_reader::copy_file(file_system& fs, const path& to) {
  const auto out = fs.create(to);
  std::vector<std::byte> buffer(copied_bytes);
  const uint64_t total = header_.files.at(copied_++).num_bytes;
  for (uint64_t done = 0; done < total;) {
    const auto part = std::span(buffer).first(static_cast<size_t>(std::min<uint64_t>(copied_bytes, total - done)));
    in_.raw(part);
    out->write_at(done, part);
    done += part.size();
  }
}

void snapshot_reader::finish() {
  if (!in_.at_end()) in_.fail_at(in_.offset(), "bytes behind the last segment");
}

}  // namespace fp::fpindex
