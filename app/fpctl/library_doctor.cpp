#include "app/fpctl/library_doctor.hpp"

#include <algorithm>
#include <optional>
#include <set>

#include "app/library/audio_walk.hpp"
#include "core/base/printable.hpp"

namespace fp::ctl {

namespace {

constexpr uint64_t max_looked_for = 20'000;
constexpr size_t max_unknown_listed = 20;

std::optional<library_ailment> ailment_of_file(const recording& r) {
  const auto now = audio_file_at(r.path);
  if (!now) return library_ailment::vanished;
  if (now->size == r.size && now->mtime_ns == r.mtime_ns) return std::nullopt;
  return library_ailment::changed;
}

bool has_whole_fingerprint(recording_library& library, const std::string& index, document_id id) {
  bool whole = true;
  library.whole_fingerprint(index, id, [&](const std::string&) { whole = false; });
  return whole;
}

/// Looks for documents that no recording is, as long as that takes a bounded number of questions.
void list_unknown(client& node, const std::string& index, uint32_t ready_wait_ms, const index_info& info,
                  const std::set<document_id>& known, library_examination& x) {
  uint64_t asked = 0;
  for (uint64_t id = info.min_document; id <= info.max_document && asked < max_looked_for; id++) {
    if (x.unknown_documents.size() >= std::min<uint64_t>(max_unknown_listed, x.num_unknown_documents)) return;
    if (known.contains(static_cast<document_id>(id))) continue;
    asked++;
    if (node.find_document(index, {static_cast<document_id>(id), ready_wait_ms})) {
      x.unknown_documents.push_back(static_cast<document_id>(id));
    }
  }
}

}  // namespace

std::string_view to_string(library_ailment a) noexcept {
  switch (a) {
    case library_ailment::other_index:
      return "other_index";
    case library_ailment::pending:
      return "pending";
    case library_ailment::removing:
      return "removing";
    case library_ailment::missing:
      return "missing";
    case library_ailment::rewritten:
      return "rewritten";
    case library_ailment::damaged:
      return "damaged";
    case library_ailment::vanished:
      return "vanished";
    case library_ailment::changed:
      return "changed";
  }
  return "unknown";
}

std::string_view meaning_of(library_ailment a) noexcept {
  switch (a) {
    case library_ailment::other_index:
      return "the index is another one than the library was made for";
    case library_ailment::pending:
      return "not known to be in the index";
    case library_ailment::removing:
      return "not known to be deleted from the index";
    case library_ailment::missing:
      return "not in the index any more";
    case library_ailment::rewritten:
      return "written over in the index by somebody else";
    case library_ailment::damaged:
      return "the fingerprint in the library is damaged";
    case library_ailment::vanished:
      return "the file is gone";
    case library_ailment::changed:
      return "the file has changed";
  }
  return "";
}

bool is_repairable(library_ailment a) noexcept { return a <= library_ailment::rewritten; }

std::string cure_of(library_ailment a, const std::string& index) {
  const auto name = printable(index, 200);
  if (is_repairable(a)) return "fpctl library doctor " + name + " --repair";
  return a == library_ailment::damaged ? "fpctl add " + name + " --again FILE..."
                                       : "fpctl sync " + name + " FOLDER...";
}

library_examination examine_library(client& node, recording_library& library, const std::string& index,
                                    uint32_t ready_wait_ms,
                                    const std::function<void(uint64_t done, uint64_t total)>& on_progress) {
  const auto known = library.known_index(index);
  library_examination x;
  const auto info = node.info(index, {ready_wait_ms});
  x.generation = node.status(index).generation;
  x.known_generation = known.generation;
  const auto all = library.list(index);
  x.num_recordings = all.size();
  const bool is_other = identify_index(known, 0, x.generation, 1) == index_identity::other;
  if (is_other) x.findings.push_back({library_ailment::other_index, 0, {}});
  std::set<document_id> ids;
  uint64_t num_there = 0;
  for (const auto& r : all) {
    const auto find = [&](library_ailment what) { x.findings.push_back({what, r.id, r.path}); };
    on_progress(ids.size(), all.size());
    ids.insert(r.id);
    const auto writer = is_other ? std::nullopt : node.find_document(index, {r.id, ready_wait_ms});
    num_there += writer.has_value();
    if (r.state == recording_state::pending) find(library_ailment::pending);
    if (r.state == recording_state::removing) find(library_ailment::removing);
    if (r.state == recording_state::stored && !is_other) {
      if (!writer) find(library_ailment::missing);
      if (writer && writer->version != r.commit) find(library_ailment::rewritten);
    }
    if (r.state == recording_state::removing) continue;
    if (!has_whole_fingerprint(library, index, r.id)) find(library_ailment::damaged);
    if (const auto ailment = ailment_of_file(r)) find(*ailment);
  }
  on_progress(all.size(), all.size());
  x.num_unknown_documents = info.num_documents - std::min(info.num_documents, num_there);
  if (!is_other && x.num_unknown_documents > 0) list_unknown(node, index, ready_wait_ms, info, ids, x);
  return x;
}

void repair_library(library_session& session, const library_examination& found) {
  std::vector<document_id> to_send;
  for (const auto& one : found.findings) {
    if (one.what == library_ailment::missing || one.what == library_ailment::rewritten) to_send.push_back(one.id);
  }
  session.open(false, true);
  session.send_again(to_send);
  session.send_pending();
}

}  // namespace fp::ctl
