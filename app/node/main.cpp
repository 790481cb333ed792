#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <caf/all.hpp>
#include <caf/io/middleman.hpp>
#include <caf/openssl/publish.hpp>
#include <chrono>
#include <cmath>
#include <cstring>
#include <functional>
#include <future>
#include <iostream>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "actors/blocking_pools.hpp"
#include "actors/measuring_actors.hpp"
#include "actors/node_actor.hpp"
#include "app/api/http_gateway.hpp"
#include "app/gateway/line_gateway.hpp"
#include "app/node/accept_guard.hpp"
#include "app/node/changelog_source.hpp"
#include "app/node/cluster_members.hpp"
#include "app/node/command_line.hpp"
#include "app/node/logging.hpp"
#include "app/node/node_config.hpp"
#include "app/node/notify.hpp"
#include "app/node/readiness_actor.hpp"
#include "app/node/settings_change.hpp"
#include "app/node/signals.hpp"
#include "app/node/start_checks.hpp"
#include "app/support/system_config.hpp"
#include "core/base/no_thread.hpp"
#include "core/fpindex/data_folder_reader.hpp"
#include "core/fs/mapped_file_guard.hpp"
#include "core/merge/merge_room.hpp"

namespace {

using namespace fp;

// Exit codes, as config/README.md lists them.
constexpr int exit_ok = 0, exit_failed = 1, exit_usage = 2;

/// From the first stop signal to the end of the process, whatever still keeps it: service managers and people wait
/// for 5 s. What is acknowledged is durable already.
constexpr auto stop_deadline = std::chrono::milliseconds(4'500);

tls_credentials read_tls_files(const tls_settings& settings) { return tls_credentials(settings.files()); }

/// Throws `invalid_configuration` for a data folder of fpindex, before anything is written to it.
void require_own_folder(const std::string& dir) {
  if (!fpindex::is_data_folder(posix_file_system(), dir)) return;
  throw error(
      errc::invalid_configuration,
      dir + ": this is a data folder of fpindex; start the node with another --dir, then run: fpctl import " + dir);
}

/// Reads what the settings name. Whatever stands in their way stays there however often it is tried, so all of it
/// is `invalid_configuration`. Returns what remote actors are shown, if they come by TLS.
std::optional<tls_credentials> check_files(const node_config& settings) {
  check_data_folder(settings);
  require_own_folder(settings.dir);
  std::optional<tls_credentials> credentials;
  try {
    if (settings.caf_tls) credentials.emplace(read_tls_files(settings));
    // The gateway reads these again.
    if (settings.port.enabled) http_gateway::check_files(settings, settings);
    if (settings.cluster.follows()) make_http_access(settings.cluster);
  } catch (const error& e) {
    throw error(errc::invalid_configuration, e.what());
  }
  return credentials;
}

int check_only(const command_line& line) {
  const auto settings = line.read().values;
  check_log_file(settings);
  check_files(settings);
  for (const auto& text : line.warnings()) std::cerr << "fpnode: " << text << ", ignored\n";
  std::cout << "the configuration is valid\n";
  return exit_ok;
}

/// Bounds the files that indexes have open: as configured, but most of the descriptors are for connections, mapped
/// segments and upkeep.
std::shared_ptr<open_files> make_open_files(const config& settings, spdlog::logger& log) {
  size_t allowed = settings.max_open_logs;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur / 4 < allowed) {
    allowed = std::max<size_t>(1, limit.rlim_cur / 4);
    log.info("at most {} logs stay open instead of max_open_logs, because the process may have {} descriptors",
             allowed, limit.rlim_cur);
  }
  return std::make_shared<open_files>(allowed);
}

/// Room on the disk of the data folder.
void add_disk_gauges(node_metrics& metrics, const path& folder) {
  const auto add = [&](std::string name, std::string help, uint64_t disk_space::*member) {
    metrics.add_gauge(std::move(name), std::move(help), {}, [folder, member] {
      try {
        return static_cast<double>(space_of(folder).*member);
      } catch (const error&) {
        return std::nan("");
      }
    });
  };
  add("fpindex_disk_available_bytes", "What the node may still write to the disk of the data folder",
      &disk_space::available);
  add("fpindex_disk_size_bytes", "Size of the disk of the data folder", &disk_space::total);
}

/// Throws `overloaded` when the system does not give so many threads: CAF crashes when it lacks one at its start.
void require_threads(size_t count) {
  std::vector<std::jthread> threads;
  // Declared later, so that it lets them go first, whatever is thrown.
  std::promise<void> all_there;
  const std::shared_future<void> wait = all_there.get_future().share();
  try {
    for (size_t i = 0; i < count; i++) threads.emplace_back([wait] { wait.wait(); });
  } catch (const std::system_error& e) {
    throw no_thread(e);
  }
  all_there.set_value();
}

/// Tells the service manager how the node is, when one wants to know. Without one there is no watcher.
readiness_handle spawn_watcher(caf::actor_system& system, std::shared_ptr<spdlog::logger> log) {
  const std::string name = service_notifier::socket_name_from_environment();
  if (name.empty()) return {};
  auto notifier = std::make_shared<service_notifier>(name);
  return system.spawn(readiness_actor, [notifier, log](const std::string& assignments) {
    if (const auto e = notifier->send(assignments)) log->warn("telling the service manager: {}", e.message());
  });
}

/// Has new connections use what the TLS files hold now, if that is right.
void reload_tls_files(system_config& caf_settings, caf::actor_system& system, const tls_settings& settings,
                      std::atomic<int64_t>& expiry, spdlog::logger& log) {
  try {
    const tls_credentials credentials = read_tls_files(settings);
    caf_settings.replace_tls(system, credentials);
    expiry = credentials.expiry_time();
    log.info("TLS files read again: the certificate expires on {}", credentials.expires());
  } catch (const error& e) {
    log.error("TLS files not replaced, those read before stay in use: {}", e.what());
  }
}

[[noreturn]] void end_at_once(spdlog::logger& log, const std::string& why) {
  log.critical("{}: ending at once", why);
  log.flush();
  std::_Exit(exit_failed);
}

/// Has signals sent to `main`. A second stop signal, or `stop_deadline` behind the first one, ends the process:
/// neither is kept waiting by what the first one does. Returns whether there was a stop signal. Throws `overloaded`
/// when there is no thread for it.
std::shared_ptr<const std::atomic<bool>> watch_signals(signal_watcher& signals, const caf::actor& main,
                                                       const std::shared_ptr<spdlog::logger>& log) {
  const auto stopping = std::make_shared<std::atomic<bool>>(false);
  const auto on_signal = [main, stopping, log](int number) {
    if (number == SIGALRM) end_at_once(*log, "the node could not be closed in time");
    if (number != SIGHUP) {
      if (stopping->exchange(true)) end_at_once(*log, strsignal(number) + std::string(" again"));
      raise_alarm_in(stop_deadline);
    }
    caf::anon_send(main, number);
  };
  try {
    signals.start(on_signal);
  } catch (const std::system_error& e) {
    throw no_thread(e);
  }
  return stopping;
}

/// Takes over what may change at run time of settings that were read again, and names the rest.
void reload_settings(const command_line& line, node_config& in_force, live_settings& live,
                     const node_actor_handle& node, node_log& logs) {
  auto& log = *logs.logger();
  settings_change change;
  try {
    change = take_over(in_force, line.read().values);
  } catch (const error& e) {
    log.error("settings not read again, those that were read before stay in force: {}", e.what());
    return;
  }
  logs.set_level(in_force.log_level);
  if (change.applied.empty() && change.after_restart.empty()) log.info("settings read again: nothing has changed");
  for (const auto& text : change.applied) log.info("settings read again: {}", text);
  for (const auto& text : change.after_restart) log.warn("settings read again: needs a restart: {}", text);
  if (change.applied.empty()) return;
  live.replace(in_force);
  caf::anon_send(node, settings_atom_v);
}

/// Waits until the node has ended. SIGHUP opens the log file again and then has `reload` read what else may have
/// changed, a stop signal ends the node cleanly.
int run_until_stopped(caf::scoped_actor& self, const node_actor_handle& node,
                      const std::function<void()>& stop_gateways, const std::function<void()>& reload,
                      const std::atomic<bool>& stopping, node_log& node_logs) {
  auto& log = *node_logs.logger();
  self->monitor(node);
  bool ended = false;
  int exit_code = exit_ok;
  self->receive_while([&] { return !ended; })(
      [&](int number) {
        if (number == SIGHUP) {
          node_logs.reopen();
          if (!stopping) reload();
          return;
        }
        log.info("{}: shutting down", strsignal(number));
        stop_gateways();
        caf::anon_send(node, shutdown_atom_v);
      },
      [&](const caf::down_msg& down) {
        ended = true;
        if (down.reason && down.reason != caf::exit_reason::normal) {
          log.critical("the node ended: {}", text_of(down.reason));
          exit_code = exit_failed;
        }
      });
  if (exit_code == exit_ok) log.info("stopped");
  return exit_code;
}

/// Starts a gateway whose port is not off. False when it cannot listen, which is logged.
template <class Gateway, class... Ts>
bool start_gateway(std::optional<Gateway>& gateway, const char* protocol, const std::string& host,
                   const port_setting& port, spdlog::logger& log, Ts&&... arguments) {
  if (!port.enabled) return true;
  try {
    gateway.emplace(std::forward<Ts>(arguments)...);
  } catch (const error& e) {
    log.critical("{}", e.what());
    return false;
  }
  log.info("listening for {} on {}:{}", protocol, host, gateway->port());
  return true;
}

/// For remote actors by TLS or without, as configured.
system_config make_caf_settings(const node_config& settings, const std::optional<tls_credentials>& credentials,
                                uint32_t threads, spdlog::logger& log) {
  if (!credentials) return system_config(threads);
  log.info("remote actors must show a certificate of {}; the node's expires on {}", settings.tls_ca,
           credentials->expires());
  return system_config(threads, *credentials);
}

caf::expected<uint16_t> publish(caf::actor_system& system, const node_actor_handle& node,
                                const remote_settings& settings) {
  const auto port = settings.caf_port.port;
  const char* host = settings.caf_host.c_str();
  if (settings.caf_tls) return caf::openssl::publish(node_handle(node), port, host, true);
  return system.middleman().publish(node_handle(node), port, host, true);
}

int run(const command_line& called, const command_line::settings& read, node_log& logs, accept_guard& acceptors,
        signal_watcher& signals) {
  node_config settings = read.values;
  auto& log = *logs.logger();
  const auto credentials = check_files(settings);
  log.info("fpnode {} starts on {}", FPNODE_VERSION, settings.dir);
  for (const auto& text : called.warnings()) log.warn("{}, ignored", text);
  auto env = std::make_shared<environment>();
  env->settings = settings;
  const auto live = std::make_shared<live_settings>(settings);
  env->live = live;
  env->log = logs.logger();
  env->files = make_open_files(settings, log);
  env->upkeep_files = std::make_shared<open_files>(std::max<size_t>(1, env->files->capacity() / 2));
  env->metrics->add_gauge("fpindex_build_info", "1", {{"version", FPNODE_VERSION}}, [] { return 1.0; });
  add_disk_gauges(*env->metrics, settings.dir);
  const auto caf_expiry = std::make_shared<std::atomic<int64_t>>(credentials ? credentials->expiry_time() : 0);
  if (credentials) add_certificate_gauge(*env->metrics, "caf", caf_expiry);
  // CAF's workers, a clock, a printer, the sockets' thread, the pools, and who waits for signals.
  require_threads(num_searchers(settings) + 4 + blocking_pools::num_threads(settings));
  auto folder = std::make_shared<data_folder>(posix_file_system(), settings.dir);
  const auto source = find_changelog(posix_file_system(), settings);
  if (!source.make && !settings.cluster.peers.empty())
    log.warn("peers: no changelog is followed, so nobody asks them");

  auto caf_settings = make_caf_settings(settings, credentials, num_searchers(settings), log);
  caf::actor_system system{caf_settings};
  const blocking_pools pools(system, settings);
  env->pools = &pools;
  const measuring_actors measuring(system, env->metrics, &pools);
  caf::scoped_actor self{system};
  const auto stopping = watch_signals(signals, caf::actor_cast<caf::actor>(self), env->log);
  const auto watcher = spawn_watcher(system, env->log);
  const auto feed = follow_changelog(system, env, source);
  const auto members = connect_members(system, settings.cluster);
  const auto node =
      system.spawn(node_actor, node_setup{env, std::move(folder), FPNODE_VERSION, watcher, feed, members});
  const auto give_up = [&] {
    self->monitor(node);
    caf::anon_send(node, shutdown_atom_v);
    self->receive([](const caf::down_msg&) {});
    return exit_failed;
  };
  gateway_hooks hooks;
  hooks.metrics = env->metrics;
  hooks.text = measuring.text();
  hooks.history = measuring.history();
  if (settings.cluster.serves()) hooks.changelog = feed.log;
  hooks.changelog_timeout = std::chrono::milliseconds(settings.cluster.changelog_timeout_ms);
  hooks.ready_wait = std::chrono::milliseconds(settings.max_ready_wait_ms);
  hooks.direct = env->direct;
  hooks.log = env->log;
  hooks.pools = &pools;
  // Which indexes a replica has is decided where the changelog is written, and not by the start of a listener.
  const bool makes_index = !settings.cluster.follows() || settings.cluster.coordinator;
  std::optional<http_gateway> http;
  std::optional<line_gateway> line;
  if (!start_gateway(http, settings.http_tls ? "HTTP over TLS" : "HTTP", settings.host, settings.port, log, system,
                     settings, settings, settings.max_update_bytes, node, hooks) ||
      !start_gateway(line, "the line protocol", settings.line_host(), settings.legacy_port, log, system, settings,
                     settings.line_host(), settings.max_update_bytes, node, makes_index, env->direct,
                     env->metrics)) {
    return give_up();
  }
  if (settings.caf_port.enabled) {
    const auto port = publish(system, node, settings);
    if (port) {
      log.info("listening for remote actors on {}:{}", settings.caf_host, *port);
      acceptors.guard(*port);
    } else {
      const auto why = fmt::format("cannot listen on {}:{}: is another program using the port? ({})",
                                   settings.caf_host, settings.caf_port.port, text_of(port.error()));
      if (read.asks_for_caf) {
        log.critical("{}", why);
        return give_up();
      }
      log.warn("{}; going on without remote actors, for which nothing is configured", why);
    }
  }
  if (watcher) caf::anon_send(watcher, listening_atom_v);
  const auto stop_gateways = [&] {
    // Beside each other, because each waits for its answers; without a thread for that, one after the other.
    std::jthread other;
    try {
      if (line && http) other = std::jthread([&] { line->stop(); });
    } catch (const std::system_error&) {
    }
    if (http) http->stop();
    if (line && !other.joinable()) line->stop();
  };
  const auto reload = [&] {
    reload_settings(called, settings, *live, node, logs);
    if (http) http->reload(log);
    if (settings.caf_tls) reload_tls_files(caf_settings, system, settings, *caf_expiry, log);
  };
  return run_until_stopped(self, node, stop_gateways, reload, *stopping, logs);
}

/// Tells why the node does not run.
int give_reason(const node_log& logs, const std::exception& e, int exit_code) {
  if (logs.has_file()) {
    logs.logger()->critical("{}", e.what());
  } else {
    std::cerr << "fpnode: " << e.what() << "\n";
  }
  return exit_code;
}

int exit_code_of(const error& e) { return e.code() == errc::invalid_configuration ? exit_usage : exit_failed; }

int start(const command_line& line, signal_watcher& signals) {
  const auto read = line.read();
  check_log_file(read.values);
  node_log logs(read.values);
  accept_guard acceptors(logs.logger());
  try {
    return run(line, read, logs, acceptors, signals);
  } catch (const error& e) {
    return give_reason(logs, e, exit_code_of(e));
  } catch (const std::exception& e) {
    return give_reason(logs, e, exit_failed);
  }
}

}  // namespace

int main(int argc, char** argv) {
  signal_watcher signals;
  try {
    const mapped_file_guard guard;
    const auto parsed = command_line::parse(argc, argv);
    if (const int* code = std::get_if<int>(&parsed)) return *code;
    const auto& line = std::get<command_line>(parsed);
    return line.check_only() ? check_only(line) : start(line, signals);
  } catch (const error& e) {
    std::cerr << "fpnode: " << e.what() << "\n";
    return exit_code_of(e);
  } catch (const std::exception& e) {
    std::cerr << "fpnode: " << e.what() << "\n";
    return exit_failed;
  }
}
