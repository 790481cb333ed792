#include "app/api/changelog_body.hpp"

#include <algorithm>
#include <utility>

#include "core/fpindex/feed_protocol.hpp"

namespace fp {

namespace {

constexpr uint64_t max_piece_bytes = uint64_t{1} << 20;

void append_text(std::string& to, const fpindex::feed_body& body) {
  to.append(reinterpret_cast<const char*>(body.data()), body.size());
}

}  // namespace

struct changelog_body::progress {
  bridge_handle bridge;
  changelog_handle log;
  std::chrono::milliseconds timeout{};
  lineage of;
  feed_position position = 0, after = 0;
  feed_changes read;  ///< not yet sent
  bool has_begun = false, has_ended = false;

  /// Adds what was read to a piece. False when there is nothing more to read.
  bool put(std::string& piece) {
    // It may be more than there was when the stream began.
    const bool is_last = read.positions.empty() || read.positions.back() >= position;
    keep_up_to(read, position);
    if (read.positions.empty()) return false;
    append_text(piece, fpindex::encode_bootstrap_part(read.changes));
    after = read.positions.back();
    read = {};
    return !is_last;
  }
};

changelog_body::changelog_body(bridge_handle bridge, changelog_handle log, std::chrono::milliseconds timeout,
                               lineage of, feed_position position, feed_changes first)
    : progress_(std::make_shared<progress>()) {
  progress_->bridge = std::move(bridge);
  progress_->log = std::move(log);
  progress_->timeout = timeout;
  progress_->of = std::move(of);
  progress_->position = position;
  progress_->read = std::move(first);
}

read_limits changelog_body::limits(feed_position position, feed_position after) {
  read_limits l;
  l.max_changes = static_cast<uint32_t>(std::min<uint64_t>(max_changes, std::max<uint64_t>(1, position - after)));
  l.max_bytes = max_piece_bytes;
  l.with_dropped = true;
  return l;
}

void changelog_body::next(piece_callback deliver) {
  auto& p = *progress_;
  if (p.has_ended) {
    deliver(std::string());
    return;
  }
  const auto finish = [](progress& at, const piece_callback& to, std::string text) {
    try {
      if (!at.put(text)) {
        append_text(text, fpindex::encode_bootstrap_part({}));
        at.has_ended = true;
      }
    } catch (const error&) {
      // What the protocol has no word for.
      to(std::nullopt);
      return;
    }
    to(std::move(text));
  };
  if (!p.has_begun) {
    p.has_begun = true;
    std::string begin;
    append_text(begin, fpindex::encode_number('p', p.position));
    finish(p, deliver, std::move(begin));
    return;
  }
  caf::anon_send(p.bridge, bridge_call{[at = progress_, finish, deliver = std::move(deliver)](bridge_state& b) {
                   b.ask<feed_changes>(
                       at->log, at->timeout,
                       [at, finish, deliver](const feed_changes& read) {
                         if (!read.is_done()) {
                           deliver(std::nullopt);
                           return;
                         }
                         at->read = read;
                         finish(*at, deliver, {});
                       },
                       [deliver](const caf::error&) { deliver(std::nullopt); },
                       read_call{at->of, at->after, limits(at->position, at->after), std::nullopt});
                 }});
}

}  // namespace fp
