#include "app/node/settings_change.hpp"

namespace fp {

settings_change take_over(node_config& in_force, const node_config& fresh) {
  settings_change change;
  auto copy = fresh;
  const auto old = node_options(in_force), wanted = node_options(copy);
  for (size_t i = 0; i < old.options().size(); i++) {
    const option& o = old.options()[i];
    const std::string before = value_text(o), after = value_text(wanted.options()[i]);
    if (before == after) continue;
    (o.may_change ? change.applied : change.after_restart)
        .push_back(std::string(o.key) + ": " + shown_value(o, after) + " (was " + shown_value(o, before) + ")");
    if (o.may_change) assign(o, {found_value::form::bare, after});
  }
  return change;
}

}  // namespace fp
