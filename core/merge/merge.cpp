#include "core/merge/merge.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "core/base/error.hpp"
#include "core/base/partition_point.hpp"
#include "core/index/manifest.hpp"
#include "core/merge/damaged_inputs_error.hpp"
#include "core/merge/posting_source.hpp"
#include "core/merge/run_merger.hpp"
#include "core/segment/read_ahead.hpp"
#include "core/segment/segment_writer.hpp"
#include "core/segment/stored_segment.hpp"

namespace fp {

namespace {

/// A segment to be merged, and what is left out of it.
struct merge_input {
  const segment* source = nullptr;
  doc_set foreign;                   ///< superseded documents, and those of other slices
  doc_set dropped;                   ///< these, and tombstones that nobody needs any more
  document_filter dropped_postings;  ///< deleted documents have no postings here: the foreign ones alone
  uint64_t num_postings = 0;         ///< that are left
};

/// The documents of an input as `id << 32 | input`; those that survive are delivered.
class document_run final : public sorted_run {
 public:
  document_run(const merge_input& input, size_t number)
      : input_(input),
        number_(number),
        ahead_{read_ahead(*input.source), read_ahead(*input.source), read_ahead(*input.source)} {}

  uint64_t size() const noexcept override { return table().size(); }
  uint64_t position_of(uint64_t key, const run_place& from, uint64_t) const noexcept override {
    return partition_point(from.position, size(), [&](uint64_t i) { return key_of(table().id_at(i)) < key; });
  }
  size_t read(const run_place& from, uint64_t last, uint64_t* out) const override {
    size_t count = 0;
    for (uint64_t i = from.position; i < last; i++) {
      const document_id id = table().id_at(i);
      if (!input_.dropped.contains(id)) out[count++] = key_of(id);
    }
    return count;
  }
  void prepare(const run_place& from) noexcept override {
    const auto addresses = table().addresses_of(from.position);
    for (size_t i = 0; i < ahead_.size(); i++) ahead_[i].reached(addresses[i]);
  }

 private:
  const document_table& table() const noexcept { return input_.source->document_states(); }
  uint64_t key_of(document_id id) const noexcept { return uint64_t{id} << 32 | number_; }

  const merge_input& input_;
  uint64_t number_;
  std::array<read_ahead, 3> ahead_;  ///< of each column: only ids are read here, and the others soon after
};

/// Everything about a merge that is known before the first posting is read.
class merge_plan {
 public:
  merge_plan(const snapshot& from, size_t first, size_t count, const cancel_flag* cancel, const slice& part,
             helper_threads* helpers)
      : cancel_(cancel), part_(part), helpers_(helpers) {
    const auto entries = from.entries();
    if (count == 0 || first > entries.size() || count > entries.size() - first) {
      throw error(errc::internal_error, "merging segments that the snapshot does not have");
    }
    inputs_.resize(count);
    shape_.set_commits(
        joined(entries[first].segment->info().commits(), entries[first + count - 1].segment->info().commits()));
    std::vector<metadata_list> metadata;
    for (size_t i = 0; i < count; i++) {
      add_input(inputs_[i], entries.first(first), entries[first + i]);
      metadata.push_back(inputs_[i].source->metadata());
    }
    // A removal hides older values; of the oldest segment there are none.
    for (const auto* at : merge_metadata(metadata, first > 0)) {
      shape_.metadata.push_back(metadata_list::read_entry(at));
    }
  }

  const segment_shape& shape() const noexcept { return shape_; }

  segment_info write_to(segment_sink& sink) const {
    try {
      segment_writer writer(sink, shape_);
      write_postings(writer);
      write_documents(writer);
      const segment_info written = writer.finish();
      verify_files();
      return written;
    } catch (const damaged_inputs_error&) {
      throw;
    } catch (const error& e) {
      // Postings that are not as announced: the damaged file's name says more.
      if (e.code() == errc::corrupt_data) verify_files();
      throw;
    }
  }

 private:
  void add_input(merge_input& input, std::span<const snapshot::entry> older, const snapshot::entry& e) {
    const segment& source = *e.segment;
    input.source = &source;
    if (e.superseded) input.foreign = *e.superseded;
    if (!part_.is_whole()) {
      for (const document_id id : source.documents()) {
        if (!part_.contains(id)) input.foreign.add(id);
      }
    }
    if (!input.foreign.isEmpty()) input.dropped_postings = document_filter(input.foreign);
    input.dropped = input.foreign;
    if (source.info().num_tombstones > 0) {
      // A tombstone hides older versions. It goes only when no older segment speaks for its document at all, so
      // that what older segments have noted as superseded stays true.
      doc_set unneeded = source.tombstones();
      for (const snapshot::entry& o : older) unneeded -= o.segment->documents();
      input.dropped |= unneeded;
    }
    input.num_postings = count_postings(source, input.dropped_postings, cancel_);
    shape_.num_postings += input.num_postings;
    shape_.hash_mask |= source.hash_mask();
    const doc_set kept = source.documents() - input.dropped;
    if (kept.isEmpty()) return;
    shape_.min_document =
        shape_.num_documents == 0 ? kept.minimum() : std::min(shape_.min_document, kept.minimum());
    shape_.max_document = std::max(shape_.max_document, kept.maximum());
    shape_.num_documents += kept.cardinality();
    shape_.num_tombstones += source.tombstones().andnot_cardinality(input.dropped);
  }

