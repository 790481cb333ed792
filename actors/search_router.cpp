#include "actors/search_router.hpp"

#include <algorithm>
#include <utility>

#include "actors/search_checks.hpp"

namespace fp {

namespace {

/// A search without a time limit is given up by then.
constexpr std::chrono::hours longest_search{1};

}  // namespace

search_router_state::~search_router_state() {
  try {
    const auto closed = make_error(errc::shutting_down, "index " + setup.record.name + " is being closed");
    for (auto& [number, search] : std::exchange(searches, {})) search.done(closed);
    for (auto& [number, document] : std::exchange(documents, {})) document.promise.deliver(closed);
  } catch (const std::exception&) {
    // Out of memory: the requests end at their own timeouts.
  }
}

void search_router_state::init(pointer self_ptr, router_setup setup_values) {
  self = self_ptr;
  setup = std::move(setup_values);
  own = setup.record.part;
  slice_router::options o;
  o.max_searches = setup.env->settings.max_queued_searches;
  o.seed = make_instance();
  router.emplace(o, *this);
  members.resize(1 + setup.cluster.members.size());
  for (size_t i = 0; i < setup.cluster.members.size(); ++i) {
    members[i + 1].address = setup.cluster.members[i].address;
    members[i + 1].handle = setup.cluster.members[i].handle;
  }
  self->monitor(setup.local);
  heartbeat();
}

// -- Searching

caf::result<search_reply> search_router_state::search(search_request request) {
  if (auto e = check_not_empty(request)) return e;
  return search(std::make_shared<const search_request>(std::move(request)), nullptr);
}

caf::result<search_reply> search_router_state::search(search_request_ptr request, cancel_flag_ptr cancel) {
  auto promise = self->make_response_promise<search_reply>();
  start(std::move(request), std::move(cancel), [promise](caf::expected<search_reply> outcome) mutable {
    if (outcome) {
      promise.deliver(std::move(*outcome));
    } else {
      promise.deliver(outcome.error());
    }
  });
  return promise;
}

bool search_router_state::is_full() const {
  return searches.size() + documents.size() >= setup.env->settings.max_queued_searches;
}

void search_router_state::start(search_request_ptr request, cancel_flag_ptr cancel, search_done done) {
  if (is_full()) {
    done(make_error(errc::overloaded, "too many searches are queued"));
    return;
  }
  const auto limit = request->timeout_ms == 0 ? std::chrono::milliseconds(longest_search)
                                              : std::chrono::milliseconds(request->timeout_ms);
  const auto number = ++num_asked;
  searches.emplace(number, pending_search{std::move(request), std::move(cancel), now() + limit, std::move(done)});
  begin(number);
}

void search_router_state::begin(uint64_t number) {
  if (!knows_members) {
    early.push_back(number);
  } else if (const auto search = searches.find(number); search != searches.end()) {
    begin_search(number, search->second);
  } else if (const auto document = documents.find(number); document != documents.end()) {
    begin_document(number, document->second);
  }
}

void search_router_state::begin_search(uint64_t number, const pending_search& search) {
  const auto& request = *search.request;
  const auto& here = members[this_node].replica;
  if (here && !here->serves && !serving_slices().missing.empty()) {
    begin_when_loaded(number, request.ready_wait_ms);
    return;
  }
  slice_router::query query;
  query.deadline = search.deadline;
  query.limit = request.limit;
  query.score_pct = request.score_pct;
  query.min_version = request.min_version.value_or(0);
  query.allow_partial = request.allow_partial;
  router->search(number, query, now());
}

void search_router_state::begin_when_loaded(uint64_t number, uint32_t wait_ms) {
  const auto refuse = [this, number](const caf::error& e) { refused(number, to_core_error(e)); };
  self->request(setup.local, caf::infinite, index_info_request{wait_ms})
      .then(
          [this, number, refuse](const index_info&) {
            self->request(setup.local, caf::infinite, slice_atom_v)
                .then(
                    [this, number](const slice_status& status) {
                      note_status(this_node, status);
                      begin(number);
                    },
                    refuse);
          },
          refuse);
}

slice_tiling search_router_state::serving_slices() const {
  return router->replicas().choose_tiling([](const slice_replica& r) { return r.serves; });
}

uint32_t search_router_state::ms_until(clock_time deadline) const {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now());
  return static_cast<uint32_t>(std::max<int64_t>(1, left.count()));
}

