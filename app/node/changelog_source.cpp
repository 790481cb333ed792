#include "app/node/changelog_source.hpp"

#include "actors/feed_watch.hpp"
#include "app/changelog/http_base_source.hpp"
#include "app/changelog/http_changelog.hpp"
#include "app/changelog/postgres_changelog.hpp"
#include "core/changelog/local_changelog.hpp"

namespace fp {

http_access_ptr make_http_access(const cluster_settings& settings) {
  return std::make_shared<const http_access>(settings.changelog_ca, settings.changelog_token_file);
}

changelog_source find_changelog(file_system& fs, const config& settings) {
  const auto& c = settings.cluster;
  changelog_source source;
  if (c.follows()) source.access = make_http_access(c);
  std::shared_ptr<changelog> first;
  if (c.coordinator) {
    first = std::make_shared<local_changelog>(fs, path(settings.dir) / data_folder::changelog_name);
    source.make = [first] { return first; };
  } else if (c.url().starts_with("http")) {
    first = std::make_shared<http_changelog>(c.url(), source.access);
    source.make = [url = c.url(), access = source.access] { return std::make_shared<http_changelog>(url, access); };
    source.tells_newest = false;
  } else if (c.follows()) {
    first = std::make_shared<postgres_changelog>(c.url());
    source.make = [url = c.url()] { return std::make_shared<postgres_changelog>(url); };
  }
  if (first) {
    source.name = first->name();
    source.resolves_doubt = first->resolves_doubt();
  }
  return source;
}

feed_access follow_changelog(caf::actor_system& system, const environment_ptr& env,
                             const changelog_source& source) {
  feed_access feed;
  if (!source.make) return feed;
  const auto& c = env->settings.cluster;
  changelog_setup setup;
  setup.env = env;
  setup.make = source.make;
  setup.num_connections = c.num_connections();
  setup.call_timeout = std::chrono::milliseconds(c.changelog_timeout_ms);
  feed.log = system.spawn(changelog_actor, std::move(setup));
  if (source.tells_newest) feed.watch = system.spawn(feed_watch, env, feed.log);
  feed.name = source.name;
  feed.resolves_doubt = source.resolves_doubt;
  if (!c.coordinator) feed.make_changelog = source.make;
  if (!c.peers.empty()) {
    feed.make_peers = [peers = c.peer_urls(), instance = env->instance, access = source.access] {
      return std::make_shared<http_base_source>(peers, instance, access);
    };
  }
  return feed;
}

}  // namespace fp
