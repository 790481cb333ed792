#include "app/api/endpoints.hpp"

#include <algorithm>
#include <array>

#include "app/api/handlers.hpp"

namespace fp {

namespace {

using enum http_method;
using enum access_role;

constexpr auto anybody = std::optional<access_role>();

constexpr std::array<endpoint, 29> table{{
    {get, "/", anybody, handlers::page_file},
    {post, "/_fingerprint", read, handlers::fingerprint},
    {get, "/_bootstrap/:index/:generation", read, handlers::bootstrap, true},
    {get, "/_changelog/:index/:generation", read, handlers::read_changelog, true},
    {post, "/_changelog/:index/:generation", write, handlers::append_to_changelog, true},
    {get, "/_health", anybody, handlers::node_health},
    {put, "/_index/:index", admin, handlers::create_lineage, true},
    {del, "/_index/:index", admin, handlers::delete_lineage, true},
    {get, "/_meta", read, handlers::read_meta_feed, true},
    {get, "/_metrics", read, handlers::metrics},
    {get, "/_page/:file", anybody, handlers::page_file},
    {get, "/_page/overview", read, handlers::overview},
    {get, "/_ready", anybody, handlers::node_readiness},
    {post, "/_truncate/:index/:generation", admin, handlers::truncate_changelog, true},
    {get, "/:index", read, handlers::describe_index},
    {put, "/:index", admin, handlers::create_index},
    {del, "/:index", admin, handlers::delete_index},
    {get, "/:index/:id", read, handlers::find_document},
    {put, "/:index/:id", write, handlers::put_document},
    {del, "/:index/:id", write, handlers::delete_document},
    {get, "/:index/_cluster", read, handlers::tell_cluster},
    {get, "/:index/_health", read, handlers::tell_health},
    {get, "/:index/_history", read, handlers::tell_history},
    {post, "/:index/_identify", read, handlers::identify},
    {post, "/:index/_search", read, handlers::search},
    {get, "/:index/_segments", read, handlers::list_segments},
    {get, "/:index/_snapshot", admin, handlers::back_up},
    {get, "/:index/_status", read, handlers::tell_status},
    {post, "/:index/_update", write, handlers::update},
}};

bool fits(std::string_view part, std::string_view segment) {
  if (part == ":index" || part == ":generation") return true;
  if (part == ":id") return !segment.starts_with('_');
  if (part == ":file") return segment.find('.') != std::string_view::npos;
  return part == segment;
}

bool fits(std::string_view pattern, const std::vector<std::string>& segments) {
  for (const auto& segment : segments) {
    if (pattern.empty()) return false;
    pattern.remove_prefix(1);
    const auto part = pattern.substr(0, pattern.find('/'));
    if (!fits(part, segment)) return false;
    pattern.remove_prefix(part.size());
  }
  return pattern.empty();
}

/// Null: none.
const endpoint* first_that_fits(const std::vector<std::string>& segments, bool with_changelog) {
  const auto found = std::ranges::find_if(table, [&](const endpoint& e) {
    return (with_changelog || !e.is_of_changelog) && fits(e.pattern, segments);
  });
  return found == table.end() ? nullptr : &*found;
}

http_method looked_up(http_method method) { return method == head ? get : method; }

}  // namespace

std::span<const endpoint> endpoints() { return table; }

const endpoint* find_endpoint(http_method method, const std::vector<std::string>& segments, bool with_changelog) {
  const auto found = std::ranges::find_if(table, [&, wanted = looked_up(method)](const endpoint& e) {
    return e.method == wanted && (with_changelog || !e.is_of_changelog) && fits(e.pattern, segments);
  });
  return found == table.end() ? nullptr : &*found;
}

std::optional<access_role> needed_role(http_method method, const std::vector<std::string>& segments,
                                       bool with_changelog) {
  const auto wanted = looked_up(method);
  if (const auto* first = first_that_fits(segments, with_changelog)) {
    const auto found = std::ranges::find_if(
        table, [&](const endpoint& e) { return e.method == wanted && e.pattern == first->pattern; });
    if (found != table.end()) return found->role;
  }
  return wanted == get ? read : admin;
}

const std::vector<std::string_view>& route_labels() {
  static const auto labels = [] {
    std::vector<std::string_view> all;
    for (const auto& e : table) {
      if (std::ranges::find(all, e.pattern) == all.end()) all.push_back(e.pattern);
    }
    all.push_back("other");
    return all;
  }();
  return labels;
}

size_t route_of(const std::vector<std::string>& segments, bool with_changelog) {
  const auto* found = first_that_fits(segments, with_changelog);
  if (found == nullptr) return unknown_route();
  const auto& labels = route_labels();
  return static_cast<size_t>(std::ranges::find(labels, found->pattern) - labels.begin());
}

size_t unknown_route() { return route_labels().size() - 1; }

}  // namespace fp
