#include "actors/base_loader.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/backup/backup_format.hpp"
#include "core/changelog/completed_base.hpp"
#include "core/changelog/fpindex_base.hpp"
#include "core/slices/slice_changes.hpp"

namespace fp {

namespace {

// A peer that does not answer by then is asked for nothing.
constexpr std::chrono::seconds probe_timeout{5};

// Until a restore is asked for again that may not begin yet.
constexpr std::chrono::milliseconds restore_retry{200};

// The owner hears of each hundredth of a base, and of no less than this.
constexpr uint64_t least_told_bytes = uint64_t{1} << 20;

/// Reads until `out` is full or the stream has ended; returns how much there is.
size_t read_fully(base_stream& from, std::span<std::byte> out, steady_clock::time_point deadline) {
  size_t count = 0;
  while (count < out.size()) {
    const size_t n = from.read(out.subspan(count), silence_deadline(deadline));
    if (n == 0) break;
    count += n;
  }
  return count;
}

/// What a slice needs of a changelog's stream.
class slice_stream final : public bootstrap_stream {
 public:
  slice_stream(std::unique_ptr<bootstrap_stream> whole, const slice& part)
      : whole_(std::move(whole)), part_(part) {}

  feed_position position() const noexcept override { return whole_->position(); }
  part next(steady_clock::time_point deadline) override {
    for (;;) {
      auto read = whole_->next(deadline);
      if (!read.is_done() || read.changes.empty()) return read;
      read.changes = changes_of_slice(read.changes, part_);
      // Nothing at all would be the end.
      if (!read.changes.empty()) return read;
    }
  }

