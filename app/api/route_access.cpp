#include "app/api/route_access.hpp"

#include <algorithm>
#include <array>

#include "app/api/route_metrics.hpp"

namespace fp {

namespace {

struct route_access {
  http_method method;
  std::string_view pattern;
  std::optional<access_role> role;
};

constexpr auto open_to_all = std::optional<access_role>();

// GET stands for HEAD, too. What is not listed needs read for looking and admin for all else, so that an endpoint
// that is forgotten here is closed.
constexpr std::array<route_access, 10> table{{
    {http_method::get, "/", open_to_all},
    {http_method::get, "/_health", open_to_all},
    {http_method::get, "/_page/:file", open_to_all},
    {http_method::get, "/:index/_snapshot", access_role::admin},
    {http_method::post, "/:index/_search", access_role::read},
    {http_method::post, "/:index/_update", access_role::write},
    {http_method::put, "/:index/:id", access_role::write},
    {http_method::del, "/:index/:id", access_role::write},
    {http_method::put, "/:index", access_role::admin},
    {http_method::del, "/:index", access_role::admin},
}};

}  // namespace

std::optional<access_role> needed_role(http_method method, const std::vector<std::string>& segments) {
  if (method == http_method::head) method = http_method::get;
  const auto pattern = route_pattern(route_of(segments));
  const auto found =
      std::ranges::find_if(table, [&](const auto& r) { return r.method == method && r.pattern == pattern; });
  if (found != table.end()) return found->role;
  return method == http_method::get ? access_role::read : access_role::admin;
}

}  // namespace fp
