#include "core/fpindex/segment_info.hpp"

#include <cstdio>

namespace fp::fpindex {

segment_info read_segment_info(message_pack_reader& in) {
  const uint64_t begin = in.offset();
  if (const uint32_t size = in.array_header(); size != 3) {
    in.fail_at(begin, "a segment's commits are an array of " + std::to_string(size) + ", expected 3");
  }
  segment_info info;
  info.commit = in.number(max_commit_id);
  info.merges = in.number(max_commit_id);
  info.version = in.number_or_nil();
  if (info.commit == 0 || info.merges > max_commit_id - info.commit ||
      (info.version && *info.version > max_commit_id)) {
    in.fail_at(begin, "impossible commits of a segment: " + std::to_string(info.commit) + " and " +
                          std::to_string(info.merges) + " more");
  }
  return info;
}

void write(const segment_info& info, message_pack_writer& out) {
  out.array_header(3);
  out.number(info.commit);
  out.number(info.merges);
  if (info.version) {
    out.number(*info.version);
  } else {
    out.nil();
  }
}

std::string segment_file_name(const segment_info& info) {
  char name[64];
  std::snprintf(name, sizeof name, "%016llx-%08llx.data", static_cast<unsigned long long>(info.commit),
                static_cast<unsigned long long>(info.merges));
  return name;
}

}  // namespace fp::fpindex
