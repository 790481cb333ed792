#include "core/fpindex/index_import.hpp"

#include <utility>

#include "core/base/error.hpp"
#include "core/fpindex/log_converter.hpp"

namespace fp::fpindex {

namespace {

bool is_damage(errc code) { return code == errc::corrupt_data || code == errc::unsupported_format; }

}  // namespace

index_import::index_import(file_system& fs, path spool, std::vector<segment_info> segments, path oplog,
                           import_options options)
    : fs_(fs),
      spool_(std::move(spool)),
      segments_(std::move(segments)),
      oplog_(std::move(oplog)),
      options_(std::move(options)),
      repeating_(segments_.size()),
      without_items_(segments_.size()) {
  const uint64_t last = segments_.empty() ? 0 : segments_.back().last_commit();
  std::optional<uint64_t> version_behind;
  if (!oplog_.empty() && !segments_.empty()) {
    oplog_reader log(fs_, oplog_, last, options_.salvage);
    // All of it: that it cannot be taken shows before the segments take their time.
    for (logged_commit next; log.next(next);) {
      if (!version_behind) version_behind = next.index_version();
    }
  }
  for (size_t i = 0; i < segments_.size(); i++) {
    const auto& info = segments_[i];
    const auto version = info.index_version();
    const bool is_last = i + 1 == segments_.size();
    const bool goes_on = is_last ? version_behind == version : segments_[i + 1].index_version() == version;
    ranges_.push_back(
        chain_.take(info.version ? version : info.commit, version, !goes_on, segment_file_name(info)));
  }
}

path index_import::file_of(size_t number) const { return spool_ / (std::to_string(number) + ".seg"); }

void index_import::convert(size_t number, const path& from) {
  const auto& info = segments_.at(number);
  try {
    if (!fs_.exists(from)) {
      throw error(errc::corrupt_data, from.string() + ": is missing, but the manifest names it");
    }
    const auto file = fs_.open(from);
    const segment_reader reader(from.string(), *file, &info);
    auto made =
        convert_segment(reader, ranges_[number], fs_, file_of(number), {options_.cancel, options_.on_progress});
    repeating_[number] = std::move(made.repeating);
    without_items_[number] = std::move(made.without_items);
  } catch (const error& e) {
    if (!options_.salvage || (!is_damage(e.code()) && e.code() != errc::io_error)) throw;
    lose(number, e.what());
  }
}

/// In its place stands a segment that says nothing, so that the versions behind it stay what they are.
void index_import::lose(size_t number, const std::string& why) {
  const auto& range = ranges_[number];
  const auto nothing = std::make_shared<const std::vector<uint8_t>>();
  std::vector<commit> commits{{range.previous, range.first, nothing}};
  if (range.last != range.first) commits.push_back({range.first, range.last, nothing});
  const auto made = build_memory_segment(commits, {range.first_part, range.last_part});
  write_spool(*made, file_of(number));
  const std::lock_guard lock(mutex_);
  report_.losses.push_back(
      why + " (all of the segment is left out, commits " + std::to_string(segments_[number].commit) + " to " +
      std::to_string(segments_[number].last_commit()) + "; older versions of its documents may be back)");
}

void index_import::write_spool(const fp::segment& made, const path& file) {
  fs_.create(file)->write_at(0, made.bytes());
}

snapshot_ptr index_import::finish() {
  size_t count = segments_.size();
  doc_set logged;
  if (!oplog_.empty()) {
    log_converter converter(chain_, [&](const segment_ptr& made) { write_spool(*made, file_of(count++)); });
    oplog_reader log(fs_, oplog_, segments_.empty() ? 0 : segments_.back().last_commit(), options_.salvage);
    for (logged_commit next; log.next(next);) {
      if (is_cancelled(options_.cancel)) throw error(errc::cancelled, oplog_.string() + ": cancelled");
      converter.add(std::move(next));
    }
    converter.finish();
    report_.num_logged = log.num_commits();
    report_.num_hidden = log.num_hidden();
    report_.notes.insert(report_.notes.end(), log.notes().begin(), log.notes().end());
    report_.losses.insert(report_.losses.end(), log.losses().begin(), log.losses().end());
    logged = log.repeating();
  }
  std::vector<segment_ptr> opened;
  for (size_t i = 0; i < count; i++) {
    opened.push_back(open_segment(fs_, file_of(i), nullptr, {load_mode::map, options_.cancel, {}}));
  }
  auto made = snapshot::from_segments(std::move(opened));
  count_documents(*made, std::move(logged));
  return made;
}

/// A document counts in the newest segment that speaks for it.
void index_import::count_documents(const snapshot& made, doc_set logged) {
  doc_set repeating = std::move(logged);
  for (size_t i = 0; i < segments_.size(); i++) {
    if (const auto& superseded = made.entries()[i].superseded) {
      repeating_[i] -= *superseded;
      without_items_[i] -= *superseded;
    }
    repeating |= repeating_[i];
    report_.num_without_items += without_items_[i].cardinality();
  }
  report_.num_repeating = repeating.cardinality();
}

}  // namespace fp::fpindex
