#include "app/api/endpoints.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <map>
#include <sstream>

#include "app/api/routes.hpp"
#include "core/index/data_folder.hpp"
#include "tests/support/source_file.hpp"

namespace fp {
namespace {

using testing::UnorderedElementsAreArray;

std::vector<std::string> segments_of(std::string_view target) {
  std::vector<std::string> segments;
  EXPECT_TRUE(split_target(target, segments));
  return segments;
}

std::string_view label_of(std::string_view target) {
  std::vector<std::string> segments;
  EXPECT_TRUE(split_target(target, segments));
  return route_labels()[route_of(segments, false)];
}

TEST(endpoints, label_the_requests_of_their_pattern) {
  EXPECT_EQ(label_of("/"), "/");
  EXPECT_EQ(label_of("/_health"), "/_health");
  EXPECT_EQ(label_of("/_metrics?x=1"), "/_metrics");
  EXPECT_EQ(label_of("/_page/page.js"), "/_page/:file");
  EXPECT_EQ(label_of("/_page/overview"), "/_page/overview");
  EXPECT_EQ(label_of("/_page/7"), "/:index/:id");
  EXPECT_EQ(label_of("/music"), "/:index");
  EXPECT_EQ(label_of("/_music"), "/:index");
  EXPECT_EQ(label_of("/music/7"), "/:index/:id");
  EXPECT_EQ(label_of("/music/seven"), "/:index/:id");
  EXPECT_EQ(label_of("/music/_search"), "/:index/_search");
  EXPECT_EQ(label_of("/_music/_history"), "/:index/_history");
  EXPECT_EQ(label_of("/music/_nothing"), "other");
  EXPECT_EQ(label_of("/music/7/8"), "other");
}

// An index of such a name could be made, and never be looked at.
TEST(endpoints, of_the_node_have_names_that_no_index_gets) {
  for (const auto& e : endpoints()) {
    const auto segments = segments_of(e.pattern);
    const auto first = segments.front();
    // Where the changelog is served, it hides what an index of that name says of itself, and nothing else.
    if (segments.size() == 1 && !e.is_of_changelog) {
      EXPECT_EQ(is_reserved_index_name(first), !first.empty() && first != ":index") << e.pattern;
    }
  }
  EXPECT_FALSE(is_reserved_index_name("_healthy"));
  // What the page is made of hides nothing of an index.
  EXPECT_FALSE(is_reserved_index_name("_page"));
}

std::optional<access_role> role_for(http_method method, std::string_view target) {
  std::vector<std::string> segments;
  EXPECT_TRUE(split_target(target, segments));
  return needed_role(method, segments, false);
}

TEST(endpoints, need_the_role_of_their_row_and_others_none_that_is_less) {
  using enum http_method;
  constexpr auto nobody = std::optional<access_role>();
  for (const auto look : {get, head}) {
    for (const auto target : {"/", "/_health", "/_ready", "/_page/page.js"})
      EXPECT_EQ(role_for(look, target), nobody) << target;
    for (const auto target : {"/music", "/music/7", "/music/_health", "/music/_status", "/music/_segments",
                              "/music/_history", "/_metrics", "/_page/overview", "/music/_nothing", "/_health/7"}) {
      EXPECT_EQ(role_for(look, target), access_role::read) << target;
    }
    EXPECT_EQ(role_for(look, "/music/_snapshot"), access_role::admin);
    EXPECT_EQ(role_for(look, "/music/%5Fsnapshot?x=1"), access_role::admin);
  }
  EXPECT_EQ(role_for(post, "/music/_search"), access_role::read);
  EXPECT_EQ(role_for(post, "/music/_update"), access_role::write);
  for (const auto change : {put, del}) {
    EXPECT_EQ(role_for(change, "/music/7"), access_role::write);
    for (const auto target : {"/music", "/_health", "/_metrics", "/", "/_page/page.js", "/music/_search"}) {
      EXPECT_EQ(role_for(change, target), access_role::admin) << target;
    }
  }
  EXPECT_EQ(role_for(post, "/music/_snapshot"), access_role::admin);
  EXPECT_EQ(role_for(other, "/music/7"), access_role::admin);
}

/// "PUT /:index" of what answers; "none".
std::string served_by(http_method method, std::string_view target) {
  const auto* found = find_endpoint(method, segments_of(target), false);
  static const std::map<http_method, std::string> names{{http_method::get, "GET"},
                                                        {http_method::put, "PUT"},
                                                        {http_method::post, "POST"},
                                                        {http_method::del, "DELETE"}};
  return found == nullptr ? "none" : names.at(found->method) + " " + std::string(found->pattern);
}

TEST(endpoints, are_found_by_method_and_path) {
  using enum http_method;
  EXPECT_EQ(served_by(get, "/"), "GET /");
  EXPECT_EQ(served_by(head, "/_page/page.js"), "GET /_page/:file");
  EXPECT_EQ(served_by(get, "/_page/7"), "GET /:index/:id");
  EXPECT_EQ(served_by(get, "/music/%5Fstatus?x=1"), "GET /:index/_status");
  EXPECT_EQ(served_by(post, "/music/_search"), "POST /:index/_search");
  EXPECT_EQ(served_by(del, "/music/x"), "DELETE /:index/:id");
  for (const auto target : {"/music/_nothing", "/music/7/8", "/music/_search/7"}) {
    for (const auto method : {get, head, put, post, del, other}) {
      EXPECT_EQ(served_by(method, target), "none") << target;
    }
  }
  for (const auto target : {"/", "/_health", "/music", "/music/7"}) EXPECT_EQ(served_by(post, target), "none");
  EXPECT_EQ(served_by(put, "/music/_search"), "none");
  EXPECT_EQ(served_by(get, "/music/_search"), "none");
  EXPECT_EQ(served_by(post, "/music/_status"), "none");
  EXPECT_EQ(served_by(other, "/_health"), "none");
}

TEST(endpoints, leave_other_methods_on_their_names_to_an_index_of_that_name) {
  using enum http_method;
  EXPECT_EQ(served_by(put, "/_health"), "PUT /:index");
  EXPECT_EQ(served_by(del, "/_metrics"), "DELETE /:index");
  EXPECT_EQ(served_by(put, "/_page/page.js"), "PUT /:index/:id");
  EXPECT_EQ(served_by(del, "/_page/overview"), "DELETE /:index/:id");
}

TEST(endpoints, of_the_changelog_are_there_only_where_it_is_served) {
  using enum http_method;
  const auto served = [](http_method method, std::string_view target, bool with_changelog) {
    const auto* found = find_endpoint(method, segments_of(target), with_changelog);
    return found == nullptr ? "none" : std::string(found->pattern);
  };
  EXPECT_EQ(served(get, "/_meta", true), "/_meta");
  EXPECT_EQ(served(get, "/_meta", false), "/:index");
  EXPECT_EQ(served(put, "/_index/7", true), "/_index/:index");
  EXPECT_EQ(served(put, "/_index/7", false), "/:index/:id");
  EXPECT_EQ(served(post, "/_changelog/main/1", false), "none");
  EXPECT_EQ(needed_role(put, {"_index", "main"}, true), access_role::admin);
  EXPECT_EQ(needed_role(post, {"_changelog", "main", "1"}, true), access_role::write);
  EXPECT_EQ(needed_role(get, {"_bootstrap", "main", "1"}, true), access_role::read);
}

TEST(endpoints, are_each_found_by_a_path_of_their_pattern) {
  for (const auto& e : endpoints()) {
    std::string target(e.pattern);
    for (const auto& [part, example] : std::map<std::string, std::string>{
             {":index", "music"}, {":id", "7"}, {":file", "page.css"}, {":generation", "3"}}) {
      if (const auto at = target.find(part); at != std::string::npos) target.replace(at, part.size(), example);
    }
    const auto segments = segments_of(target);
    EXPECT_EQ(find_endpoint(e.method, segments, e.is_of_changelog), &e) << target;
    EXPECT_EQ(needed_role(e.method, segments, e.is_of_changelog), e.role) << target;
    EXPECT_EQ(route_labels()[route_of(segments, e.is_of_changelog)], e.pattern) << target;
  }
}

/// Method, path and role of each row in the README.
std::vector<std::string> rows_of_the_readme() {
  std::ifstream file(test::source_file("app/api/README.md"));
  std::vector<std::string> rows;
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("| `GET` ") && !line.starts_with("| `PUT` ") && !line.starts_with("| `POST` ") &&
        !line.starts_with("| `DELETE` ")) {
      continue;
    }
    size_t end = 0;
    for (int column = 0; column < 3; column++) end = line.find(" | ", end + 1);
    rows.push_back(line.substr(0, end));
  }
  return rows;
}

TEST(endpoints, have_a_row_each_in_the_readme) {
  std::vector<std::string> rows;
  for (const auto& e : endpoints()) {
    static const std::map<http_method, std::string> methods{{http_method::get, "GET"},
                                                            {http_method::put, "PUT"},
                                                            {http_method::post, "POST"},
                                                            {http_method::del, "DELETE"}};
    static const std::map<access_role, std::string> roles{
        {access_role::read, "`read`"}, {access_role::write, "`write`"}, {access_role::admin, "`admin`"}};
    rows.push_back("| `" + methods.at(e.method) + "` | `" + std::string(e.pattern) + "` | " +
                   (e.role ? roles.at(*e.role) : "none"));
  }
  EXPECT_THAT(rows_of_the_readme(), UnorderedElementsAreArray(rows));
}

}  // namespace
}  // namespace fp
