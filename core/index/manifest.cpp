#include "core/index/manifest.hpp"

#include <algorithm>
#include <charconv>
#include <set>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "core/base/checksum.hpp"
#include "core/base/error.hpp"
#include "core/index/checked_json.hpp"
#include "core/segment/segment.hpp"

namespace fp {

namespace {

using nlohmann::json;

constexpr uint64_t first_version_with_jumps = 2;
constexpr std::string_view segment_suffix = ".seg";

/// Whether a name stays within its folder and is one that `sweep_data_folder` would know as a segment's.
bool is_segment_name(std::string_view name) noexcept {
  const auto is_allowed = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
           c == '.';
  };
  return name.size() > segment_suffix.size() && name.size() <= 255 && name.front() != '.' &&
         name.ends_with(segment_suffix) && std::all_of(name.begin(), name.end(), is_allowed);
}

/// What is wrong with a manifest; empty when nothing is.
std::string find_fault(const manifest& m) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < m.segments.size(); i++) {
    const auto& [name, info] = m.segments[i];
    const auto fault = [&](const std::string& what) { return "segments[" + std::to_string(i) + "]: " + what; };
    if (!is_segment_name(name)) return fault("file_name is not the name of a segment file");
    if (!names.insert(name).second) return fault("file_name is there twice");
    const commit_range range = info.commits();
    if (info.last_commit > max_commit_id) return fault("a last commit that none could follow");
    if (!range.is_possible()) return fault("impossible range of commits");
    if (i > 0 && !range.goes_on(m.segments[i - 1].info.commits())) {
      return fault("begins behind " + begin_of(range) + " after a segment that ends with " +
                   end_of(m.segments[i - 1].info.commits()));
    }
    if (i + 1 == m.segments.size() && !range.ends_whole()) {
      return fault("ends with " + end_of(range) + ", and nothing follows");
    }
    if (info.num_tombstones > info.num_documents) return fault("more tombstones than documents");
    if (info.min_document > info.max_document) return fault("min_document is above max_document");
  }
  return {};
}

manifest_entry read_entry(const json& object, const path& file, size_t i, uint64_t version) {
  const bool has_jumps = version >= first_version_with_jumps;
  const json_reader in(object, file, "segments[" + std::to_string(i) + "].");
  if (has_jumps) {
    in.expect_only({"file_name", "previous_commit", "first_commit", "last_commit", "first_part", "last_part",
                    "num_postings", "num_documents", "num_tombstones", "min_document", "max_document", "num_bytes",
                    "checksum"});
  } else {
    in.expect_only({"file_name", "first_commit", "last_commit", "num_postings", "num_documents", "num_tombstones",
                    "min_document", "max_document", "num_bytes", "checksum"});
  }
  manifest_entry entry;
  entry.file_name = in.get_string("file_name");
  entry.info.first_commit = in.get_number("first_commit");
  entry.info.last_commit = in.get_number("last_commit");
  if (has_jumps) {
    entry.info.previous_commit = in.get_number("previous_commit");
    entry.info.first_part = static_cast<uint32_t>(in.get_number("first_part", UINT32_MAX));
    entry.info.last_part = static_cast<uint32_t>(in.get_number("last_part", UINT32_MAX));
  } else {
    // Of commit 0, which there was not, an impossible one.
    entry.info.previous_commit = entry.info.first_commit - 1;
  }
  entry.info.num_postings = in.get_number("num_postings");
  entry.info.num_documents = in.get_number("num_documents");
  entry.info.num_tombstones = in.get_number("num_tombstones");
  entry.info.min_document = static_cast<document_id>(in.get_number("min_document", UINT32_MAX));
  entry.info.max_document = static_cast<document_id>(in.get_number("max_document", UINT32_MAX));
  entry.info.num_bytes = in.get_number("num_bytes");
  entry.info.checksum = in.get_hex("checksum");
  return entry;
}