void search_router_state::ask(uint64_t call, uint64_t search, member_number member, const slice& part) {
  if (documents.contains(search)) {
    auto target = target_of(member);
    target.slice = part.text();
    ask_for_document(call, search, member, std::move(target));
    return;
  }
  if (member != this_node) {
    ask_member(call, search, member, part);
    return;
  }
  const auto& asked = searches.at(search);
  const auto took = [this, call](const search_reply& reply) { answered(call, reply); };
  const auto refuse = [this, call](const caf::error& e) { failed(call, e); };
  self->request(setup.local, caf::infinite, local_search{asked.request, asked.cancel}).then(took, refuse);
}

void search_router_state::answered(uint64_t call, const search_reply& reply) {
  router->answered(call, {reply.results.to_vector(), reply.version}, now());
}

void search_router_state::failed(uint64_t call, const caf::error& e) {
  router->failed(call, to_core_error(e), now());
}

void search_router_state::finished(uint64_t search, routed_answer answer) {
  if (auto document = documents.extract(search)) {
    auto& found = document.mapped().answer;
    found ? document.mapped().promise.deliver(*found) : document.mapped().promise.deliver(found.error());
    return;
  }
  auto ended = searches.extract(search);
  if (!ended) return;
  search_reply reply{result_list(answer.results), answer.version, {}};
  for (const auto& part : answer.missing) reply.missing.push_back(part.text());
  ended.mapped().done(std::move(reply));
}

void search_router_state::refused(uint64_t search, const error& why) {
  if (auto document = documents.extract(search)) {
    // Of a search they say that its time is over; a document has none of its own.
    const bool is_late = why.code() == errc::search_timeout;
    const auto code = document.mapped().request.min_version ? errc::replication_timeout : errc::slice_unavailable;
    document.mapped().promise.deliver(to_caf_error(is_late ? error(code, why.what()) : why));
    return;
  }
  auto ended = searches.extract(search);
  if (ended) ended.mapped().done(to_caf_error(why));
}

caf::result<search_batch_reply> search_router_state::search_batch(search_batch_request request) {
  if (auto e = check_batch(request)) return e;
  struct gathering {
    search_batch_reply replies;
    size_t left = 0;
    caf::typed_response_promise<search_batch_reply> promise;
  };
  const auto all = std::make_shared<gathering>();
  all->replies.replies.resize(request.searches.size());
  all->left = request.searches.size();
  all->promise = self->make_response_promise<search_batch_reply>();
  const auto answer = all->promise;
  if (all->left == 0) all->promise.deliver(all->replies);
  for (size_t i = 0; i < request.searches.size(); ++i) {
    start(std::make_shared<const search_request>(std::move(request.searches[i])), nullptr,
          [all, i](caf::expected<search_reply> outcome) {
            if (all->left == 0) return;
            if (!outcome) {
              all->left = 0;
              all->promise.deliver(outcome.error());
              return;
            }
            all->replies.replies[i] = std::move(*outcome);
            if (--all->left == 0) all->promise.deliver(std::move(all->replies));
          });
  }
  return answer;
}

// -- Numbers

