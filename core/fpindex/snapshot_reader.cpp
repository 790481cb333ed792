#include "core/fpindex/snapshot_reader.hpp"

namespace fp::fpindex {

void snapshot_reader::copy_file(file_system& fs, const path& to) {
  const auto out = fs.create(to);
  uint64_t done = 0;
  read_file_bytes(in_, header_.files.at(copied_++).num_bytes, [&](std::span<const std::byte> piece) {
    out->write_at(done, piece);
    done += piece.size();
  });
}

void snapshot_reader::finish() { require_end_of_files(in_); }

}  // namespace fp::fpindex