 private:
  std::unique_ptr<bootstrap_stream> whole_;
  slice part_;
};

}  // namespace

base_loader_state::~base_loader_state() {
  if (setup.peers) setup.peers->interrupt();
  if (setup.feed) setup.feed->interrupt();
  if (changes) {
    changes.reset();
    capture_error([this] { setup.env->fs->remove_all(folder("changes")); });
  }
}

void base_loader_state::init(pointer self_ptr, base_loader_setup setup_values) {
  self = self_ptr;
  setup = std::move(setup_values);
  need.generation = setup.of.generation;
  need.after = setup.after;
  const auto limit = setup.env->settings.cluster.bootstrap_timeout_ms;
  deadline =
      steady_clock::now() + std::chrono::milliseconds(limit > 0 ? limit : cluster_settings{}.bootstrap_timeout_ms);
  self->monitor(setup.owner);
  self->send(base_loader_handle(self), next_atom_v);
}

path base_loader_state::folder(const char* what) const {
  return path(setup.env->settings.dir) / data_folder::spool_name / setup.of.index / what;
}

void base_loader_state::choose() {
  if (setup.wish == base_wish::at_start) {
    now_from = source::stream;
    try_next();
    return;
  }
  std::vector<peer_report> peers;
  if (setup.peers) peers = setup.peers->probe(setup.of.index, steady_clock::now() + probe_timeout);
  self->request(setup.log, caf::infinite, bounds_call{setup.of})
      .then(
          [this, peers](const feed_bounds& bounds) {
            // Of one that does not tell, a base that is too old is noticed when it is read on.
            if (!bounds.is_done() && bounds.status != changelog_status::unsupported) {
              fail("the changelog does not say where it begins: " + bounds.why);
              return;
            }
            need.floor = bounds.floor;
            if (bounds.is_done()) need.newest = bounds.newest;
            const auto chosen = choose_donors(peers, need);
            donors.assign(chosen.begin(), chosen.end());
            has_chosen = true;
            failures = why_no_donor(peers, need);
            try_next();
          },
          [this](const caf::error& e) { fail(text_of(e)); });
}

void base_loader_state::try_next() {
  stream.reset();
  session = restore_handle{};
  session_ended = awaits_session = keeps_segments = false;
  total = told = 0;
  if (now_from != source::peer) {
    now_from == source::stream ? try_feed() : replay();
  } else if (donors.empty()) {
    now_from = source::stream;
    try_feed();
  } else {
    try_donor();
  }
}

void base_loader_state::try_donor() {
  current = std::move(donors.front());
  donors.pop_front();
  tell_progress(0, 0);
  try {
    held.emplace(*setup.env->fs, folder("held"));
    auto answer =
        setup.peers->open({current.url, setup.of.index, setup.part}, held->ids(), silence_deadline(deadline));
    keeps_segments = answer->format() != base_format::fpindex;
    switch (answer->format()) {
      case base_format::backup:
        break;
      case base_format::rest_of_backup:
        setup.env->log->info("{}: {} segments are here from before", setup.of.index, held->ids().size());
        answer = std::make_unique<completed_base>(std::move(answer), *held);
        break;
      case base_format::fpindex:
        answer = std::make_unique<fpindex_base>(
            *setup.env->fs, folder("fpindex"), std::move(answer), setup.of,
            fpindex_base::options{std::max(need.floor, need.after + 1), deadline,
                                  [this](uint64_t bytes, uint64_t size) { tell_progress(bytes, size); }});
    }
    begin(std::move(answer));
  } catch (const std::exception& e) {
    give_up_donor(e.what());
  }
}

void base_loader_state::try_feed() {
  if (!setup.feed) {
    replay();
    return;
  }
  current = {};
  current.url = setup.feed->name();
  tell_progress(0, 0);
  try {
    auto answer = setup.feed->open_bootstrap(setup.of, silence_deadline(deadline));
    const bool has_none =
        answer.status == changelog_status::unsupported || answer.status == changelog_status::no_lineage;
    if (has_none && setup.wish == base_wish::at_start) {
      fail("");
      return;
    }
    if (!answer.is_done()) {
      give_up_donor(answer.why);
      return;
    }
    if (!setup.part.is_whole())
      answer.stream = std::make_unique<slice_stream>(std::move(answer.stream), setup.part);
    begin(std::make_unique<bootstrap_base>(*setup.env->fs, folder("stream"), std::move(answer.stream), setup.of,
                                           deadline));
  } catch (const std::exception& e) {
    give_up_donor(e.what());
  }
}

void base_loader_state::replay() {
  now_from = source::changes;
  // Where it begins later, nothing but a base can help.
  if (!setup.may_replay || changes) {
    fail("no peer could give the index: " + failures);
    return;
  }
  current = {};
  current.url = setup.feed_name;
  tell_progress(0, 0);
  try {
    setup.env->fs->remove_all(folder("changes"));
    setup.env->fs->create_directories(folder("changes"));
    changes.emplace(*setup.env->fs, folder("changes"), feed_position{0});
    replay_on();
  } catch (const std::exception& e) {
    give_up_donor(e.what());
  }
}

void base_loader_state::replay_on() {
  read_limits limits;
  limits.with_dropped = true;
  self->request(setup.log, caf::infinite, read_call{setup.of, read_to, limits, std::nullopt})
      .then(
          [this](const feed_changes& answer) {
            try {
              take_changes(answer);
            } catch (const std::exception& e) {
              give_up_donor(e.what());
            }
          },
          [this](const caf::error& e) { give_up_donor(text_of(e)); });
}

void base_loader_state::take_changes(const feed_changes& answer) {
  const auto& positions = answer.positions;
  if (!answer.is_done()) throw error(errc::unreachable, answer.why);
  if (steady_clock::now() >= deadline) throw error(errc::request_timeout, "reading its changes takes too long");
  const bool ascends = std::ranges::is_sorted(positions);
  if (!positions.empty() && (positions.front() <= read_to || !ascends)) {
    throw error(errc::corrupt_data, "its changes are out of order, behind " + std::to_string(read_to));
  }
  if (!positions.empty()) {
    read_to = positions.back();
    offset += answer.changes.size();
    if (setup.part.is_whole()) {
      changes->add(answer.changes, read_to);
    } else {
      changes->add(changes_of_slice(answer.changes, setup.part), read_to);
    }
    tell_progress(offset, 0);
  }
  if (!positions.empty() && (answer.newest == 0 || answer.newest > read_to)) {
    replay_on();
    return;
  }
  begin(std::make_unique<snapshot_base>(*setup.env->fs, folder("changes"), setup.of, changes->finish()));
}

void base_loader_state::begin(std::unique_ptr<base_stream> from) {
  stream = std::move(from);
  first.resize(backup_format::stream_header_bytes);
  if (read_fully(*stream, std::as_writable_bytes(std::span(first)), deadline) < first.size()) {
    throw error(errc::unreachable, "the answer ended at once");
  }
  const auto header = backup_format::decode_stream_header(
      std::as_bytes(std::span(first)).first<backup_format::stream_header_bytes>());
  if (header.generation != setup.of.generation || header.index_name != setup.of.index) {
    throw error(errc::corrupt_data, "sends " + to_string(lineage{header.index_name, header.generation}));
  }
  if (setup.wish == base_wish::at_start && header.index_version == setup.after && header.num_segments == 0) {
    fail("");
    return;
  }
  // Everything may be at position 0.
  const bool is_no_further =
      now_from == source::peer ? header.index_version <= setup.after : header.index_version < setup.after;
  if (is_no_further || header.index_version < need.floor) {
    throw error(errc::corrupt_data, "sends version " + std::to_string(header.index_version));
  }
  setup.env->log->info("{}: takes version {}, {} bytes, from {}", setup.of.index, header.index_version,
                       header.num_bytes, current.url);
  offset = 0;
  total = header.num_bytes;
  take_restore();
}

void base_loader_state::take_restore() {
  const path kept = keeps_segments ? folder("held") : path();
  self->request(setup.restores, caf::infinite, replica_restore{setup.of, setup.replaced, kept, setup.part})
      .then(
          [this](const restore_handle& restore) {
            session = restore;
            self->monitor(session);
            send_piece();
          },
          [this](const caf::error& e) {
            // The restore before this one is still being cleared away, or there are as many as may be.
            const auto code = code_of(e);
            const bool passes = code == errc::index_already_exists || code == errc::overloaded;
            if (!passes || steady_clock::now() >= deadline) {
              fail(text_of(e));
              return;
            }
            self->delayed_send(base_loader_handle(self), restore_retry, next_atom_v);
          });
}

void base_loader_state::send_piece() {
  backup_piece piece;
  piece.offset = offset;
  try {
    piece.bytes = std::exchange(first, {});
    const size_t known = piece.bytes.size();
    piece.bytes.resize(max_backup_piece);
    const auto rest = std::as_writable_bytes(std::span(piece.bytes)).subspan(known);
    piece.bytes.resize(known + read_fully(*stream, rest, deadline));
  } catch (const std::exception& e) {
    give_up_donor(e.what());
    return;
  }
  if (piece.bytes.empty()) {
    finish();
    return;
  }
  offset += piece.bytes.size();
  if (now_from == source::peer) tell_progress(offset, total);
  self->request(session, caf::infinite, std::move(piece))
      .then([this](done_atom) { send_piece(); }, [this](const caf::error& e) { give_up_donor(text_of(e)); });
}

void base_loader_state::finish() {
  finishing = true;
  self->request(session, caf::infinite, finish_atom_v)
      .then(
          [this](const restore_reply&) {
            stream.reset();
            const auto why = capture_error([this] { setup.env->fs->remove_all(folder("").parent_path()); });
            if (why) setup.env->log->warn("{}: {}", setup.of.index, text_of(why));
            self->quit();
          },
          [this](const caf::error& e) { give_up_donor(text_of(e)); });
}

void base_loader_state::give_up_donor(const std::string& why) {
  finishing = false;
  setup.env->log->warn("{}: {} is no donor: {}", setup.of.index, current.url, why);
  failures += (failures.empty() ? "" : "; ") + current.url + ": " + why;
  if (now_from != source::peer) now_from = source::changes;
  if (!session || session_ended) {
    try_next();
    return;
  }
  // What it holds of whole segments is told to the next donor, when it has been put aside.
  awaits_session = true;
  self->send(session, close_atom_v);
}

void base_loader_state::someone_down(const caf::down_msg& down) {
  if (session && caf::actor_cast<caf::actor_addr>(down.source) == session.address()) {
    session_ended = true;
    if (awaits_session) try_next();
    return;
  }
  // The owner goes when the index takes its place; before that, nobody wants the index any more.
  if (down.source == setup.owner && !finishing) self->quit();
}

void base_loader_state::tell_progress(uint64_t bytes, uint64_t size) {
  if (bytes > 0 && bytes < size && bytes < told + std::max(least_told_bytes, size / 100)) return;
  told = bytes;
  self->send(setup.owner, base_progress{current.url, bytes, size});
}

void base_loader_state::fail(const std::string& why) {
  if (setup.wish == base_wish::shorter) capture_error([this] { setup.env->fs->remove_all(folder("held")); });
  self->send(setup.owner, base_failed{why});
  self->quit();
}

base_loader_handle::behavior_type base_loader(base_loader_state::pointer self, base_loader_setup setup) {
  auto* s = &self->state;
  keep_exception_text(self);
  self->set_down_handler([=](const caf::down_msg& down) { s->someone_down(down); });
  s->init(self, std::move(setup));
  return {[=](next_atom) {
    if (s->stream) {
      s->take_restore();
    } else {
      s->choose();
    }
  }};
}

}  // namespace fp
