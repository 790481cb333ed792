#include "app/api/operator_page.hpp"

#include <map>

#include "app/api/page_files.hpp"
#include "core/base/checksum.hpp"

namespace fp {

namespace {

constexpr std::string_view page_name = "index.html";

// The page takes everything from the node itself, runs no script of any other origin and none that is written into
// a document, and sits in nobody's frame.
constexpr std::string_view security_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

std::string_view content_type_of(std::string_view name) {
  if (name.ends_with(".html")) return "text/html; charset=utf-8";
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  if (name.ends_with(".js")) return "text/javascript; charset=utf-8";
  if (name.ends_with(".svg")) return "image/svg+xml";
  return "application/octet-stream";
}

struct page_file {
  std::string_view content_type, body;
  std::string entity_tag;
};

using page_files = std::map<std::string_view, page_file, std::less<>>;

const page_files& all_files() {
  static const page_files files = [] {
    page_files out;
    for (const auto& f : embedded_files()) {
      const std::string_view body(reinterpret_cast<const char*>(f.bytes), f.size);
      std::string tag = "\"";
      tag += std::to_string(checksum(body));
      tag += '"';
      out[f.name] = {content_type_of(f.name), body, std::move(tag)};
    }
    return out;
  }();
  return files;
}

}  // namespace

std::optional<http_response> operator_page(const http_request& request, const std::vector<std::string>& segments) {
  std::string_view name;
  if (segments.size() == 1 && segments[0].empty()) {
    name = page_name;
  } else if (segments.size() == 2 && segments[0] == "_page") {
    name = segments[1];
  }
  const auto& files = all_files();
  const auto it = files.find(name);
  if (it == files.end()) return std::nullopt;
  const auto& file = it->second;
  http_response r;
  r.fields = {{"ETag", file.entity_tag},
              {"Cache-Control", "no-cache"},
              {"Content-Security-Policy", security_policy},
              {"Referrer-Policy", "no-referrer"},
              {"X-Content-Type-Options", "nosniff"}};
  if (request.if_none_match == file.entity_tag) {
    r.status = 304;
    return r;
  }
  r.content_type = file.content_type;
  r.body = file.body;
  return r;
}

}  // namespace fp
