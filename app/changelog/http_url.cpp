#include "app/changelog/http_url.hpp"

#include <algorithm>
#include <cctype>
#include <string_view>

#include "core/base/error.hpp"

namespace fp {

bool is_url(const std::string& text) { return text.find("://") != std::string::npos; }

namespace {

constexpr std::string_view plain = "http://", secure = "https://";

http_url parse(const std::string& text, const char* expected) {
  const auto refuse = [&](const char* why) {
    throw error(errc::bad_request, text + ": " + why + "; expected " + expected + "HOST[:PORT][/PATH]");
  };
  http_url url;
  url.tls = text.starts_with(secure);
  if (url.tls) url.port = "443";
  if (!url.tls && !text.starts_with(plain)) refuse("neither http:// nor https://");
  std::string rest = text.substr(url.tls ? secure.size() : plain.size());
  if (const auto slash = rest.find('/'); slash != std::string::npos) {
    url.path = rest.substr(slash + 1);
    rest.resize(slash);
  }
  while (url.path.ends_with('/')) url.path.pop_back();
  const auto bracket = rest.rfind(']');
  const auto colon = rest.rfind(':');
  if (colon != std::string::npos && (bracket == std::string::npos || colon > bracket)) {
    url.port = rest.substr(colon + 1);
    rest.resize(colon);
    const bool is_number =
        !url.port.empty() && url.port.size() <= 5 &&
        std::all_of(url.port.begin(), url.port.end(), [](unsigned char c) { return std::isdigit(c); });
    if (!is_number) refuse("the port is no number");
  }
  if (rest.starts_with('[') && rest.ends_with(']')) rest = rest.substr(1, rest.size() - 2);
  if (rest.empty()) refuse("there is no host");
  url.host = std::move(rest);
  return url;
}

}  // namespace

http_url parse_url(const std::string& text) { return parse(text, "http[s]://"); }

http_url parse_plain_url(const std::string& text) {
  if (!text.starts_with(plain)) {
    throw error(errc::bad_request, text + ": only plain HTTP is spoken; expected http://HOST[:PORT][/INDEX]");
  }
  return parse(text, "http://");
}

}  // namespace fp
