#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/api/access_control.hpp"
#include "app/http/http_types.hpp"

namespace fp {

struct api_call;
struct api_service;

/// What is served by one method at one kind of path. What else has to be known of it is here: which requests it is
/// for, who may make them, as what they are measured, and who answers.
struct endpoint {
  http_method method;  ///< get stands for HEAD, too
  /// Of a path's segments: `:index` and `:generation` are any, `:id` one that does not begin with _, `:file` one
  /// with a dot, as ids have none. It is also the label `route` of the requests in the metrics.
  std::string_view pattern;
  std::optional<access_role> role;  ///< that a request needs; nothing: none
  void (*serve)(const api_service& service, api_call& call);
  /// It is there only where others may follow the node's changelog.
  bool is_of_changelog = false;

  /// Whether the first segment names an index.
  bool is_of_index() const { return pattern.starts_with("/:index"); }
};

/// All of them. Where two patterns fit a path, the one that stands first counts.
std::span<const endpoint> endpoints();

// In all of these `segments` are those of a request's path, as `split_target` makes them, and `with_changelog` says
// whether others may follow the node's changelog.

/// The endpoint that answers; null: there is none. A method that a path of the node itself does not have is asked
/// of the index that has such a name.
const endpoint* find_endpoint(http_method method, const std::vector<std::string>& segments, bool with_changelog);

/// The role that a request needs; nothing when it needs none. Where no endpoint has both pattern and method,
/// looking needs `read` and anything else `admin`.
std::optional<access_role> needed_role(http_method method, const std::vector<std::string>& segments,
                                       bool with_changelog);

/// The values of the label `route`: each pattern once, then `unknown_route`.
const std::vector<std::string_view>& route_labels();
/// The label of a path, as a position among them.
size_t route_of(const std::vector<std::string>& segments, bool with_changelog);
/// That of paths that no pattern fits.
size_t unknown_route();

}  // namespace fp
