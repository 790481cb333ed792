#include <algorithm>
#include <utility>

#include "actors/search_router.hpp"

namespace fp {

namespace {

/// A look-up of a document that names no version is given up by then.
constexpr std::chrono::seconds longest_look{3};

}  // namespace

caf::result<document_reply> search_router_state::document(const document_request& request) {
  const auto& here = members[this_node].replica;
  const bool is_here = own.contains(request.id) && (!here || here->serves);
  if (is_here || request.id == 0) return self->delegate(setup.local, request);
  if (is_full()) return make_error(errc::overloaded, "too many searches are queued");
  const auto number = ++num_asked;
  const auto limit = request.min_version
                         ? std::chrono::milliseconds(setup.env->settings.cluster.replication_timeout_ms)
                         : std::chrono::milliseconds(longest_look);
  const auto promise = self->make_response_promise<document_reply>();
  documents.emplace(number, pending_document{request, now() + limit, promise});
  begin(number);
  return promise;
}

void search_router_state::begin_document(uint64_t number, const pending_document& document) {
  const auto id = document.request.id;
  const auto others = router->replicas().choose_slice_of(id, [](const slice_replica& r) { return r.serves; });
  if (own.contains(id) && others.slices.empty()) {
    // It knows why it does not answer, and whether that is worth waiting for.
    auto waiting = documents.extract(number);
    waiting.mapped().promise.delegate(setup.local, waiting.mapped().request);
    return;
  }
  slice_router::query query;
  query.deadline = document.deadline;
  query.min_version = document.request.min_version.value_or(0);
  query.document = id;
  router->search(number, query, now());
}

void search_router_state::ask_for_document(uint64_t call, uint64_t number, member_number member,
                                           slice_target target) {
  const auto& asked = documents.at(number);
  const auto found = [this, call, number](const document_reply& reply) { note_document(call, number, reply); };
  const auto refuse = [this, call, number](const caf::error& e) {
    // Another replica has it no more than this one.
    code_of(e) == errc::document_not_found ? note_document(call, number, e) : failed(call, e);
  };
  if (member == this_node) {
    self->request(setup.local, caf::infinite, asked.request).then(found, refuse);
    return;
  }
  self->request(members[member].handle, caf::infinite, setup.record.name,
                slice_document{std::move(target), asked.request, ms_until(asked.deadline)})
      .then(found, refuse);
}

void search_router_state::note_document(uint64_t call, uint64_t number, caf::expected<document_reply> answer) {
  slice_answer at_least;
  if (const auto document = documents.find(number); document != documents.end()) {
    document->second.answer = std::move(answer);
    at_least.version = document->second.request.min_version.value_or(0);
  }
  router->answered(call, std::move(at_least), now());
}

caf::result<document_reply> search_router_state::document_here(const slice_document& asked) {
  if (auto e = wrong_target(asked.target)) return e;
  return self->delegate(setup.local, asked.document);
}

}  // namespace fp
