#include "actors/base_loader.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/changelog/completed_base.hpp"
#include "core/changelog/fpindex_base.hpp"
#include "core/changelog/slice_base.hpp"
#include "core/slices/slice_changes.hpp"

namespace fp {

namespace {

// A peer that does not answer by then is asked for nothing.
constexpr std::chrono::seconds probe_timeout{5};

// The owner hears of each hundredth of a base, and of no less than this.
constexpr uint64_t least_told_bytes = uint64_t{1} << 20;

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
  } else if (setup.own) {
    now_from = source::own;
    try_next();
  } else {
    probe();
  }
}

void base_loader_state::probe() {
  now_from = source::peer;
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
  if (now_from == source::own) {
    try_own();
  } else if (now_from != source::peer) {
    now_from == source::stream ? try_feed() : replay();
  } else if (donors.empty()) {
    now_from = source::stream;
    try_feed();
  } else {
    try_donor();
  }
}

void base_loader_state::try_own() {
  current = {};
  current.url = "this node";
  tell_progress(0, 0);
  try {
    begin(std::make_unique<slice_base>(*setup.env->fs, folder("own"), std::exchange(setup.own, nullptr), setup.of,
                                       setup.part, slice_base::options{deadline, {}, {}, setup.cancel}));
  } catch (const std::exception& e) {
    give_up_donor(e.what());
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
    const slice part = answer->part().value_or(setup.part);
    if (!part.contains(setup.part)) throw error(errc::corrupt_data, "holds slice " + part.text());
    keeps_segments = answer->format() != base_format::fpindex && part == setup.part;
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
    if (part != setup.part) {
      answer = std::make_unique<slice_base>(
          *setup.env->fs, folder("more"), std::move(answer), setup.of, setup.part,
          slice_base::options{deadline, [this](uint64_t bytes, uint64_t size) { tell_progress(bytes, size); },
                              folder("held"), setup.cancel});
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

void base_loader_state::give_up_donor(const std::string& why) {
  finishing = false;
  setup.env->log->warn("{}: {} is no donor: {}", setup.of.index, current.url, why);
  failures += (failures.empty() ? "" : "; ") + current.url + ": " + why;
  if (now_from != source::peer && now_from != source::own) now_from = source::changes;
  if (!session || session_ended) {
    go_on();
    return;
  }
  // What it holds of whole segments is told to the next donor, when it has been put aside.
  awaits_session = true;
  self->send(session, close_atom_v);
}

void base_loader_state::go_on() { now_from == source::own ? probe() : try_next(); }

void base_loader_state::someone_down(const caf::down_msg& down) {
  if (session && caf::actor_cast<caf::actor_addr>(down.source) == session.address()) {
    session_ended = true;
    if (awaits_session) go_on();
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