caf::result<index_info> search_router_state::info(const index_info_request& request) {
  struct gathering {
    index_info sum;
    size_t left = 0;
    caf::typed_response_promise<index_info> promise;
  };
  const auto all = std::make_shared<gathering>();
  all->promise = self->make_response_promise<index_info>();
  const auto answer = all->promise;
  const auto add = [all](const index_info& part) {
    auto& sum = all->sum;
    if (part.num_documents > 0) {
      sum.min_document = sum.num_documents == 0 ? part.min_document : std::min(sum.min_document, part.min_document);
      sum.max_document = std::max(sum.max_document, part.max_document);
    }
    sum.num_documents += part.num_documents;
    sum.num_postings += part.num_postings;
    sum.num_bytes += part.num_bytes;
    sum.num_segments += part.num_segments;
    sum.num_memory_segments += part.num_memory_segments;
    if (--all->left == 0) all->promise.deliver(std::move(sum));
  };
  const auto ask_others = [this, all, add](const index_info& here) {
    all->sum.version = here.version;
    all->sum.file_version = here.file_version;
    all->sum.metadata = here.metadata;
    const auto tiling = serving_slices();
    all->left = std::max<size_t>(1, tiling.slices.size());
    if (tiling.slices.empty()) add(here);
    for (const auto at : tiling.slices) {
      const auto& replicas = router->replicas().holders()[at].replicas;
      const auto member = std::ranges::find_if(replicas, &slice_replica::serves)->member;
      if (member == this_node) {
        add(here);
        continue;
      }
      const auto& m = members[member];
      self->request(m.handle, caf::infinite, setup.record.name, slice_atom_v)
          .then([add](const slice_status& now) { add(now.info); },
                [add, last = m.slice.info](const caf::error&) { add(last); });
    }
  };
  self->request(setup.local, caf::infinite, request).then(ask_others, [all](const caf::error& e) {
    all->promise.deliver(e);
  });
  return answer;
}

void search_router_state::wake_at(clock_time when) { timer.set(self, search_router_handle(self), when); }

void search_router_state::tick() {
  timer.rang(now());
  router->look(now());
  send_what_is_due();
}

search_router_handle::behavior_type search_router(search_router_state::pointer self, router_setup setup) {
  auto* s = &self->state;
  keep_exception_text(self);
  self->set_down_handler(
      [=](const caf::down_msg& down) { s->note_down(caf::actor_cast<caf::actor_addr>(down.source)); });
  self->set_exit_handler([=](const caf::exit_msg& e) {
    s->setup.env->log->warn("{}: ignored an exit message to its router", s->setup.record.name);
    static_cast<void>(e);
  });
  s->init(self, std::move(setup));
  const auto to = s->setup.local;
  return {
      [=](search_request& r) { return s->search(std::move(r)); },
      [=](const local_search& search) { return s->search(search.request, search.cancel); },
      [=](search_batch_request& r) { return s->search_batch(std::move(r)); },
      [=](const document_request& r) { return s->document(r); },
      [=](const index_info_request& r) { return s->info(r); },
      [=](slice_questions& asked) { s->answer(asked); },
      [=](slice_replies& come) { s->replies_come(come); },
      [=](const slice_document& asked) { return s->document_here(asked); },
      [=](slice_atom a) { return self->delegate(to, a); },
      [=](cluster_atom) { return s->status(); },
      [=](const local_update& update) { return self->delegate(to, update); },
      [=](update_request& r) { return self->delegate(to, std::move(r)); },
      [=](served_request r) { return self->delegate(to, r); },
      [=](const segments_request& r) { return self->delegate(to, r); },
      [=](status_atom a) { return self->delegate(to, a); },
      [=](subscribe_atom a, const progress_observer& observer) { return self->delegate(to, a, observer); },
      [=](checkpoint_atom a) { return self->delegate(to, a); },
      [=](merge_atom a) { return self->delegate(to, a); },
      [=](reload_atom a) { return self->delegate(to, a); },
      [=](const snapshot_request& r) { return self->delegate(to, r); },
      [=](const local_snapshot_request& r) { return self->delegate(to, r); },
      [=](tick_atom) { s->tick(); },
      [=](next_atom) { s->heartbeat(); },
  };
}

}  // namespace fp
