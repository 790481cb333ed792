#include "app/fpctl/json_output.hpp"

#include "core/check/failure_advice.hpp"

namespace fp::ctl {

json as_json(const index_entry& e) {
  json j{{"name", e.name}, {"generation", e.generation}, {"state", to_string(e.state)}};
  if (!e.reason.empty()) j["reason"] = e.reason;
  return j;
}

json as_json(const index_list& l) {
  auto j = json::array();
  for (const auto& e : l.indexes) j.push_back(as_json(e));
  return j;
}

json as_json(const followed_changelog& c) {
  json j{{"name", c.name}, {"caught_up", c.caught_up}, {"position", c.position}};
  if (!c.failure.empty()) j["failure"] = c.failure;
  if (!c.parked.empty()) j["parked"] = json::array();
  for (const auto& [name, why] : c.parked) j["parked"].push_back({{"name", name}, {"reason", why}});
  return j;
}

json as_json(const replica_status& r) {
  json j{{"state", r.state}};
  if (!r.reason.empty()) j["reason"] = r.reason;
  j["changelog_version"] = r.newest;
  j["behind_changes"] = r.behind_changes;
  j["behind_ms"] = r.behind_ms;
  if (r.attempts > 0) j["attempts"] = r.attempts;
  if (r.next_try_ms > 0) j["next_try_ms"] = r.next_try_ms;
  if (!r.donor.empty()) {
    j["donor"] = r.donor;
    j["base_bytes"] = r.base_bytes;
    j["base_size"] = r.base_size;
  }
  if (r.resyncing) j["resyncing"] = true;
  return j;
}

json as_json(const node_status& s) {
  json j{{"version", s.version},
         {"protocol", s.protocol},
         {"pid", s.pid},
         {"uptime_ms", s.uptime_ms},
         {"data_folder", s.data_folder},
         {"loaders_running", s.loaders_running},
         {"loaders_allowed", s.loaders_allowed}};
  if (!s.changelog.name.empty()) j["changelog"] = as_json(s.changelog);
  return j;
}

json as_json(const load_progress& p) {
  json j{{"index", p.index},
         {"attempt", p.attempt},
         {"state", to_string(p.state)},
         {"strategy", to_string(p.strategy)},
         {"segments_done", p.segments_done},
         {"segments_total", p.segments_total},
         {"bytes_done", p.bytes_done},
         {"bytes_total", p.bytes_total},
         {"replayed_commits", p.replayed_commits},
         {"elapsed_us", p.elapsed_us},
         {"segments_us", p.segments_us}};
  if (!p.reason.empty()) j["reason"] = p.reason;
  return j;
}

json as_json(const index_status& s) {
  json j{{"name", s.name}, {"generation", s.generation}, {"state", to_string(s.state)}};
  if (!s.reason.empty()) j["reason"] = s.reason;
  if (s.state == index_state::failed) j["cause"] = to_string(s.cause);
  j["version"] = s.version;
  j["file_version"] = s.file_version;
  j["num_file_segments"] = s.num_file_segments;
  j["num_memory_segments"] = s.num_memory_segments;
  j["memory_postings"] = s.memory_postings;
  j["oplog_bytes"] = s.oplog_bytes;
  j["searches"] = s.searches;
  j["updates"] = s.updates;
  j["checkpoints"] = s.checkpoints;
  j["memory_merges"] = s.memory_merges;
  j["file_merges"] = s.file_merges;
  j["queued_searches"] = s.queued_searches;
  j["queued_updates"] = s.queued_updates;
  j["waiting_requests"] = s.waiting_requests;
  j["checkpoint_running"] = s.checkpoint_running;
  j["merge_running"] = s.merge_running;
  if (!s.upkeep_error.empty()) j["maintenance_error"] = s.upkeep_error;
  j["damaged_segments"] = s.damaged_segments;
  if (!s.damage.empty()) j["damage"] = s.damage;
  j["unverified_segments"] = s.unverified_segments;
  if (!s.replica.state.empty()) j["replica"] = as_json(s.replica);
  if (s.replica.needs_person()) j["replica"]["advice"] = parked_advice(s.name);
  j["loading"] = as_json(s.loading);
  return j;
}

json as_json(const index_info& i) {
  auto metadata = json::object();
  for (const auto& [key, value] : i.metadata) metadata[key] = value;
  return {{"version", i.version},
          {"file_version", i.file_version},
          {"num_documents", i.num_documents},
          {"num_postings", i.num_postings},
          {"num_bytes", i.num_bytes},
          {"min_document", i.min_document},
          {"max_document", i.max_document},
          {"num_segments", i.num_segments},
          {"num_memory_segments", i.num_memory_segments},
          {"metadata", std::move(metadata)}};
}

json as_json(const segment_list& l) {
  auto j = json::array();
  for (const auto& s : l.segments) {
    j.push_back({{"in_memory", s.in_memory},
                 {"first_commit", s.first_commit},
                 {"last_commit", s.last_commit},
                 {"num_documents", s.num_documents},
                 {"num_postings", s.num_postings},
                 {"num_bytes", s.num_bytes},
                 {"min_document", s.min_document},
                 {"max_document", s.max_document}});
  }
  return j;
}

json as_json(const upkeep_reply& r) {
  return {{"version", r.version},
          {"file_version", r.file_version},
          {"num_file_segments", r.num_file_segments},
          {"num_memory_segments", r.num_memory_segments}};
}

json as_json(const result_list& results) {
  auto j = json::array();
  for (size_t i = 0; i < results.size(); i++) j.push_back({{"id", results[i].id}, {"score", results[i].score}});
  return j;
}

}  // namespace fp::ctl
