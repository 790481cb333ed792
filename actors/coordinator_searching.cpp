#include <algorithm>

#include "actors/index_coordinator.hpp"
#include "actors/search_checks.hpp"

namespace fp {

index_coordinator_state::searcher_slot* index_coordinator_state::pick_searcher() {
  const auto depth = [](const searcher_slot& s) { return s.depth->load(std::memory_order_relaxed); };
  auto best = std::min_element(searchers.begin(), searchers.end(),
                               [&](const auto& a, const auto& b) { return depth(a) < depth(b); });
  if (best == searchers.end()) return nullptr;
  // Not `num_searchers()`, which asks the operating system for the number of processors.
  const auto bound =
      std::max<uint32_t>(1, env->settings.max_queued_searches / static_cast<uint32_t>(searchers.size()));
  if (depth(*best) >= bound) return nullptr;
  best->depth->fetch_add(1, std::memory_order_relaxed);
  return &*best;
}

bool index_coordinator_state::search_here(caf::typed_response_promise<search_reply>& promise,
                                          const search_request& request, const cancel_flag* cancel) {
  if (!self->mailbox().empty() || queued_searches() > 0) return false;
  try {
    auto reply = direct->try_search(*current(), engine->served().maps_files(), request, cancel);
    if (!reply) return false;
    promise.deliver(std::move(*reply));
  } catch (const std::exception& e) {
    promise.deliver(to_caf_error(e));
  }
  return true;
}

void index_coordinator_state::offer_direct_search() {
  // A slice is no answer by itself.
  if (is_serving() && part().is_whole()) {
    direct->serve(current(), engine->served().maps_files());
  } else {
    direct->withdraw();
  }
}

uint32_t index_coordinator_state::queued_searches() const {
  uint32_t sum = 0;
  for (const auto& s : searchers) sum += s.depth->load(std::memory_order_relaxed);
  return sum;
}

void index_coordinator_state::search(caf::typed_response_promise<search_reply>& promise, search_request request) {
  if (auto e = check_not_empty(request)) {
    promise.deliver(std::move(e));
    return;
  }
  start_search(promise, std::make_shared<const search_request>(std::move(request)), nullptr);
}

void index_coordinator_state::local_search_request(caf::typed_response_promise<search_reply>& promise,
                                                   const local_search& search) {
  start_search(promise, search.request, search.cancel);
}

void index_coordinator_state::start_search(caf::typed_response_promise<search_reply>& promise,
                                           search_request_ptr request, cancel_flag_ptr cancel) {
  if (auto e = check_search(*request)) {
    promise.deliver(std::move(e));
    return;
  }
  const auto received = steady_clock::now();
  if (search_here(promise, *request, cancel.get())) return;
  auto* slot = pick_searcher();
  if (slot == nullptr) {
    metrics->search_refused(errc::overloaded);
    promise.deliver(make_error(errc::overloaded, "too many searches are queued"));
    return;
  }
  num_searches++;
  const auto deadline = search_deadline(*request, received);
  promise.delegate(slot->handle, search_task{current(), std::move(request), received, deadline, std::move(cancel)});
}

void index_coordinator_state::search_batch(caf::typed_response_promise<search_batch_reply>& promise,
                                           search_batch_request request) {
  if (auto e = check_batch(request)) {
    promise.deliver(std::move(e));
    return;
  }
  auto* slot = pick_searcher();
  if (slot == nullptr) {
    metrics->search_refused(errc::overloaded, request.searches.size());
    promise.deliver(make_error(errc::overloaded, "too many searches are queued"));
    return;
  }
  num_searches += request.searches.size();
  promise.delegate(slot->handle, search_batch_task{current(), std::move(request), steady_clock::now()});
}

void index_coordinator_state::document(caf::typed_response_promise<document_reply>& promise,
                                       const document_request& request) {
  if (request.id == 0) {
    promise.deliver(make_error(errc::invalid_document_id, "document id 0; ids are 1 to 4294967295"));
    return;
  }
  if (may_be_cold()) {
    auto* slot = pick_searcher();
    if (slot == nullptr) {
      promise.deliver(make_error(errc::overloaded, "too many searches are queued"));
      return;
    }
    promise.delegate(slot->handle, document_task{current(), index_name(), request.id});
    return;
  }
  document_reply reply;
  if (auto e = capture_error([&] { reply = find_document(*current(), index_name(), request.id); })) {
    promise.deliver(fail_if_unreadable() ? not_ready_error() : e);
  } else {
    promise.deliver(reply);
  }
}

}  // namespace fp