json to_json(const manifest_entry& entry) {
  return {{"file_name", entry.file_name},
          {"previous_commit", entry.info.previous_commit},
          {"first_commit", entry.info.first_commit},
          {"last_commit", entry.info.last_commit},
          {"first_part", entry.info.first_part},
          {"last_part", entry.info.last_part},
          {"num_postings", entry.info.num_postings},
          {"num_documents", entry.info.num_documents},
          {"num_tombstones", entry.info.num_tombstones},
          {"min_document", entry.info.min_document},
          {"max_document", entry.info.max_document},
          {"num_bytes", entry.info.num_bytes},
          {"checksum", to_hex16(entry.info.checksum)}};
}

}  // namespace

uint64_t manifest::num_bytes() const noexcept {
  uint64_t sum = 0;
  for (const manifest_entry& entry : segments) sum += entry.info.num_bytes;
  return sum;
}

manifest read_manifest(file_system& fs, const path& data) {
  const path file = data / manifest_file_name;
  manifest m;
  if (!fs.exists(file)) {
    for (const std::string& name : fs.list(data)) {
      if (name.ends_with(segment_suffix)) {
        throw error(errc::corrupt_data, file.string() + ": missing, but " + name + " is there");
      }
    }
    return m;
  }
  uint64_t version = 0;
  const json object = parse_checked_json(read_file(fs, file), {1, manifest_version}, file, &version);
  const json_reader in(object, file);
  in.expect_only({"segments"});
  const json& segments = in.get_array("segments");
  for (size_t i = 0; i < segments.size(); i++) m.segments.push_back(read_entry(segments[i], file, i, version));
  if (const std::string fault = find_fault(m); !fault.empty()) {
    throw error(errc::corrupt_data, file.string() + ": " + fault);
  }
  return m;
}

void write_manifest(file_system& fs, const path& data, const manifest& m) {
  const path file = data / manifest_file_name;
  if (const std::string fault = find_fault(m); !fault.empty()) {
    throw error(errc::internal_error, file.string() + ": not written: " + fault);
  }
  json segments = json::array();
  for (const manifest_entry& entry : m.segments) segments.push_back(to_json(entry));
  json object = json::object();
  object["segments"] = std::move(segments);
  replace_file(fs, file, dump_checked_json(std::move(object), manifest_version));
}

std::string segment_file_name(const commit_range& range) {
  const auto place = [](commit_id commit, uint32_t part) {
    return to_hex16(commit) + (part == 0 ? "" : "." + to_hex16(part).substr(8));
  };
  return place(range.first, range.first_part) + "-" + place(range.last, range.last_part) +
         std::string(segment_suffix);
}

std::string segment_file_name(commit_id first, commit_id last) {
  return segment_file_name(commit_range{.first = first, .last = last});
}

std::string segment_file_name(const segment& served) { return path(served.name()).filename().string(); }

std::string merged_file_name(const segment& oldest, const segment& newest) {
  const std::string name = segment_file_name(joined(oldest.info().commits(), newest.info().commits()));
  if (&oldest != &newest || oldest.is_memory()) return name;
  const std::string stem = name.substr(0, name.size() - segment_suffix.size()) + "-";
  const std::string replaced = segment_file_name(oldest);
  uint64_t rewrites = 0;
  if (replaced.starts_with(stem)) {
    std::from_chars(replaced.data() + stem.size(), replaced.data() + replaced.size(), rewrites);
  }
  return stem + std::to_string(rewrites + 1) + std::string(segment_suffix);
}

std::vector<std::string> sweep_data_folder(file_system& fs, const path& data, const manifest& m) {
  std::unordered_set<std::string> named;
  for (const manifest_entry& entry : m.segments) named.insert(entry.file_name);
  std::vector<std::string> garbage = fs.list(data);
  std::erase_if(garbage, [&](const std::string& name) {
    return !is_temporary_name(name) && (!name.ends_with(segment_suffix) || named.contains(name));
  });
  if (garbage.empty()) return garbage;
  // A process that was killed may have left a manifest that only the page cache has.
  fs.sync_directory(data);
  for (const std::string& name : garbage) fs.remove(data / name);
  return garbage;
}

}  // namespace fp
