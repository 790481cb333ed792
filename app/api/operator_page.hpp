#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/http/http_types.hpp"

namespace fp {

/// Serves the operator's page: `GET /` is the page, `GET /_page/NAME` one of the files it is made of. The names
/// have a dot, so none of them can be taken for a document of an index that is called `_page`.
///
/// `segments` are those of the request's path. Nothing: they name no such file.
std::optional<http_response> operator_page(const http_request& request, const std::vector<std::string>& segments);

}  // namespace fp
