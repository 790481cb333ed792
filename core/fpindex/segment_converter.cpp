#include "core/fpindex/segment_converter.hpp"

#include <string>
#include <vector>

#include "core/base/error.hpp"
#include "core/fpindex/document_marks.hpp"
#include "core/segment/segment_writer.hpp"

namespace fp::fpindex {

namespace {

/// What the items of a segment are, seen once from front to back.
struct item_facts {
  uint64_t num_postings = 0;  ///< distinct items
  hash_value hash_mask = 0;
  document_marks with_items;
  doc_set repeating, without_items;
};

class converter {
 public:
  converter(const segment_reader& from, const convert_options& options) : from_(from), options_(options) {}

  void examine() {
    item_reader items(from_, true, options_.cancel);
    const doc_set live = from_.documents() - from_.tombstones();
    for_each_chunk(items, [&](std::span<const posting> chunk) {
      uint64_t distinct = 0;
      hash_value mask = 0;
      for (const posting item : chunk) {
        const document_id id = posting_document(item);
        if (item == last_) {
          facts_.repeating.add(id);
          continue;
        }
        last_ = item;
        distinct++;
        mask |= posting_hash(item);
        if (facts_.with_items.contains(id)) continue;
        if (!live.contains(id)) refuse_item(item);
        facts_.with_items.add(id);
      }
      facts_.num_postings += distinct;
      facts_.hash_mask |= mask;
    });
    std::vector<document_id> without;
    for (const document_id id : live) {
      if (!facts_.with_items.contains(id)) without.push_back(id);
    }
    facts_.without_items = doc_set_maker().make(without);
  }

  segment_shape shape(const commit_range& commits) const {
    segment_shape shape;
    shape.set_commits(commits);
    shape.num_postings = facts_.num_postings;
    shape.hash_mask = facts_.hash_mask;
    shape.num_documents = from_.documents().cardinality();
    shape.num_tombstones = from_.tombstones().cardinality();
    if (shape.num_documents > 0) {
      shape.min_document = from_.documents().minimum();
      shape.max_document = from_.documents().maximum();
    }
    for (const auto& [key, value] : from_.metadata()) shape.metadata.push_back({key, value});
    return shape;
  }

  converted_segment write(segment_sink& sink, const commit_range& commits) {
    const auto announced = shape(commits);
    segment_writer writer(sink, announced);
    item_reader items(from_, false, options_.cancel);
    last_ = 0;
    std::vector<posting> distinct;
    for_each_chunk(items, [&](std::span<const posting> chunk) {
      if (facts_.repeating.isEmpty()) {
        writer.add_postings(chunk);
        return;
      }
      distinct.clear();
      for (const posting item : chunk) {
        if (item != last_) distinct.push_back(item);
        last_ = item;
      }
      writer.add_postings(distinct);
    });
    auto deleted = from_.tombstones().begin();
    const auto end = from_.tombstones().end();
    for (const document_id id : from_.documents()) {
      const bool is_deleted = deleted != end && *deleted == id;
      writer.add_document(id, commits.last, is_deleted);
      if (is_deleted) ++deleted;
    }
    return {writer.finish(), std::move(facts_.repeating), std::move(facts_.without_items)};
  }

 private:
  template <class Consumer>
  void for_each_chunk(item_reader& items, const Consumer& consume) const {
    uint64_t done = 0;
    for (;;) {
      const auto chunk = items.next();
      if (options_.on_progress && items.num_bytes() > done) options_.on_progress(items.num_bytes() - done);
      done = items.num_bytes();
      if (chunk.empty()) return;
      consume(chunk);
    }
  }

  [[noreturn]] void refuse_item(posting item) const {
    const document_id id = posting_document(item);
    const bool is_deleted = from_.tombstones().contains(id);
    throw error(errc::corrupt_data, from_.name() + ": hash " + std::to_string(posting_hash(item)) +
                                        " is held by document " + std::to_string(id) +
                                        ", which the list of documents (before offset " +
                                        std::to_string(from_.layout().blocks_offset) + ") " +
                                        (is_deleted ? "calls deleted" : "does not name"));
  }

  const segment_reader& from_;
  const convert_options& options_;
  item_facts facts_;
  posting last_ = 0;  ///< 0 is none: no document has that id
};

}  // namespace

converted_segment convert_segment(const segment_reader& from, const commit_range& commits, file_system& fs,
                                  const path& file, const convert_options& options) {
  converter work(from, options);
  work.examine();
  try {
    const auto out = fs.create(file);
    file_sink sink(*out);
    return work.write(sink, commits);
  } catch (...) {
    try {
      fs.remove(file);
    } catch (...) {
      // The error that led here says more; the folder is removed as a whole.
    }
    throw;
  }
}

}  // namespace fp::fpindex
