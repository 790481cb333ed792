#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "core/base/checksum.hpp"
#include "core/base/located_error.hpp"
#include "core/segment/stored_segment.hpp"

namespace fp {

namespace {

/// Reads exactly `out.size()` bytes; the file had them when its size was asked for.
void read_fully(const readable_file& file, const std::string& name, uint64_t offset, std::span<std::byte> out) {
  const size_t count = file.read_at(offset, out);
  if (count != out.size()) {
    throw located_error(errc::corrupt_data,
                        name + ": ends at offset " + std::to_string(offset + count) + ", expected " +
                            std::to_string(out.size() - count) + " more bytes",
                        offset + count);
  }
}

void compare(const segment_info& found, const segment_info& expected, const std::string& name) {
  const auto require = [&](uint64_t in_file, uint64_t in_manifest, const char* what) {
    if (in_file == in_manifest) return;
    throw error(errc::corrupt_data, name + ": header at offset 0: " + what + " is " + std::to_string(in_file) +
                                        ", but the manifest says " + std::to_string(in_manifest));
  };
  require(found.previous_commit, expected.previous_commit, "previous commit");
  require(found.first_commit, expected.first_commit, "first commit");
  require(found.last_commit, expected.last_commit, "last commit");
  require(found.first_part, expected.first_part, "first part");
  require(found.last_part, expected.last_part, "last part");
  require(found.num_postings, expected.num_postings, "number of postings");
  require(found.num_documents, expected.num_documents, "number of documents");
  require(found.num_tombstones, expected.num_tombstones, "number of tombstones");
  require(found.min_document, expected.min_document, "smallest document id");
  require(found.max_document, expected.max_document, "largest document id");
  require(found.num_bytes, expected.num_bytes, "number of bytes");
  if (found.checksum != expected.checksum) {
    throw error(errc::corrupt_data, name + ": header at offset 0: checksum is " + to_hex16(found.checksum) +
                                        ", but the manifest says " + to_hex16(expected.checksum));
  }
}

}  // namespace

segment_ptr open_segment(file_system& fs, const path& file, const segment_info* expected,
                         const open_options& options) {
  return open_segment_as(file.string(), fs, file, expected, options);
}

segment_ptr open_segment_as(const std::string& name, file_system& fs, const path& file,
                            const segment_info* expected, const open_options& options) {
  const auto report = [&](uint64_t bytes) {
    if (options.on_progress && bytes > 0) options.on_progress(bytes);
  };
  throw_if_cancelled(options.cancel, name);
  const auto source = fs.open(file);
  const uint64_t size = source->size();
  if (size < segment_header_bytes) {
    throw error(errc::corrupt_data, name + ": header at offset 0: the file has only " + std::to_string(size) +
                                        " bytes, a header alone has " + std::to_string(segment_header_bytes));
  }
  header_page page;
  read_fully(*source, name, 0, page);
  const segment_header header = decode_header(page, size, name);
  if (expected != nullptr) compare(make_info(header, page), *expected, name);

  const bool on_disk = options.mode == load_mode::disk;
  // Of older versions every bucket's start is checked, too, and postings are not much more.
  const bool leave_postings =
      options.leave_postings && options.mode != load_mode::read && header.version >= first_version_with_counts;
  const auto verify_sections = [&](const auto& bytes_of_slice) {
    report(segment_header_bytes);
    for (size_t i = 0; i < num_sections_of(header.version); i++) {
      const auto kind = static_cast<section_kind>(i + 1);
      if (leave_postings && (kind == section_kind::counts || kind == section_kind::postings)) {
        report(header.sections[i].end() - header.sections[i].offset);
        continue;
      }
      uint64_t unreported = 0;
      verify_section(name, kind, header.sections[i],
                     [&](uint64_t at, uint64_t length) -> std::span<const std::byte> {
                       throw_if_cancelled(options.cancel, name);
                       report(std::exchange(unreported, length));
                       return bytes_of_slice(at, length);
                     });
      report(unreported);
    }
  };

  if (options.mode != load_mode::read) {
    const std::shared_ptr<const mapped_file> mapping = source->map();
    try {
      const auto bytes = mapping->bytes();
      if (bytes.size() != size || !std::equal(page.begin(), page.end(), bytes.begin())) {
        throw error(errc::corrupt_data, name + ": header at offset 0: changed while it was opened");
      }
      verify_sections([&](uint64_t at, uint64_t length) { return bytes.subspan(at, length); });
      auto opened = std::make_shared<stored_segment>(
          name, mapping, header, mapping_use{on_disk, !leave_postings, source->identity()}, options.cancel);
      mapping->expect_random_reads();
      return opened;
    } catch (const error& e) {
      // That a page could not be read says more than that it holds the wrong bytes.
      if (e.code() == errc::corrupt_data) require_readable(*mapping, name);
      throw;
    }
  }
  const auto memory = std::make_shared<aligned_memory>(size);
  const std::span<std::byte> bytes = memory->bytes();
  std::copy(page.begin(), page.end(), bytes.begin());
  verify_sections([&](uint64_t at, uint64_t length) -> std::span<const std::byte> {
    read_fully(*source, name, at, bytes.subspan(at, length));
    return bytes.subspan(at, length);
  });
  return std::make_shared<stored_segment>(name, segment_storage::read_file, bytes, memory, header, options.cancel);
}

}  // namespace fp
