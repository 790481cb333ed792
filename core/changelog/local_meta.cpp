// The part of `local_changelog` that keeps the meta feed.

#include <algorithm>
#include <utility>

#include "core/base/error.hpp"
#include "core/base/printable.hpp"
#include "core/changelog/local_changelog.hpp"
#include "core/changelog/local_format.hpp"

namespace fp {

namespace {

meta_operation operation_of(const change_view& change, feed_position position) {
  const bool is_create = change.kind == change_kind::set_metadata;
  if (!is_create && change.kind != change_kind::remove_metadata) {
    throw error(errc::corrupt_data, "the meta feed: position " + std::to_string(position) + ": not an operation");
  }
  return {position, is_create ? meta_operation::kind::create : meta_operation::kind::erase,
          std::string(change.key)};
}

}  // namespace

void local_changelog::open_meta() {
  generations_.clear();
  feed_log_options options = log_options_;
  options.max_recent = 0;
  meta_ = std::make_unique<feed_log>(fs_, folder_ / "meta", options,
                                     [this](feed_position position, std::span<const uint8_t> changes) {
                                       changes_reader reader(changes);
                                       change_view change;
                                       while (reader.next(change)) {
                                         const auto o = operation_of(change, position);
                                         if (o.what == meta_operation::kind::create) {
                                           generations_[o.index] = position;
                                         } else {
                                           generations_.erase(o.index);
                                         }
                                       }
                                     });
  ahead_.clear();
  const path lineages = folder_ / "lineages";
  if (!fs_.exists(lineages)) return;
  for (const std::string& name : fs_.list(lineages)) {
    const auto l = local_format::parse_lineage_folder_name(name);
    if (!l) continue;
    if (!exists(*l)) {
      remove_lineage(*l);
    } else if (l->generation > meta_->newest()) {
      ahead_.insert(*l);
    }
  }
}

void local_changelog::remove_lineage(const lineage& l) {
  close(l);
  entries_.erase(l);
  ahead_.erase(l);
  fs_.remove_all(folder_of_lineage(l));
}

meta_operations local_changelog::read_meta(feed_position after, uint32_t max_operations, time_point deadline) {
  meta_operations answer;
  attempt(answer, [&] {
    const call_limits call = limits(deadline);
    call.check();
    if (after > meta_->newest()) {
      return refuse(answer, changelog_status::ahead_of_log,
                    name_ + ": the meta feed ends at position " + std::to_string(meta_->newest()) + ", before " +
                        std::to_string(after));
    }
    if (after == meta_->newest()) return;
    feed_changes found;
    meta_->read(after, {.max_changes = max_operations}, call, found);
    changes_reader reader(found.changes);
    change_view change;
    for (const feed_position position : found.positions) {
      if (reader.next(change)) answer.operations.push_back(operation_of(change, position));
    }
  });
  return answer;
}

meta_answer local_changelog::create_index(const std::string& index, time_point deadline) {
  return put_operation(meta_operation::kind::create, index, deadline);
}

meta_answer local_changelog::delete_index(const std::string& index, time_point deadline) {
  return put_operation(meta_operation::kind::erase, index, deadline);
}

meta_answer local_changelog::put_operation(meta_operation::kind what, const std::string& index,
                                           time_point deadline) {
  meta_answer answer;
  attempt(answer, [&] {
    limits(deadline).check();
    const bool is_create = what == meta_operation::kind::create;
    const auto it = generations_.find(index);
    const bool is_there = it != generations_.end();
    answer.position = is_there ? it->second : meta_->newest();
    if (is_there == is_create) return;
    const feed_position position = meta_->newest() + 1;
    const lineage before{index, answer.position};
    if (is_create && !local_format::lineage_folder_name({index, position})) {
      return refuse(answer, changelog_status::unsupported,
                    printable(index) + ": an index needs a name, which may take " +
                        std::to_string(local_format::max_written_name) + " bytes of a folder's name");
    }
    // What somebody has written there is of no index that ever was.
    for (auto stray = ahead_.begin(); stray != ahead_.end();) {
      const lineage l = *stray++;
      if (l.generation == position) remove_lineage(l);
    }
    changes_encoder operation;
    if (is_create) {
      operation.set_metadata(index, {});
    } else {
      operation.remove_metadata(index);
    }
    const feed_log::entry put{{}, operation.bytes(), 1};
    try {
      meta_->append({&put, 1});
    } catch (const error& e) {
      if (!meta_->is_broken()) throw;
      meta_.reset();
      return refuse(answer, changelog_status::in_doubt, name_ + ": " + e.what());
    }
    answer.position = position;
    if (is_create) {
      generations_[index] = position;
      return;
    }
    generations_.erase(index);
    try {
      remove_lineage(before);
    } catch (const error&) {
      // What could not be removed is no lineage any more, and the next open removes it.
    }
  });
  return answer;
}

}  // namespace fp
