#include "core/check/repair.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "core/base/checksum.hpp"
#include "core/base/error.hpp"
#include "core/check/log_check.hpp"
#include "core/check/segment_check.hpp"
#include "core/index/data_folder.hpp"
#include "core/index/manifest.hpp"
#include "core/oplog/oplog_format.hpp"
#include "core/segment/segment_sink.hpp"
#include "core/segment/segment_writer.hpp"

namespace fp {

namespace {

constexpr size_t copy_bytes = size_t{1} << 20;

/// An index that is repaired, while nobody else uses its data folder.
class patient {
 public:
  patient(file_system& fs, const path& root, const std::string& index) : fs_(fs) {
    require_valid_index_name(index);
    if (!fs.is_directory(root / index)) {
      throw error(errc::index_not_found, "there is no index " + index + " in " + root.string());
    }
    lock_ = fs.lock(root / data_folder::lock_name);
    const auto record = read_index_record(fs, root, index);
    if (!record || record->deleted) {
      throw error(errc::index_not_found, "there is no index " + index + " in " + root.string());
    }
    folders_ = folders_of(root, *record);
  }

  const index_folders& folders() const noexcept { return folders_; }

  /// Keeps a copy of a file, durably.
  void keep(repair_report& report, const path& file) {
    make_folder(report);
    const path copy = report.kept_in / file.filename();
    const auto in = fs_.open(file);
    const auto out = fs_.create(copy);
    std::vector<std::byte> buffer(copy_bytes);
    for (uint64_t at = 0;;) {
      const size_t count = in->read_at(at, buffer);
      if (count == 0) break;
      out->write_at(at, std::span(buffer).first(count));
      at += count;
    }
    out->sync();
    fs_.sync_directory(report.kept_in);
    report.kept_files.push_back(copy);
  }

 private:
  void make_folder(repair_report& report) {
    if (!report.kept_in.empty()) return;
    const path generation = folders_.data.parent_path();
    for (uint64_t number = 1;; number++) {
      path folder = generation / ("lost-" + std::to_string(number));
      if (fs_.exists(folder)) continue;
      fs_.create_directories(folder);
      report.kept_in = std::move(folder);
      return;
    }
  }

  file_system& fs_;
  std::unique_ptr<file_lock> lock_;
  index_folders folders_;
};

bool holds_possible_commits(const oplog_format::frame_header& header) {
  return header.num_commits > 0 && header.begin > 0 && header.begin <= max_commit_id &&
         header.num_commits - 1 <= max_commit_id - header.begin;
}

/// What the readable frames of cut bytes say of what is lost.
class salvage {
 public:
  explicit salvage(repair_report& report) : report_(report) {}

  /// `bytes`: a log file; what is before `begin` is not lost.
  void read(std::span<const std::byte> bytes, size_t begin) {
    namespace format = oplog_format;
    // The file's header looks like that of a frame.
    begin = std::max(begin, format::file_header_bytes);
    const auto versions = possible_versions(bytes);
    for (size_t at = begin; at + format::frame_header_bytes <= bytes.size(); at += format::frame_alignment) {
      format::frame_header header;
      if (!format::decode_frame_header(bytes.subspan(at), header) || !holds_possible_commits(header)) continue;
      report_.last_lost = std::max(report_.last_lost, header.begin + (header.num_commits - 1));
      const auto is_whole = [&](std::span<const std::byte> payload) {
        return payload.size() == header.payload_bytes && checksum(payload) == header.payload_checksum;
      };
      std::vector<std::byte> room;
      const auto payload_in = [&](uint32_t v) { return format::payload_of(header, bytes.subspan(at), v, room); };
      auto version = std::ranges::find_if(versions, [&](uint32_t v) {
        const auto payload = payload_in(v);
        return is_whole(payload) && fits({payload, v, header.begin}, header.num_commits);
      });
      const bool is_found = version != versions.end();
      if (!is_found) version = versions.begin();
      const auto payload = payload_in(*version);
      // A whole one that fits no version is of none.
      if (is_found || !is_whole(payload)) read_commits({payload, *version, header.begin}, is_found);
    }
  }

  void finish() { report_.documents.assign(documents_.begin(), documents_.end()); }

 private:
  /// Which layouts its payloads may have: more than one when the header of the file is what is damaged.
  static std::vector<uint32_t> possible_versions(std::span<const std::byte> file) {
    commit_id begin = 0;
    uint32_t version = 0;
    if (oplog_format::decode_file_header(file, begin, version) == oplog_format::header_state::valid)
      return {version};
    return {oplog_format::version, oplog_format::first_version_with_masks - 1,
            oplog_format::first_version_with_ids - 1};
  }

  static bool fits(oplog_format::payload_reader commits, uint32_t num_commits) {
    for (commit_view c; commits.next(c);) {
      if (num_commits-- == 0) return false;
    }
    return num_commits == 0 && commits.fault() == nullptr;
  }

