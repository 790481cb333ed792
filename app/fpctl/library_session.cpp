#include "app/fpctl/library_session.hpp"

#include <algorithm>
#include <utility>

#include "app/fpctl/format.hpp"
#include "app/fpctl/index_form.hpp"
#include "core/base/error.hpp"
#include "core/base/printable.hpp"

namespace fp::ctl {

namespace {

constexpr size_t erased_per_commit = 1'000;

/// Of whole fingerprints AcoustID's extracts are made; sound that was filtered first is something else.
bool fits(hash_form made, hash_form of_index) noexcept {
  return (made == hash_form::phone) == (of_index == hash_form::phone);
}

std::string recordings_text(uint64_t n) { return grouped(n) + (n == 1 ? " recording" : " recordings"); }

}  // namespace

index_identity identify_index(const std::optional<library_index>& known, uint64_t num_known_documents,
                              uint64_t generation, uint64_t num_documents) noexcept {
  if (!known) return index_identity::unknown;
  if (num_documents == 0 && num_known_documents > 0) return index_identity::emptied;
  if (known->generation == generation) return index_identity::same;
  return num_documents == 0 ? index_identity::emptied : index_identity::other;
}

library_session::library_session(client& node, recording_library& library, std::string index,
                                 uint32_t ready_wait_ms, std::optional<hash_form> form)
    : node_(node), library_(library), index_(std::move(index)), ready_wait_ms_(ready_wait_ms), made_form_(form) {}

void library_session::open(bool may_create, bool adopt) {
  if (may_create) {
    create_index_request request;
    request.name = index_;
    created_ = node_.create_index(request).created;
  }
  const auto info = node_.info(index_, {ready_wait_ms_});
  generation_ = node_.status(index_).generation;
  highest_ = info.max_document;
  const auto known = library_.index(index_);
  const auto all = library_.list(index_);
  const auto stored = static_cast<size_t>(std::ranges::count(all, recording_state::stored, &recording::state));
  const auto identity = identify_index(known, stored, generation_, info.num_documents);
  if (identity == index_identity::other && !adopt) {
    throw error(errc::bad_request, "index " + index_ + " (generation " + std::to_string(generation_) +
                                       ") is another one than the library was made for (generation " +
                                       std::to_string(known->generation) +
                                       "); to send it the library's recordings: fpctl library doctor " + index_ +
                                       " --repair; to begin anew: fpctl library forget " + index_);
  }
  settle_form(info, all);
  switch (identity) {
    case index_identity::unknown:
    case index_identity::same:
      if (info.num_documents < stored) {
        on_note("index " + index_ + " has " + grouped(info.num_documents) + " documents, and the library " +
                recordings_text(stored) + " that it should have: fpctl library doctor " + index_);
      }
      break;
    case index_identity::emptied:
      if (stored > 0)
        on_note("index " + index_ + " is empty: " + recordings_text(stored) + " of the library are sent again");
      library_.set_pending(index_);
      break;
    case index_identity::other:
      library_.set_pending(index_);
      break;
  }
  library_.set_index({index_, generation_, node_.options().address()});
  std::vector<document_id> removing;
  for (const auto& r : all) {
    if (r.state == recording_state::removing) removing.push_back(r.id);
  }
  erase(removing);
  for (const auto& r : library_.list(index_, {recording_state::pending, {}})) pending_.push_back(r.id);
  std::ranges::sort(pending_);
}

void library_session::settle_form(const index_info& info, const std::vector<recording>& known) {
  const auto of_known =
      known.empty() ? hash_form::plain : hash_form_of(known.front().form).value_or(hash_form::plain);
  const auto made = made_form_.value_or(of_known);
  form_ = form_of(info, index_);
  if (fits(made, form_)) return;
  if (info.num_documents > 0 || form_ != hash_form::plain) throw wrong_form(index_, form_, made);
  changes_encoder changes;
  changes.set_metadata(std::string(hash_form_key), std::string(to_string(made)));
  commit(std::move(changes));
  form_ = made;
}

document_id library_session::add(const recording& r, std::span<const hash_value> hashes) {
  pending_.push_back(library_.add(index_, r, hashes, highest_));
  return pending_.back();
}

void library_session::replace(const recording& r, std::span<const hash_value> hashes) {
  library_.replace(index_, r, hashes);
  if (std::ranges::find(pending_, r.id) == pending_.end()) pending_.push_back(r.id);
}

void library_session::send_again(std::span<const document_id> ids) {
  library_.set_pending(index_, ids);
  pending_.insert(pending_.end(), ids.begin(), ids.end());
  std::ranges::sort(pending_);
  pending_.erase(std::unique(pending_.begin(), pending_.end()), pending_.end());
}

void library_session::send_pending() {
  while (!pending_.empty()) {
    const auto end = pending_.begin() + static_cast<ptrdiff_t>(std::min(max_batch, pending_.size()));
    std::vector<document_id> batch(pending_.begin(), end);
    send_batch(batch);
    pending_.erase(pending_.begin(), end);
  }
}

/// Sends them in one commit. Which ids are free holds for the commit when the index has not moved in between; when
/// others write without a pause, it holds for the moment before.
void library_session::send_batch(std::vector<document_id> ids) {
  constexpr int attempts = 5;
  for (int attempt = 1;; attempt++) {
    const auto info = node_.info(index_, {ready_wait_ms_});
    changes_encoder changes;
    std::vector<std::pair<document_id, uint64_t>> sent;
    for (auto& id : ids) {
      const auto row = library_.find(index_, id);
      const auto document = row ? document_of(*row) : std::nullopt;
      if (!document) continue;
      if (row->commit == 0 && id <= info.max_document && is_taken(id) && !holds(id, *document)) {
        const auto former = std::exchange(id, library_.renumber(index_, id, info.max_document));
        on_note("document " + std::to_string(former) + " of index " + index_ + " is somebody else's: " + row->path +
                " is document " + std::to_string(id));
      }
      changes.insert(id, *document);
      sent.emplace_back(id, row->digest);
    }
    if (sent.empty()) return;
    update_request request;
    request.changes = changes.take();
    request.ready_wait_ms = ready_wait_ms_;
    if (attempt < attempts) request.expected_version = info.version;
    try {
      library_.set_stored(index_, sent, node_.update(index_, request).version);
    } catch (const error& e) {
      if (e.code() == errc::version_mismatch) continue;
      throw;
    }
    num_sent_ += sent.size();
    return;
  }
}

std::optional<std::vector<hash_value>> library_session::whole_fingerprint(document_id id) {
  return library_.whole_fingerprint(index_, id, on_note);
}

std::optional<std::vector<hash_value>> library_session::document_of(const recording& r) {
  const auto made = hash_form_of(r.form);
  if (!made || !fits(*made, form_)) {
    on_note(quoted(r.path, 400) + ": its fingerprint has the form " + printable(r.form, 100) +
            ", and the hashes of index " + index_ + " have the form " + std::string(to_string(form_)) +
            "; it is not sent until fpctl add --again makes another one");
    return std::nullopt;
  }
  auto hashes = whole_fingerprint(r.id);
  if (!hashes) return std::nullopt;
  auto document = document_in_form(*hashes, form_);
  if (!document.empty()) return document;
  on_note(nothing_to_take(r.path));
  return std::nullopt;
}

std::string library_session::nothing_to_take(const std::string& path) const {
  return quoted(path, 400) + ": is nothing but silence, of which index " + index_ + " takes nothing";
}

bool library_session::is_taken(document_id id) {
  return node_.find_document(index_, {id, ready_wait_ms_}).has_value();
}

bool library_session::holds(document_id id, const std::vector<hash_value>& hashes) {
  auto distinct = document_in_form(hashes, form_);
  std::ranges::sort(distinct);
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  // Of a longer one, a part shows it as well.
  distinct.resize(std::min(distinct.size(), size_t{10'000}));
  search_request request;
  request.limit = max_search_limit;
  request.min_score = static_cast<uint32_t>(distinct.size());
  request.timeout_ms = request.ready_wait_ms = ready_wait_ms_;
  request.query = std::move(distinct);
  const auto found = node_.search(index_, request).results;
  for (size_t i = 0; i < found.size(); i++) {
    if (found[i].id == id) return true;
  }
  return false;
}

void library_session::remove(const std::vector<document_id>& ids) {
  library_.set_removing(index_, ids);
  erase(ids);
  std::erase_if(pending_, [&](auto id) { return std::ranges::find(ids, id) != ids.end(); });
}

void library_session::erase(const std::vector<document_id>& ids) {
  for (size_t begin = 0; begin < ids.size(); begin += erased_per_commit) {
    const std::vector<document_id> some(
        ids.begin() + static_cast<ptrdiff_t>(begin),
        ids.begin() + static_cast<ptrdiff_t>(std::min(ids.size(), begin + erased_per_commit)));
    changes_encoder changes;
    for (const auto id : some) {
      const auto row = library_.find(index_, id);
      if (!row) continue;
      // One that no commit is known of was perhaps never sent, and the document is somebody else's.
      if (row->commit == 0) {
        const auto hashes = whole_fingerprint(id);
        if (!hashes || !is_taken(id) || !holds(id, *hashes)) continue;
      }
      changes.erase(id);
    }
    if (changes.count() > 0) commit(std::move(changes));
    library_.remove(index_, some);
  }
}

void library_session::commit(changes_encoder changes) {
  update_request request;
  request.changes = changes.take();
  request.ready_wait_ms = ready_wait_ms_;
  node_.update(index_, request);
}

}  // namespace fp::ctl
