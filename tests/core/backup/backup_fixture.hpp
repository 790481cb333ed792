#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "core/backup/backup_format.hpp"
#include "core/base/checksum.hpp"
#include "core/index/manifest.hpp"
#include "core/index/snapshot.hpp"
#include "tests/core/support/backup_streams.hpp"
#include "tests/core/support/commits.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp::test {

inline byte_vector backup_of(const snapshot_ptr& from) {
  backup_writer writer(from, "main", 3);
  return read_all(writer);
}

/// A backup put together by hand: parts with valid checksums, whatever they say.
struct crafted_backup {
  backup_format::stream_header header;
  std::vector<std::pair<backup_format::segment_entry, byte_vector>> segments;
  backup_format::trailer trailer;

  /// What a writer makes of a snapshot.
  static crafted_backup of(const snapshot& from) {
    crafted_backup b;
    b.header = {"main", 3, from.version(), from.entries().size(), 0};
    for (const auto& e : from.entries()) {
      const auto bytes = e.segment->bytes();
      b.segments.push_back({{b.segments.size(), bytes.size(), e.segment->info().commits()},
                            byte_vector(bytes.begin(), bytes.end())});
    }
    b.header.num_bytes = backup_format::stream_header_bytes + backup_format::trailer_bytes;
    for (const auto& [entry, bytes] : b.segments) b.header.num_bytes += backup_format::entry_bytes + bytes.size();
    b.trailer = {b.header.num_segments, b.header.num_bytes, 0};
    return b;
  }

  byte_vector seal() const {
    byte_vector out;
    append<backup_format::stream_header_bytes>(out, header);
    for (const auto& [entry, bytes] : segments) {
      append<backup_format::entry_bytes>(out, entry);
      out.insert(out.end(), bytes.begin(), bytes.end());
    }
    append<backup_format::trailer_bytes>(out, trailer);
    const uint64_t sum = checksum(std::span<const std::byte>(out).first(out.size() - 8));
    std::memcpy(out.data() + out.size() - 8, &sum, sizeof sum);
    return out;
  }

 private:
  template <size_t Size, class Part>
  static void append(byte_vector& out, const Part& part) {
    out.resize(out.size() + Size);
    backup_format::encode(part, std::span(out).template last<Size>());
  }
};

/// Folders to restore into.
class backup_test : public ::testing::Test {
 protected:
  backup_test() {
    fs_.create_directories(target_.data);
    fs_.create_directories(target_.oplog);
  }

  backup_format::stream_header restore(std::span<const std::byte> stream) {
    backup_restorer restorer(fs_, target_);
    return feed(restorer, stream);
  }

  void empty_target() {
    for (const std::string& name : fs_.list(target_.data)) fs_.remove(target_.data / name);
  }

  /// What was restored, opened as an index opens its files.
  snapshot_ptr open_target(const path& data) {
    std::vector<segment_ptr> segments;
    for (const auto& [name, info] : read_manifest(fs_, data).segments) {
      segments.push_back(open_segment(fs_, data / name, &info));
    }
    return snapshot::from_segments(std::move(segments));
  }
  snapshot_ptr open_target() { return open_target(target_.data); }

  /// A few segments in memory, with replaced and deleted documents and metadata.
  static snapshot_ptr small_snapshot() {
    changes_encoder third;
    third.insert(2, std::vector<hash_value>{7, 8});
    third.set_metadata("key", "value");
    return snapshot::from_segments({make_segment(make_commit(1, {{1, {1, 2, 3}}, {2, {4, 5}}, {9, {1}}})),
                                    make_segment(make_commit(2, {{4, {1, 5}}}, {9})),
                                    make_segment(make_commit(3, third))});
  }
  static snapshot_ptr one_segment() {
    return snapshot::from_segments({make_segment(make_commit(1, {{1, {1, 2, 3}}, {2, {4, 5}}}, {7}))});
  }

  temporary_folder temporary_;
  file_system& fs_ = posix_file_system();
  index_folders target_{temporary_ / "target" / "data", temporary_ / "target" / "oplog"};
};

}  // namespace fp::test
