#include "app/api/answer_bodies.hpp"

#include <optional>

#include "app/api/body_writer.hpp"
#include "core/check/failure_advice.hpp"
#include "core/identify/hop.hpp"

namespace fp {

namespace {

void write_loading(body_writer& w, const load_progress& p) {
  w.begin_map(7).full_field("strategy").text(to_string(p.strategy));
  w.full_field("segments_done").number(p.segments_done).full_field("segments_total").number(p.segments_total);
  w.full_field("bytes_done").number(p.bytes_done).full_field("bytes_total").number(p.bytes_total);
  w.full_field("replayed_commits").number(p.replayed_commits);
  w.full_field("elapsed_ms").number(p.elapsed_us / 1'000).end_map();
}

void write_replica(body_writer& w, const replica_status& r, const std::string& index) {
  w.begin_map(13).full_field("state").text(r.state).full_field("reason").text(r.reason);
  w.full_field("changelog_version").number(r.newest).full_field("behind_changes").number(r.behind_changes);
  w.full_field("behind_ms").number(r.behind_ms);
  w.full_field("attempts").number(r.attempts).full_field("next_try_ms").number(r.next_try_ms);
  w.full_field("donor").text(r.donor).full_field("base_bytes").number(r.base_bytes);
  w.full_field("base_size").number(r.base_size).full_field("resyncing").boolean(r.resyncing);
  w.full_field("slice").text(r.slice);
  w.full_field("advice").text(r.needs_person() ? parked_advice(index) : "").end_map();
}

void write_member(body_writer& w, const member_status& m) {
  const auto& s = m.slice;
  w.begin_map(14).full_field("address").text(m.address).full_field("node").text(s.node);
  w.full_field("slice").text(s.slice).full_field("failure").text(m.failure);
  w.full_field("state").text(s.instance == 0 ? "unknown" : to_string(s.state));
  w.full_field("draining").boolean(s.is_draining).full_field("version").number(s.info.version);
  w.full_field("behind_ms").number(s.behind_ms).full_field("num_docs").number(s.info.num_documents);
  w.full_field("size_bytes").number(s.info.num_bytes).full_field("asked").number(m.asked);
  w.full_field("in_flight").number(m.in_flight).full_field("mean_us").number(m.mean_us);
  w.full_field("percentile_95_us").number(m.percentile_95_us).end_map();
}

void write_index(body_writer& w, const node_overview::index& index) {
  const auto& s = index.status;
  w.begin_map(30).full_field("name").text(s.name).full_field("answered").boolean(index.answered);
  w.full_field("generation").number(s.generation).full_field("state").text(to_string(s.state));
  w.full_field("reason").text(s.reason);
  w.full_field("advice").text(s.state == index_state::failed ? failure_advice(s.cause, s.name) : "");
  w.full_field("version").number(s.version).full_field("file_version").number(s.file_version);
  w.full_field("num_docs").number(s.num_documents).full_field("size_bytes").number(s.num_bytes);
  w.full_field("num_file_segments").number(s.num_file_segments);
  w.full_field("num_memory_segments").number(s.num_memory_segments);
  w.full_field("memory_postings").number(s.memory_postings).full_field("oplog_bytes").number(s.oplog_bytes);
  w.full_field("searches").number(s.searches).full_field("updates").number(s.updates);
  w.full_field("checkpoints").number(s.checkpoints);
  w.full_field("memory_merges").number(s.memory_merges).full_field("file_merges").number(s.file_merges);
  w.full_field("queued_searches").number(s.queued_searches).full_field("queued_updates").number(s.queued_updates);
  w.full_field("waiting_requests").number(s.waiting_requests);
  w.full_field("checkpoint_running").boolean(s.checkpoint_running);
  w.full_field("merge_running").boolean(s.merge_running);
  w.full_field("maintenance_error").text(s.upkeep_error);
  w.full_field("damaged_segments").number(s.damaged_segments).full_field("damage").text(s.damage);
  w.full_field("unverified_segments").number(s.unverified_segments);
  w.full_field("replica");
  write_replica(w, s.replica, s.name);
  w.full_field("loading");
  write_loading(w, s.loading);
  w.end_map();
}

}  // namespace

std::string encode_empty(body_format format) { return body_writer(format).begin_map(0).end_map().take(); }

std::string encode_error(std::string_view name, std::string_view reason, body_format format) {
  body_writer w(format);
  w.begin_map(reason.empty() ? 1 : 2).field("error").text(name);
  if (!reason.empty()) w.field("reason").text(reason);
  return w.end_map().take();
}

std::string encode_search(const search_reply& reply, body_format format) {
  body_writer w(format);
  w.begin_map(reply.missing.empty() ? 1 : 2).field("results").begin_list(reply.results.size());
  for (size_t i = 0; i < reply.results.size(); i++) {
    const auto r = reply.results[i];
    w.begin_map(2).field("id").number(r.id).field("score").number(r.score).end_map();
  }
  w.end_list();
  if (!reply.missing.empty()) {
    w.full_field("missing").begin_list(reply.missing.size());
    for (const auto& part : reply.missing) w.text(part);
    w.end_list();
  }
  return w.end_map().take();
}

std::string encode_identified(const named_results& named, body_format format) {
  body_writer w(format);
  w.begin_map(3).full_field("verdict").text(to_string(named.how));
  w.full_field("reason").text(named.how == certainty::none ? to_string(named.why) : "");
  w.full_field("results").begin_list(named.documents.size());
  for (const auto& d : named.documents) {
    w.begin_map(d.is_known ? d.where ? 7 : 5 : 2);
    w.full_field("id").number(d.id).full_field("score").number(d.score);
    if (d.is_known) {
      w.full_field("title").text(d.title).full_field("artist").text(d.artist);
      w.full_field("duration").decimal(d.duration_s);
    }
    if (d.is_known && d.where) {
      w.full_field("place").decimal(static_cast<double>(d.where->offset) * hop_s);
      w.full_field("error").decimal(d.where->error());
    }
    w.end_map();
  }
  return w.end_list().end_map().take();
}

std::string encode_fingerprints(const sound_fingerprints& of, body_format format) {
  body_writer w(format);
  const auto write = [&](std::string_view name, const std::vector<std::vector<hash_value>>& fingerprints) {
    w.full_field(name).begin_list(fingerprints.size());
    for (const auto& hashes : fingerprints) {
      w.begin_list(hashes.size());
      for (const auto h : hashes) w.number(h);
      w.end_list();
    }
    w.end_list();
  };
  w.begin_map(3).full_field("seconds").decimal(of.seconds);
  write("plain", of.plain);
  write("phone", of.phone);
  return w.end_map().take();
}

std::string encode_version(commit_id version, body_format format) {
  return body_writer(format).begin_map(1).field("version").number(version).end_map().take();
}

std::string encode_created(const create_index_reply& reply, body_format format) {
  body_writer w(format);
  w.begin_map(3).field("version").number(reply.version).field("ready").boolean(reply.ready);
  return w.field("generation").number(reply.generation).end_map().take();
}

std::string encode_deleted(bool deleted, body_format format) {
  return body_writer(format).begin_map(1).field("deleted").boolean(deleted).end_map().take();
}

std::string encode_info(const index_info& index, body_format format) {
  body_writer w(format);
  w.begin_map(3).field("version").number(index.version).field("metadata").begin_map(index.metadata.size());
  for (const auto& [key, value] : index.metadata) w.free_field(key).text(value);
  w.end_map().field("stats").begin_map(4);
  w.full_field("min_doc_id").number(index.min_document).full_field("max_doc_id").number(index.max_document);
  w.full_field("num_segments").number(index.num_segments).full_field("num_docs").number(index.num_documents);
  return w.end_map().end_map().take();
}

std::string encode_cluster(const cluster_status& cluster, body_format format) {
  body_writer w(format);
  w.begin_map(2).full_field("fault").text(cluster.fault);
  w.full_field("members").begin_list(cluster.members.size());
  for (const auto& m : cluster.members) write_member(w, m);
  return w.end_list().end_map().take();
}

std::string encode_segments(const segment_list& list, body_format format) {
  body_writer w(format);
  w.begin_map(1).field("segments").begin_list(list.segments.size());
  for (const auto& s : list.segments) {
    w.begin_map(9).field("kind").text(s.in_memory ? "memory" : "file");
    w.field("first_commit_id").number(s.first_commit).field("last_commit_id").number(s.last_commit);
    w.field("version").number(s.last_commit).full_field("num_docs").number(s.num_documents);
    w.full_field("num_items").number(s.num_postings).field("size_bytes").number(s.num_bytes);
    w.full_field("min_doc_id").number(s.min_document).full_field("max_doc_id").number(s.max_document).end_map();
  }
  return w.end_list().end_map().take();
}

std::string encode_status(const index_status& status, body_format format) {
  // fpindex refuses a status with other fields, and asks for MessagePack.
  const bool shows_replica = format == body_format::json && !status.replica.state.empty();
  body_writer w(format);
  w.begin_map(shows_replica ? 4 : 3);
  w.field("generation").number(status.generation).field("version").number(status.version);
  w.field("file_version").number(status.file_version);
  if (shows_replica) {
    w.field("replica");
    write_replica(w, status.replica, status.name);
  }
  return w.end_map().take();
}

std::string encode_history(const index_history& history, body_format format) {
  body_writer w(format);
  w.begin_map(6).full_field("step_seconds").decimal(history.step_seconds);
  const auto write = [&](std::string_view name, const auto& values, const auto& write_one) {
    w.full_field(name).begin_list(values.size());
    for (const auto& value : values) write_one(value);
    w.end_list();
  };
  const auto rate = [&](double value) { w.decimal(value); };
  const auto percentile = [&](const std::optional<double>& value) { value ? w.decimal(*value) : w.null(); };
  write("searches", history.searches, rate);
  write("updates", history.updates, rate);
  write("search_p50_ms", history.search_p50_ms, percentile);
  write("search_p95_ms", history.search_p95_ms, percentile);
  write("search_p99_ms", history.search_p99_ms, percentile);
  return w.end_map().take();
}

std::string encode_overview(const node_overview& overview, body_format format) {
  const auto& n = overview.node;
  body_writer w(format);
  w.begin_map(2).full_field("node").begin_map(9).full_field("version").text(n.version);
  w.full_field("pid").number(n.pid).full_field("uptime_ms").number(n.uptime_ms);
  w.full_field("data_folder").text(n.data_folder).full_field("loaders_running").number(n.loaders_running);
  w.full_field("loaders_allowed").number(n.loaders_allowed);
  w.full_field("changelog").begin_map(5).full_field("name").text(n.changelog.name);
  w.full_field("caught_up").boolean(n.changelog.caught_up).full_field("position").number(n.changelog.position);
  w.full_field("failure").text(n.changelog.failure).full_field("parked").begin_list(n.changelog.parked.size());
  for (const auto& [name, why] : n.changelog.parked) {
    w.begin_map(2).full_field("name").text(name).full_field("reason").text(why).end_map();
  }
  w.end_list().end_map();
  w.full_field("has_names").boolean(overview.has_names);
  w.full_field("takes_sound").boolean(overview.takes_sound).end_map();
  w.full_field("indexes").begin_list(overview.indexes.size());
  for (const auto& index : overview.indexes) write_index(w, index);
  return w.end_list().end_map().take();
}

}  // namespace fp