  /// As far as they can be decoded: the payload may be what is damaged, and its ids mean nothing then.
  void read_commits(oplog_format::payload_reader commits, bool is_whole) {
    for (commit_view c; commits.next(c);) {
      if (is_whole) report_.last_lost = std::max(report_.last_lost, c.id);
      try {
        changes_reader reader(c.changes);
        change_view change;
        while (reader.next(change)) {
          if (change.id != 0) documents_.insert(change.id);
        }
      } catch (const error&) {
        return;
      }
    }
  }

  repair_report& report_;
  std::set<document_id> documents_;
};

/// Commits behind the cut that the segments do not hold.
void note_lost(repair_report& report, file_system& fs, const std::vector<path>& cut, const path& first,
               uint64_t good_bytes, commit_id last_good) {
  salvage readable(report);
  for (const path& file : cut) {
    const std::string text = read_file(fs, file, UINT64_MAX);
    const auto bytes = std::as_bytes(std::span(text));
    if (file.filename() == oplog_format::seal_name) {
      oplog_format::seal s;
      uint32_t version = 0;
      if (oplog_format::decode_seal(bytes, s, version) != oplog_format::header_state::valid) continue;
      report.last_lost = std::max(report.last_lost, s.last_commit);
      report.is_last_known = true;
    } else {
      readable.read(bytes, file == first ? good_bytes : 0);
    }
  }
  readable.finish();
  if (report.last_lost > last_good) {
    report.first_lost = last_good + 1;
  } else if (report.is_last_known) {
    report.last_lost = 0;
  } else {
    report.first_lost = report.last_lost = last_good + 1;
  }
}

void write_empty_segment(file_system& fs, const path& file, const segment_info& place) {
  segment_shape shape;
  shape.set_commits(place.commits());
  const auto out = fs.create(file);
  file_sink sink(*out);
  segment_writer(sink, shape).finish();
  out->sync();
}

}  // namespace

repair_report cut_log(file_system& fs, const path& root, const std::string& index) {
  patient p(fs, root, index);
  const manifest named = read_manifest(fs, p.folders().data);
  const commit_id after = named.segments.empty() ? 0 : named.segments.back().info.last_commit;
  const path& folder = p.folders().oplog;
  const oplog_inspection found = check_log(fs, folder, after);
  if (!found.first) throw error(errc::bad_request, folder.string() + ": the log is not damaged");
  // What a newer program wrote, and what may be read by another attempt, is not given up.
  if (found.first->code != errc::corrupt_data) throw error(found.first->code, found.first->reason);

  // The damaged file, those behind it, and the seal, which no longer tells the truth.
  const path damaged = found.first->file;
  std::vector<path> cut;
  for (const auto& f : found.files) {
    if (f.file == damaged || !f.reached) cut.push_back(f.file);
  }
  if (std::find(cut.begin(), cut.end(), damaged) == cut.end()) cut.push_back(damaged);
  repair_report report;
  for (const path& file : cut) p.keep(report, file);
  note_lost(report, fs, cut, damaged, found.good_bytes, found.last_commit);

  // From the end on, so that an interruption leaves no gap.
  for (auto file = cut.rbegin(); file != cut.rend(); ++file) {
    const bool is_log = oplog_format::parse_file_name(file->filename().string()).has_value();
    if (*file == damaged && is_log && found.good_bytes > 0) {
      const auto out = fs.open_for_writing(*file);
      out->truncate(found.good_bytes);
      out->sync();
    } else {
      fs.remove(*file);
    }
    fs.sync_directory(folder);
  }
  if (const auto again = check_log(fs, folder, after); again.first) {
    throw error(errc::corrupt_data, "still damaged, repair again: " + again.first->reason);
  }
  return report;
}

repair_report drop_segment(file_system& fs, const path& root, const std::string& index,
                           const std::string& file_name) {
  patient p(fs, root, index);
  const path &data = p.folders().data, file = data / file_name;
  manifest named = read_manifest(fs, data);
  const auto entry = std::find_if(named.segments.begin(), named.segments.end(),
                                  [&](const manifest_entry& e) { return e.file_name == file_name; });
  if (entry == named.segments.end())
    throw error(errc::bad_request, file.string() + ": the manifest does not name it");
  bool is_damaged = false;
  try {
    check_postings(*open_segment(fs, file, &entry->info), file.string());
  } catch (const error& e) {
    if (e.code() == errc::unsupported_format) throw;
    if (e.code() != errc::corrupt_data && fs.exists(file)) throw;
    is_damaged = true;
  }
  if (!is_damaged) throw error(errc::bad_request, file.string() + ": the segment is not damaged");

  repair_report report;
  report.first_lost = entry->info.first_commit;
  report.last_lost = entry->info.last_commit;
  report.is_last_known = true;
  report.num_documents = entry->info.num_documents;
  report.min_document = entry->info.min_document;
  report.max_document = entry->info.max_document;
  if (fs.exists(file)) p.keep(report, file);
  path temporary = file;
  temporary += ".tmp";
  write_empty_segment(fs, temporary, entry->info);
  entry->info = open_segment(fs, temporary, nullptr)->info();
  fs.rename(temporary, file);
  fs.sync_directory(data);
  write_manifest(fs, data, named);
  return report;
}

}  // namespace fp
