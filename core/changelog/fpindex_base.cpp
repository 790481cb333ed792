#include "core/changelog/fpindex_base.hpp"

#include <algorithm>
#include <utility>

#include "core/base/error.hpp"
#include "core/fpindex/byte_source.hpp"
#include "core/fpindex/index_import.hpp"
#include "core/fpindex/snapshot_reader.hpp"

namespace fp {

namespace {

class donor_source final : public fpindex::byte_source {
 public:
  donor_source(base_stream& from, const fpindex_base::options& o) : from_(from), options_(o) {}

  void expect(uint64_t total) { total_ = total; }
  size_t read(std::span<std::byte> out) override {
    const size_t count = from_.read(out, silence_deadline(options_.deadline));
    done_ += count;
    if (total_ > 0 && options_.on_progress) options_.on_progress(std::min(done_, total_), total_);
    return count;
  }

 private:
  base_stream& from_;
  const fpindex_base::options& options_;
  uint64_t done_ = 0, total_ = 0;
};

}  // namespace

snapshot_ptr fpindex_base::bring() {
  const path received = folder() / "received", converted = folder() / "converted";
  files().remove_all(folder());
  files().create_directories(received);
  files().create_directories(converted);
  donor_source source(*from_, options_);
  fpindex::snapshot_reader reader("the snapshot", source);
  const auto& header = reader.header();
  if (header.generation != of().generation) {
    throw error(errc::corrupt_data, "sends generation " + std::to_string(header.generation));
  }
  if (header.index_version() < options_.floor) {
    throw error(errc::corrupt_data, "sends version " + std::to_string(header.index_version()) + ", and needed is " +
                                        std::to_string(options_.floor));
  }
  source.expect(header.num_file_bytes());
  std::vector<fpindex::segment_info> segments;
  for (const auto& file : header.files) segments.push_back(file.info);
  fpindex::index_import work(files(), converted, segments, {});
  for (size_t i = 0; i < segments.size(); i++) {
    const path file = received / fpindex::segment_file_name(segments[i]);
    reader.copy_file(files(), file);
    work.convert(i, file);
    files().remove(file);
  }
  reader.finish();
  return work.finish();
}

}  // namespace fp
