#include "app/api/api_call.hpp"

#include <algorithm>
#include <charconv>

namespace fp {

std::optional<std::string_view> api_call::parameter_text(std::string_view name) const {
  const std::string_view target = request.target;
  const auto question = target.find('?');
  if (question == std::string_view::npos) return std::nullopt;
  for (std::string_view rest = target.substr(question + 1); !rest.empty();) {
    const auto pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    const auto equals = pair.find('=');
    if (equals != std::string_view::npos && pair.substr(0, equals) == name) return pair.substr(equals + 1);
  }
  return std::nullopt;
}

std::optional<uint64_t> api_call::parameter(std::string_view name) const {
  const auto text = parameter_text(name);
  if (!text) return std::nullopt;
  uint64_t value = 0;
  const auto [end, failure] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (failure != std::errc() || end != text->data() + text->size()) return std::nullopt;
  return value;
}

}  // namespace fp
