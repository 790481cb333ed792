#include "app/fpctl/restored_index.hpp"

namespace fp::ctl {

index_info wait_until_loaded(command_context& c, const std::string& name) {
  const auto last = c.node().subscribe(name, [](const load_progress&) { return true; });
  if (last.state == index_state::failed) {
    throw error(errc::index_failed, "index " + name + " was restored, but failed to load: " + last.reason);
  }
  return c.node().info(name, {c.ready_wait_ms()});
}

}  // namespace fp::ctl