  void write_postings(segment_writer& writer) const {
    std::vector<std::unique_ptr<sorted_run>> runs;
    for (const merge_input& input : inputs_) {
      if (input.num_postings > 0) runs.push_back(make_posting_run(*input.source, input.dropped_postings));
    }
    run_merger merger(std::move(runs));
    const size_t num_places = run_merger::num_places(helpers_);
    if (num_places == 1) {
      // Nobody encodes beside the writer: no copy of what is encoded, then.
      merger.merge(
          helpers_, cancel_, [](size_t, std::span<const posting>) {},
          [&](size_t, std::span<const posting> postings) { writer.add_postings(postings); });
      return;
    }
    std::vector<encoded_postings> encoded(num_places);
    merger.merge(
        helpers_, cancel_,
        [&](size_t place, std::span<const posting> postings) { encoded[place].encode(writer.header(), postings); },
        [&](size_t place, std::span<const posting>) { writer.add_postings(encoded[place]); });
  }

  void write_documents(segment_writer& writer) const {
    std::vector<std::unique_ptr<sorted_run>> runs;
    for (size_t i = 0; i < inputs_.size(); i++) runs.push_back(std::make_unique<document_run>(inputs_[i], i));
    std::vector<uint64_t> positions(inputs_.size());
    const auto add = [&](size_t, std::span<const uint64_t> keys) {
      for (const uint64_t key : keys) {
        const auto id = static_cast<document_id>(key >> 32);
        const auto number = static_cast<uint32_t>(key);
        const document_table& table = inputs_[number].source->document_states();
        uint64_t& position = positions[number];
        while (position < table.size() && table.id_at(position) != id) position++;
        if (position == table.size()) {
          throw error(errc::corrupt_data, "merge: document " + std::to_string(id) + " is gone meanwhile");
        }
        writer.add_document(id, table.commit_at(position), table.deleted_at(position));
      }
    };
    run_merger(std::move(runs))
        .merge(
            helpers_, cancel_, [](size_t, std::span<const uint64_t>) {}, add);
  }

  /// What has been damaged since it was loaded would get right checksums by a merge. Looked at afterwards: a file
  /// that is whole then was whole while it was read. All of them: the next merge can leave out all that is damaged.
  void verify_files() const {
    std::vector<damaged_input> damaged;
    errc code = errc::corrupt_data;
    std::vector<const segment*> files;
    task_line tasks(helpers_);
    for (const merge_input& input : inputs_) {
      if (input.source->is_memory()) continue;
      files.push_back(input.source);
      tasks.add([this, file = input.source] { file->verify(cancel_); });
    }
    for (const segment* file : files) {
      try {
        tasks.finish_oldest();
      } catch (const error& e) {
        if (e.code() == errc::cancelled) throw;
        if (damaged.empty()) code = e.code();
        damaged.push_back({file->info(), e.what()});
      }
    }
    if (!damaged.empty()) throw damaged_inputs_error(code, std::move(damaged));
  }

  const cancel_flag* cancel_;
  slice part_;
  helper_threads* helpers_;
  segment_shape shape_;
  std::vector<merge_input> inputs_;
};

/// The manifest of the folder may be one that could be neither made durable nor withdrawn: memory knows nothing of
/// it, but a restart would. Throws `io_error` when it names a file as something else than what was written.
void require_replaceable(file_system& fs, const path& file, const segment_info& written) {
  const path folder = folder_of(file);
  if (!fs.exists(file) || !fs.exists(folder / manifest_file_name)) return;
  for (const manifest_entry& entry : read_manifest(fs, folder).segments) {
    if (entry.file_name == file.filename().string() && entry.info != written) {
      throw error(errc::io_error, file.string() +
                                      ": not replaced, because the manifest names it; if it stays so, "
                                      "reload the index");
    }
  }
}

void remove_quietly(file_system& fs, const path& file) noexcept {
  try {
    fs.remove(file);
  } catch (...) {
    // The error that led here says more; what is left is swept at the next start.
  }
}

}  // namespace

segment_ptr merge_to_memory(const snapshot& from, size_t first, size_t count, const cancel_flag* cancel) {
  const merge_plan plan(from, first, count, cancel, {}, nullptr);
  memory_sink sink(plan_segment(plan.shape()).num_bytes());
  plan.write_to(sink);
  return make_memory_segment(sink.take());
}

segment_ptr merge_to_file(const snapshot& from, size_t first, size_t count, file_system& fs, const path& file,
                          load_mode mode, const cancel_flag* cancel, const slice& part, helper_threads* helpers) {
  const merge_plan plan(from, first, count, cancel, part, helpers);
  path temporary = file;
  temporary += ".tmp";
  try {
    segment_info written;
    {
      const auto out = fs.create(temporary);
      file_sink sink(*out);
      written = plan.write_to(sink);
      out->sync();
    }
    // Read back before the file gets its name: one that cannot be read is worth nothing.
    segment_ptr merged = open_segment_as(file.string(), fs, temporary, &written, {mode, cancel, {}});
    require_replaceable(fs, file, written);
    fs.rename(temporary, file);
    fs.sync_directory(folder_of(file));
    return merged;
  } catch (...) {
    remove_quietly(fs, temporary);
    // Under its final name a file is whole. It stays for the sweep: a manifest that names it may come back.
    throw;
  }
}

}  // namespace fp
