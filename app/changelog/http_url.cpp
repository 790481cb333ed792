#include "app/changelog/http_url.hpp"

#include <algorithm>
#include <cctype>
#include <string_view>

#include "core/base/error.hpp"

namespace fp {

bool is_url(const std::string& text) { return text.find("://") != std::string::npos; }

http_url parse_url(const std::string& text) {
  constexpr std::string_view scheme = "http://";
  const auto refuse = [&](const char* why) {
    throw error(errc::bad_request, text + ": " + why + "; expected http://HOST[:PORT][/INDEX]");
  };
  if (!text.starts_with(scheme)) refuse("only plain HTTP is spoken");
  std::string rest = text.substr(scheme.size());
  http_url url;
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

}  // namespace fp
