#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fp::ctl {

/// The word of a list that somebody most likely meant who wrote another one: the nearest by optimal string
/// alignment (letters left out, put in, changed, or two neighbours exchanged), or the only one that begins so.
/// Empty when none is near.
std::string nearest_word(std::string_view written, const std::vector<std::string>& known);

}  // namespace fp::ctl
