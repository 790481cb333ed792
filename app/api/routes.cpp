#include "app/api/routes.hpp"

#include "app/api/endpoints.hpp"
#include "app/api/route_metrics.hpp"
#include "core/index/data_folder.hpp"

namespace fp {

namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = static_cast<char>(c | 32);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

}  // namespace

bool split_target(std::string_view target, std::vector<std::string>& segments) {
  segments.clear();
  target = target.substr(0, target.find('?'));
  if (target.empty() || target[0] != '/') return false;
  target.remove_prefix(1);
  for (;;) {
    const auto slash = target.find('/');
    const auto raw = target.substr(0, slash);
    std::string segment;
    for (size_t i = 0; i < raw.size(); i++) {
      if (raw[i] != '%') {
        segment += raw[i];
        continue;
      }
      if (i + 2 >= raw.size()) return false;
      const int high = hex_digit(raw[i + 1]), low = hex_digit(raw[i + 2]);
      if (high < 0 || low < 0) return false;
      segment += static_cast<char>(high << 4 | low);
      i += 2;
    }
    segments.push_back(std::move(segment));
    if (slash == std::string_view::npos) return true;
    target.remove_prefix(slash + 1);
  }
}

http_response refused_request(unsigned status, const http_request& head) {
  const auto name = [&]() -> std::string_view {
    switch (status) {
      case 408:
        return "RequestTimeout";
      case 413:
        return "PayloadTooLarge";
      case 417:
        return "ExpectationFailed";
      case 431:
        return "HeaderTooLarge";
      case 500:
        return "InternalError";
      case 501:
        return "NotImplemented";
      case 503:
        return "Overloaded";
      default:
        return "BadRequest";
    }
  };
  return error_response(status, name(), response_format(head));
}

void http_routes::serve(http_request request, http_responder respond) const {
  const auto format = response_format(request);
  api_call c{std::move(request), std::move(respond), format, {}};
  const bool well_formed = split_target(c.request.target, c.segments);
  if (measures_) {
    const auto route = well_formed ? route_of(c.segments, service_.serves_changelog()) : unknown_route();
    c.respond = measured(std::move(c.respond), measures_, c.request.method, route, service_.log);
  }
  if (!well_formed) {
    c.refuse(400, "BadRequest");
    return;
  }
  const auto* found = find_endpoint(c.request.method, c.segments, service_.serves_changelog());
  if (found != nullptr && !found->is_of_index()) {
    found->serve(service_, c);
  } else if (c.segments.size() > 2 || c.request.method == http_method::other || c.index().empty()) {
    c.not_found();
  } else if (!is_valid_index_name(c.index())) {
    c.refuse(400, "InvalidIndexName");
  } else if (found != nullptr) {
    found->serve(service_, c);
  } else {
    c.not_found();
  }
}

std::optional<http_response> http_routes::turn_away(const http_request& head) const {
  const auto begun = steady_clock::now();
  std::vector<std::string> segments;
  const bool well_formed = split_target(head.target, segments);
  auto answer = well_formed ? check_access(head, segments)
                            : std::optional(error_response(400, "BadRequest", response_format(head)));
  if (answer && measures_) {
    measures_->answered(static_cast<size_t>(head.method),
                        well_formed ? route_of(segments, service_.serves_changelog()) : unknown_route(),
                        answer->status, steady_clock::now() - begun);
  }
  return answer;
}

std::optional<http_response> http_routes::check_access(const http_request& head,
                                                       const std::vector<std::string>& segments) const {
  const auto needed = needed_role(head.method, segments, service_.serves_changelog());
  if (!needed) return std::nullopt;
  switch (access_->check(head.authorization, *needed)) {
    case access_verdict::allowed:
      return std::nullopt;
    case access_verdict::forbidden:
      return error_response(403, "Forbidden", response_format(head));
    default:
      break;
  }
  auto answer = error_response(401, "Unauthorized", response_format(head));
  answer.fields = {{"WWW-Authenticate", "Bearer"}};
  return answer;
}

}  // namespace fp
