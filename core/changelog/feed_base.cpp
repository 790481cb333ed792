#include "core/changelog/feed_base.hpp"

#include <utility>

#include "core/base/error.hpp"
#include "core/changelog/local_format.hpp"
#include "core/oplog/oplog.hpp"

namespace fp {

namespace {

constexpr uint64_t base_file_bytes = uint64_t{64} << 20;
constexpr read_limits base_piece{.max_changes = 65'536, .max_bytes = size_t{4} << 20};

/// Calls `visit` with each change up to `floor` and its position.
template <class F>
void visit_all(const feed_base::source& all, feed_position floor, const call_limits& call, F&& visit) {
  feed_changes piece;
  for (feed_position after = 0; after < floor;) {
    call.check();
    piece.positions.clear();
    piece.changes.clear();
    all(after, base_piece, piece);
    if (piece.positions.empty()) return;
    changes_reader reader(piece.changes);
    change_view change;
    for (const feed_position position : piece.positions) {
      const size_t begin = reader.offset();
      if (position > floor || !reader.next(change)) return;
      visit(change, position, std::span(piece.changes).subspan(begin, reader.offset() - begin));
      after = position;
    }
  }
}

}  // namespace

void last_words::add(const change_view& change, feed_position position) {
  if (change.kind == change_kind::insert || change.kind == change_kind::erase) {
    documents_[change.id] = position;
  } else {
    keys_[std::string(change.key)] = position;
  }
}

bool last_words::keeps(const change_view& change, feed_position position) const {
  if (change.kind == change_kind::insert || change.kind == change_kind::erase) {
    const auto it = documents_.find(change.id);
    return it != documents_.end() && it->second == position;
  }
  const auto it = keys_.find(std::string(change.key));
  return it != keys_.end() && it->second == position;
}

feed_base::feed_base(file_system& fs, path folder, std::shared_ptr<open_files> files,
                     std::shared_ptr<feed_window> window)
    : reader_(fs, folder, std::move(files), std::move(window), false) {
  for (const std::string& name : fs.list(folder)) {
    const auto begin = oplog_format::parse_file_name(name);
    if (begin) logs_.push_back({*begin, fs.file_size(folder / name)});
  }
  const path file = folder / oplog_format::seal_name;
  const std::string text = read_file(fs, file, 4096);
  oplog_format::seal seal;
  uint32_t version = 0;
  const auto state = oplog_format::decode_seal(std::as_bytes(std::span(text)), seal, version);
  if (state == oplog_format::header_state::unknown_version) {
    throw error(errc::unsupported_format, file.string() + ": " + oplog_format::unknown_version_text(version));
  }
  const logged_file newest = logs_.empty() ? logged_file{} : logs_.back();
  if (state != oplog_format::header_state::valid || seal.newest_file != newest.begin ||
      seal.newest_bytes != newest.bytes) {
    throw error(errc::corrupt_data, file.string() + ": does not fit the files beside it");
  }
  newest_ = seal.last_commit;
}

void feed_base::read(feed_position after, const read_limits& limits, const call_limits& call, feed_changes& out) {
  reader_.read(logs_, after, limits, call, out);
}

void feed_base::write(file_system& fs, const path& folder, const std::shared_ptr<open_files>& files,
                      feed_position floor, const source& all, const call_limits& call) {
  fs.remove_all(folder);
  fs.create_directories(folder);
  last_words last;
  visit_all(all, floor, call,
            [&](const change_view& change, feed_position position, auto) { last.add(change, position); });
  oplog_replay report;
  const auto log = oplog::open(
      fs, folder, {base_file_bytes, files}, 0, [](commit&&) {}, report);
  commit_batch batch;
  size_t bytes = 0;
  const auto flush = [&] {
    log->append(batch);
    batch.clear();
    bytes = 0;
  };
  feed_position previous = 0;
  visit_all(all, floor, call, [&](const change_view& change, feed_position position, auto encoded) {
    if (!last.keeps(change, position)) return;
    batch.push_back({previous, position, local_format::make_payload({}, encoded)});
    previous = position;
    bytes += encoded.size();
    if (bytes >= base_piece.max_bytes) flush();
  });
  flush();
  log->close();
}

}  // namespace fp
