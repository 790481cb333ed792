#include "app/fpctl/take_slice.hpp"

#include "messages/index_states.hpp"

namespace fp::ctl {

void take_slice(command_context& c, const std::string& index, const slice_change& change) {
  c.err << "fpctl: " << safe(change.who) << " takes slice " << change.part.text() << " of " << safe(index) << "\n";
  auto& node = c.node_at(change.who);
  node.resync({index, change.part.text(), static_cast<uint32_t>(c.patience().count())});
  const auto loaded = node.subscribe(index, [](const load_progress&) { return true; });
  if (!serves_searches(loaded.state)) {
    throw error(errc::index_not_ready, change.who + ": index " + index + " is " + to_string(loaded.state) +
                                           (loaded.reason.empty() ? "" : ": " + loaded.reason));
  }
}

}  // namespace fp::ctl
