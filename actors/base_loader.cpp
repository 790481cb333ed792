#include "actors/base_loader.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/backup/backup_format.hpp"
#include "core/changelog/bootstrap_base.hpp"

namespace fp {

namespace {

// A peer that does not answer by then is asked for nothing.
constexpr std::chrono::seconds probe_timeout{5};

// A donor that sends nothing for so long is none.
constexpr std::chrono::seconds longest_silence{30};

// Until a restore is asked for again that may not begin yet.
constexpr std::chrono::milliseconds restore_retry{200};

/// Reads until `out` is full or the stream has ended; returns how much there is.
size_t read_fully(base_stream& from, std::span<std::byte> out, steady_clock::time_point deadline) {
  size_t count = 0;
  while (count < out.size()) {
    const size_t n = from.read(out.subspan(count), std::min(deadline, steady_clock::now() + longest_silence));
    if (n == 0) break;
    count += n;
  }
  return count;
}

}  // namespace

base_loader_state::~base_loader_state() {
  if (setup.peers) setup.peers->interrupt();
  if (setup.feed) setup.feed->interrupt();
}

void base_loader_state::init(pointer self_ptr, base_loader_setup setup_values) {
  self = self_ptr;
  setup = std::move(setup_values);
  const auto limit = setup.env->settings.cluster.bootstrap_timeout_ms;
  deadline =
      steady_clock::now() + std::chrono::milliseconds(limit > 0 ? limit : cluster_settings{}.bootstrap_timeout_ms);
  self->monitor(setup.owner);
  self->send(base_loader_handle(self), next_atom_v);
}

void base_loader_state::choose() {
  self->request(setup.log, caf::infinite, bounds_call{setup.of})
      .then(
          [this](const feed_bounds& bounds) {
            // Of one that does not tell, a base that is too old is noticed when it is read on.
            if (!bounds.is_done() && bounds.status != changelog_status::unsupported) {
              fail("the changelog does not say where it begins: " + bounds.why);
              return;
            }
            floor = bounds.floor;
            std::vector<peer_report> peers;
            if (setup.peers) peers = setup.peers->probe(setup.of.index, steady_clock::now() + probe_timeout);
            const auto chosen = choose_donors(peers, setup.of.generation, setup.after, floor);
            donors.assign(chosen.begin(), chosen.end());
            has_chosen = true;
            failures = why_no_donor(peers, setup.of.generation, setup.after, floor);
            try_next();
          },
          [this](const caf::error& e) { fail(text_of(e)); });
}

void base_loader_state::try_next() {
  stream.reset();
  session = restore_handle{};
  if (donors.empty()) {
    try_feed();
    return;
  }
  current = std::move(donors.front());
  donors.pop_front();
  try {
    begin(
        setup.peers->open(current.url, setup.of.index, std::min(deadline, steady_clock::now() + longest_silence)));
  } catch (const std::exception& e) {
    give_up_donor(e.what());
  }
}

void base_loader_state::try_feed() {
  if (!setup.feed || std::exchange(is_from_feed, true)) {
    fail("no peer could give the index: " + failures);
    return;
  }
  current = {};
  current.url = setup.feed->name();
  try {
    auto answer = setup.feed->open_bootstrap(setup.of, std::min(deadline, steady_clock::now() + longest_silence));
    if (!answer.is_done()) {
      give_up_donor(answer.why);
      return;
    }
    const path folder = path(setup.env->settings.dir) / data_folder::spool_name / setup.of.index;
    begin(std::make_unique<bootstrap_base>(*setup.env->fs, folder, std::move(answer.stream), setup.of, deadline));
  } catch (const std::exception& e) {
    give_up_donor(e.what());
  }
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
  // Everything may be at position 0.
  const bool is_no_further =
      is_from_feed ? header.index_version < setup.after : header.index_version <= setup.after;
  if (is_no_further || header.index_version < floor) {
    throw error(errc::corrupt_data, "sends version " + std::to_string(header.index_version));
  }
  setup.env->log->info("{}: takes version {}, {} bytes, from {}", setup.of.index, header.index_version,
                       header.num_bytes, current.url);
  offset = 0;
  self->request(setup.restores, caf::infinite, replica_restore{setup.of})
      .then(
          [this](const restore_handle& restore) {
            session = restore;
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
            if (is_from_feed) {
              is_from_feed = false;
            } else {
              donors.push_front(current);
            }
            stream.reset();
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
  self->request(session, caf::infinite, std::move(piece))
      .then([this](done_atom) { send_piece(); }, [this](const caf::error& e) { give_up_donor(text_of(e)); });
}

void base_loader_state::finish() {
  finishing = true;
  self->request(session, caf::infinite, finish_atom_v)
      .then([this](const restore_reply&) { self->quit(); },
            [this](const caf::error& e) { give_up_donor(text_of(e)); });
}

void base_loader_state::give_up_donor(const std::string& why) {
  if (session) self->send(session, close_atom_v);
  finishing = false;
  setup.env->log->warn("{}: {} is no donor: {}", setup.of.index, current.url, why);
  failures += (failures.empty() ? "" : "; ") + current.url + ": " + why;
  try_next();
}

void base_loader_state::fail(const std::string& why) {
  self->send(setup.owner, base_failed{why});
  self->quit();
}

base_loader_handle::behavior_type base_loader(base_loader_state::pointer self, base_loader_setup setup) {
  auto* s = &self->state;
  keep_exception_text(self);
  self->set_down_handler([=](const caf::down_msg&) {
    // The owner goes when the index takes its place; before that, nobody wants the index any more.
    if (!s->finishing) self->quit();
  });
  s->init(self, std::move(setup));
  return {[=](next_atom) {
    if (s->has_chosen) {
      s->try_next();
    } else {
      s->choose();
    }
  }};
}

}  // namespace fp
