#include "app/fpctl/ingest.hpp"

#include <filesystem>
#include <limits>

#include "app/fpctl/index_form.hpp"
#include "core/base/printable.hpp"

namespace fp::ctl {

namespace {

// Between two records; what was done since the newest one is done again after a kill.
constexpr auto record_interval = std::chrono::milliseconds(250);
constexpr size_t max_witnesses = 32;
constexpr size_t removals_per_commit = 1'000;

}  // namespace

std::string source_name(const std::vector<std::string>& files) {
  std::string all;
  for (const auto& file : files) {
    std::error_code failed;
    if (file == "-" || !std::filesystem::is_regular_file(file, failed)) return {};
    all += std::filesystem::absolute(file).lexically_normal().string() + '\n';
  }
  const auto first = all.substr(0, all.find('\n'));
  if (files.size() <= 1) return first;
  return first + " and " + std::to_string(files.size() - 1) + " more, " + to_hex16(checksum(all));
}

ingest::ingest(client& node, ingest_options options)
    : node_(node),
      options_(std::move(options)),
      source_(options_.files, options_.patience),
      pipeline_(node_, options_.index, options_.window),
      record_file_(options_.source.empty() ? std::filesystem::path() : options_.state_folder, identity()) {
  start_.digest = source_.digest();
  start_.next_id = options_.start_id;
}

/// Everything that decides what becomes of the input. What the program makes of a line may differ between its
/// versions.
std::string ingest::identity() const {
  return std::string("fpctl ") + FPNODE_VERSION + ", node " + node_.options().address() + ", index " +
         options_.index + ", --id " + std::to_string(options_.single_id) + ", --start-id " +
         std::to_string(options_.start_id) + ", source " + options_.source;
}

void ingest::run() {
  look_at_index();
  if (options_.restart) {
    record_file_.remove();
  } else {
    continue_where_it_stopped();
  }
  read_ = acknowledged_ = start_;
  try {
    read_batches();
    receive_all();
  } catch (const error&) {
    // What was sent before a bad line, and what was acknowledged before a batch that failed, counts.
    try {
      receive_all();
    } catch (const error&) {
    }
    write_record();
    throw;
  }
  record_file_.remove();
  require_announced();
}

void ingest::look_at_index() {
  const auto info = node_.info(options_.index, {options_.ready_wait_ms});
  version_ = info.version;
  form_ = form_of(info, options_.index);
  remove_old_records(info);
  record_.generation = node_.status(options_.index).generation;
}

/// Earlier versions of this program kept their records in the index's metadata, one for each input for ever.
void ingest::remove_old_records(const index_info& info) {
  changes_encoder changes;
  const auto commit = [&] {
    if (changes.count() == 0) return;
    update_request request;
    request.changes = changes.take();
    request.ready_wait_ms = options_.ready_wait_ms;
    version_ = node_.update(options_.index, request).version;
  };
  for (const auto& [key, value] : info.metadata) {
    if (!is_record_in_metadata(key, value)) continue;
    changes.remove_metadata(key);
    if (changes.count() == removals_per_commit) commit();
  }
  commit();
}

void ingest::continue_where_it_stopped() {
  const auto found = record_file_.read();
  if (!found) return;
  std::string why = mismatch(*found);
  const bool looked_into = why.empty();
  if (looked_into && (!source_.skip_lines(found->position.lines) || source_.digest() != found->position.digest)) {
    why = "the input is another one than before";
  }
  if (why.empty()) {
    start_ = found->position;
    record_ = *found;
    return;
  }
  if (looked_into) {
    if (source_name(options_.files).empty()) {
      throw error(errc::bad_request, why + "; use --restart to start at its beginning");
    }
    source_ = fingerprint_source(options_.files, options_.patience);
  }
  on_note("an earlier ingest of this input did not finish and is not continued: " + why +
          "; starting at the beginning");
}

std::string ingest::mismatch(const ingest_record& record) {
  constexpr const char* changed = "the index has changed since";
  if (record.generation != record_.generation) return changed;
  if (record.position.skipped > 0 && !options_.keep_going) return "it skipped lines, as --keep-going tells";
  for (const auto& [id, commit] : record.witnesses) {
    const auto found = node_.find_document(options_.index, {id, options_.ready_wait_ms});
    if (!found || found->version != commit) return changed;
  }
  return {};
}

document_id ingest::id_for(const text_fingerprint& f) {
  if (f.id) return *f.id;
  if (options_.single_id != 0) {
    if (std::exchange(read_.single_id_used, true)) {
      throw line_error(errc::invalid_document_id, source_.where() +
                                                      ": a second fingerprint without an id; --id is for "
                                                      "one, use --start-id");
    }
    return options_.single_id;
  }
  if (read_.next_id == 0) {
    throw line_error(errc::invalid_document_id,
                     source_.where() + ": the fingerprint has no document id; use --id or --start-id");
  }
  if (read_.next_id > std::numeric_limits<document_id>::max()) {
    throw line_error(errc::invalid_document_id, source_.where() + ": no document ids are left above --start-id");
  }
  return static_cast<document_id>(read_.next_id++);
}

/// --id says that a fingerprint comes. When none has, the program that should have made it has failed.
void ingest::require_announced() const {
  if (options_.single_id == 0 || acknowledged_.single_id_used) return;
  throw error(errc::bad_request, "--id " + std::to_string(options_.single_id) +
                                     " was given, but the input holds no fingerprint" +
                                     (acknowledged_.documents > 0 ? " without an id" : ""));
}

void ingest::read_batches() {
  changes_encoder changes;
  batch b;
  bool at_end = false;
  while (!at_end) {
    try {
      if (const auto f = source_.next()) {
        b.last_document = id_for(*f);
        const auto hashes = document_in_form(f->hashes, form_);
        changes.insert(b.last_document, hashes);
        read_.documents++;
        b.hashes += hashes.size();
      } else {
        at_end = true;
      }
    } catch (const line_error& e) {
      if (!options_.keep_going) throw;
      read_.skipped++;
      on_bad_line(e.what());
    }
    const bool full = changes.count() >= options_.batch_documents || changes.bytes().size() >= options_.batch_bytes;
    if (changes.count() > 0 && (full || at_end)) {
      read_.lines = source_.lines();
      read_.digest = source_.digest();
      b.after = read_;
      send(std::exchange(b, {}), changes);
    }
  }
}

void ingest::send(batch b, changes_encoder& changes) {
  while (pipeline_.is_full()) receive_oldest();
  update_request request;
  request.changes = changes.take();
  request.ready_wait_ms = options_.ready_wait_ms;
  pipeline_.send(request);
  sent_.push_back(std::move(b));
}

void ingest::receive_oldest() {
  update_reply reply;
  try {
    reply = pipeline_.receive();
  } catch (...) {
    // Nothing behind a batch that failed counts as acknowledged, but it is waited for.
    sent_.clear();
    while (pipeline_.in_flight() > 0) {
      try {
        pipeline_.receive();
      } catch (const error&) {
      }
    }
    throw;
  }
  const auto done = std::move(sent_.front());
  sent_.pop_front();
  version_ = reply.version;
  acknowledged_ = done.after;
  acknowledged_hashes_ += done.hashes;
  add_witness(done.last_document, reply.version);
  if (clock::now() - recorded_at_ >= record_interval) write_record();
  on_progress(*this);
}

void ingest::receive_all() {
  while (pipeline_.in_flight() > 0) receive_oldest();
}

/// Keeps the newest document and, of those before it, some at equal distances.
void ingest::add_witness(document_id id, commit_id written_by) {
  auto& all = record_.witnesses;
  if (batches_ > 0 && (batches_ - 1) % witness_stride_ != 0) all.pop_back();
  all.emplace_back(id, written_by);
  batches_++;
  if (all.size() <= max_witnesses) return;
  for (size_t i = 0; 2 * i < all.size(); i++) all[i] = all[2 * i];
  all.resize((all.size() + 1) / 2);
  witness_stride_ *= 2;
}

void ingest::write_record() noexcept {
  if (cannot_record_ || acknowledged_.lines == start_.lines) return;
  try {
    record_.position = acknowledged_;
    record_file_.write(record_);
  } catch (const std::exception& e) {
    cannot_record_ = true;
    on_note(std::string("if this ingest is interrupted, it cannot be continued: ") + e.what());
  }
  recorded_at_ = clock::now();
}

}  // namespace fp::ctl
