#include "actors/feed_follower.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/search/search_limits.hpp"
#include "core/slices/slice_changes.hpp"

namespace fp {

namespace {

constexpr uint32_t comparison_timeout_ms = 30'000;

}  // namespace

feed_follower_state::~feed_follower_state() {
  try {
    if (appends) {
      appends->stop(error(errc::replication_timeout, "index " + setup.of.index +
                                                         ": it is not followed any more; the write may be in the "
                                                         "changelog"));
    }
  } catch (const std::exception&) {
    // Out of memory: their requests end at their own timeouts.
  }
}

void feed_follower_state::init(pointer self_ptr, feed_follower_setup setup_values) {
  self = self_ptr;
  setup = std::move(setup_values);
  const auto& settings = setup.env->settings;
  feed_following::options reading;
  reading.poll = std::chrono::milliseconds(setup.feed.watch ? 0 : settings.cluster.changelog_poll_ms);
  reading.seed = random();
  reading.base_first = static_cast<bool>(setup.feed.make_peers);
  // What tells the newest positions gives a change again that has been read; a feed over HTTP expects to be asked
  // from the last position on.
  reading.compares_first = static_cast<bool>(setup.feed.watch);
  reading.whole_at_start = setup.feed.make_changelog && setup.restores;
  following.emplace(reading, *this);
  append_queue::options writing;
  writing.index = setup.of.index;
  writing.max_writes = settings.max_queued_updates;
  writing.max_bytes = settings.max_queued_update_bytes;
  writing.resolves_doubt = setup.feed.resolves_doubt;
  writing.seed = random();
  appends.emplace(writing, *this);
  appends->applied(setup.applied);
  if (setup.feed.watch) self->send(setup.feed.watch, watch_atom_v, setup.of, feed_follower_handle(self));
  following->start(setup.applied, setup.filled, now());
  note_numbers();
}

void feed_follower_state::tick() {
  timer.rang(now());
  following->look(now());
  appends->look(now());
  note_numbers();
}

void feed_follower_state::note_numbers() {
  const auto report = following->report(now());
  const bool is_behind = report.newest > report.applied;
  const double since = is_behind ? unix_time() - std::chrono::duration<double>(report.behind).count() : 0;
  setup.metrics->set_feed({report.applied, report.newest, since}, to_string(report.state));
  setup.metrics->set_attempts(report.attempts);
  if (report.attempts != told_attempts || report.next_try != told_next_try) tell_owner(report);
}

void feed_follower_state::tell_owner(const replica_report& report) {
  told_attempts = report.attempts;
  told_next_try = report.next_try;
  self->send(setup.owner, replica_changed{report, progress});
}

void feed_follower_state::base_advanced(const base_progress& p) {
  progress = p;
  setup.metrics->set_base(p.bytes, p.total);
  tell_owner(following->report(now()));
}

void feed_follower_state::read(feed_position after, std::optional<uint64_t> tag) {
  read_limits limits;
  limits.with_dropped = !setup.filled;
  self->request(setup.feed.log, caf::infinite, read_call{setup.of, after, limits, tag})
      .then(
          [this](feed_changes& answer) {
            following->read_done(std::move(answer), now());
            note_numbers();
          },
          [this](const caf::error& e) {
            following->read_done(refused<feed_changes>(changelog_status::unavailable, text_of(e)), now());
            note_numbers();
          });
}

template <class Reply, class Request>
void feed_follower_state::compare_by(const Request& request, std::function<bool(const Reply*)> holds) {
  const auto told = [this](std::optional<bool> outcome) {
    following->compared(outcome, now());
    note_numbers();
  };
  self->request(caf::actor_cast<index_handle>(setup.owner), caf::infinite, request)
      .then([holds, told](const Reply& reply) { told(holds(&reply)); },
            [holds, told](const caf::error& e) {
              const bool is_absent = code_of(e) == errc::document_not_found;
              told(is_absent ? std::optional(holds(nullptr)) : std::nullopt);
            });
}

void feed_follower_state::compare(changes_ptr change) {
  changes_reader reader(*change);
  change_view made;
  reader.next(made);
  const bool is_of_document = made.kind == change_kind::insert || made.kind == change_kind::erase;
  if (is_of_document && !setup.part.contains(made.id)) {
    following->compared(true, now());
    return;
  }
  switch (made.kind) {
    case change_kind::insert: {
      std::vector<hash_value> hashes(made.num_hashes());
      for (size_t i = 0; i < hashes.size(); i++) hashes[i] = made.hash(i);
      std::ranges::sort(hashes);
      hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
      if (hashes.empty()) {
        compare_by<document_reply>(document_request{made.id},
                                   [](const document_reply* document) { return document != nullptr; });
        return;
      }
      search_request search;
      search.query = hash_list(hashes);
      search.limit = max_search_limit;
      search.min_score = static_cast<uint32_t>(hashes.size());
      search.timeout_ms = comparison_timeout_ms;
      compare_by<search_reply>(search, [id = made.id](const search_reply* reply) {
        if (reply == nullptr) return false;
        const auto found = reply->results.to_vector();
        // Beyond so many that hold all of it nobody can tell.
        return found.size() >= max_search_limit ||
               std::ranges::any_of(found, [id](const search_result& r) { return r.id == id; });
      });
      return;
    }
    case change_kind::erase:
      compare_by<document_reply>(document_request{made.id},
                                 [](const document_reply* document) { return document == nullptr; });
      return;
    default: {
      const bool is_set = made.kind == change_kind::set_metadata;
      const std::pair wanted{std::string(made.key), std::string(made.value)};
      compare_by<index_info>(index_info_request{}, [is_set, wanted](const index_info* info) {
        if (info == nullptr) return false;
        const auto has_key = [&](const auto& entry) { return entry.first == wanted.first; };
        return is_set ? std::ranges::find(info->metadata, wanted) != info->metadata.end()
                      : std::ranges::none_of(info->metadata, has_key);
      });
    }
  }
}

void feed_follower_state::apply(uint64_t batch, feed_position after, feed_position position, changes_ptr changes) {
  if (!setup.part.is_whole()) {
    // Those of others make the index as old as it is, too.
    changes = std::make_shared<const std::vector<uint8_t>>(changes_of_slice(*changes, setup.part));
  }
  self->request(setup.owner, caf::infinite, feed_commit{std::move(changes), after, position})
      .then(
          [this, batch](const update_reply& reply) {
            following->applied(batch, now());
            appends->applied(reply.version);
            note_numbers();
          },
          [this, batch](const caf::error& e) {
            following->apply_failed(batch, to_core_error(e), now());
            note_numbers();
          });
}

void feed_follower_state::base_needed(base_wish wish, const std::string& why) {
  base_reason = why;
  const bool has_source = setup.feed.make_peers || setup.feed.make_changelog;
  if (!has_source || !setup.restores) {
    self->send(feed_follower_handle(self), base_failed{"no peers are configured"});
    return;
  }
  if (wish != base_wish::at_start) {
    setup.env->log->info("{}: asks other nodes for all of it{}", setup.of.index, why.empty() ? "" : ": " + why);
  }
  base_loader_setup s;
  s.env = setup.env;
  s.of = setup.of;
  s.replaced = setup.of.generation;
  s.after = following->applied_position();
  s.wish = wish;
  s.part = setup.part;
  s.restores = setup.restores;
  s.owner = base_listener(feed_follower_handle(self));
  base.start(self, setup.feed, std::move(s));
}

void feed_follower_state::base_ended(const std::string& why) {
  base.ended();
  progress = {};
  setup.metrics->set_base(0, 0);
  following->base_failed(base_reason.empty() || why.empty() ? why : base_reason + "; " + why, now());
  note_numbers();
}

void feed_follower_state::state_changed(const replica_report& report) {
  auto& log = *setup.env->log;
  const auto& index = setup.of.index;
  switch (report.state) {
    case replica_state::filling:
      if (!report.why.empty()) log.warn("{}: cannot be filled from {}: {}", index, setup.feed.name, report.why);
      break;
    case replica_state::following:
      log.info("{}: follows {} from position {}", index, setup.feed.name, report.applied);
      break;
    case replica_state::waiting:
      log.warn("{}: does not get on at position {}: {}", index, report.applied, report.why);
      break;
    case replica_state::parked:
      log.error("{}: follows its changelog no more, at position {}: {}", index, report.applied, report.why);
      break;
  }
  tell_owner(report);
  note_numbers();
}

caf::result<update_reply> feed_follower_state::write(const local_update& update) {
  const auto number = ++num_writes;
  auto promise = self->make_response_promise<update_reply>();
  try {
    update.changes.require_valid();
    feed_write write;
    write.number = number;
    write.append.changes = update.changes.bytes();
    if (update.expected_version) write.append.expected = *update.expected_version;
    write.append.id = random_append_id(random);
    write.deadline = now() + std::chrono::milliseconds(setup.env->settings.cluster.replication_timeout_ms);
    writers.emplace(number, promise);
    appends->push(std::move(write), now());
  } catch (const std::exception& e) {
    writers.erase(number);
    promise.deliver(to_caf_error(e));
  }
  return promise;
}

void feed_follower_state::append(std::shared_ptr<const std::vector<feed_append>> batch) {
  self->request(setup.feed.log, caf::infinite, append_call{setup.of, std::move(batch)})
      .then([this](const std::vector<append_answer>& answers) { appends->appended(answers, now()); },
            [this](const caf::error& e) { appends->append_refused(to_core_error(e), now()); });
}

void feed_follower_state::accept(uint64_t write, feed_position position) {
  auto writer = writers.extract(write);
  writer.mapped().deliver(update_reply{position});
}

void feed_follower_state::refuse(uint64_t write, const error& why) {
  auto writer = writers.extract(write);
  writer.mapped().deliver(to_caf_error(why));
}

void feed_follower_state::heard_of(feed_position newest) { following->heard_of(newest, now()); }

void feed_follower_state::wake_at(clock_time when) { timer.set(self, feed_follower_handle(self), when); }

feed_follower_handle::behavior_type feed_follower(feed_follower_state::pointer self, feed_follower_setup setup) {
  auto* s = &self->state;
  keep_exception_text(self);
  self->set_down_handler([=](const caf::down_msg& down) {
    if (s->base.is(caf::actor_cast<caf::actor_addr>(down.source))) {
      s->base_ended("fetching it ended: " + text_of(down.reason));
    }
  });
  s->init(self, std::move(setup));
  return {
      [=](const base_failed& failed) { s->base_ended(failed.why); },
      [=](const base_progress& p) { s->base_advanced(p); },
      [=](const local_update& update) { return s->write(update); },
      [=](news_atom, feed_position newest) {
        s->following->heard_of(newest, s->now());
        s->note_numbers();
      },
      [=](watch_atom, feed_position position) { s->following->wanted(position, s->now()); },
      [=](tick_atom) { s->tick(); },
  };
}

}  // namespace fp
