#include "actors/search_checks.hpp"

#include <string>

#include "messages/error.hpp"

namespace fp {

caf::error check_search(const search_request& request) {
  if (!request.query.is_whole()) return make_error(errc::bad_request, "query: not a list of 32-bit hashes");
  if (request.query.size() > max_query_hashes) {
    return make_error(errc::payload_too_large, "query: " + std::to_string(request.query.size()) +
                                                   " hashes; at most " + std::to_string(max_query_hashes) +
                                                   " are allowed");
  }
  return capture_error([&] { require_allowed_probes(request.probes); });
}

caf::error check_not_empty(const search_request& request) {
  return request.query.empty() ? make_error(errc::empty_fingerprint, "query: no hashes") : caf::error{};
}

caf::error check_batch(const search_batch_request& request) {
  if (request.searches.size() > max_search_batch) {
    return make_error(errc::payload_too_large, std::to_string(request.searches.size()) + " searches; at most " +
                                                   std::to_string(max_search_batch) + " a batch");
  }
  for (const auto& one : request.searches) {
    if (auto e = check_not_empty(one)) return e;
    if (auto e = check_search(one)) return e;
  }
  return {};
}

}  // namespace fp
