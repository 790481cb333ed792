#include "app/fpctl/ingest.hpp"

#include <charconv>
#include <filesystem>
#include <limits>

#include "core/base/printable.hpp"

namespace fp::ctl {

namespace {

/// Reads "name=<number> " off the front of `text`.
bool take_number(std::string_view& text, std::string_view name, uint64_t& value) {
  if (!text.starts_with(name)) return false;
  text.remove_prefix(name.size());
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc()) return false;
  text.remove_prefix(static_cast<size_t>(parsed.ptr - text.data()));
  if (!text.starts_with(' ')) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::string ingest_position::encode() const {
  return "lines=" + std::to_string(lines) + " documents=" + std::to_string(documents) +
         " skipped=" + std::to_string(skipped) + " start_id=" + std::to_string(start_id) +
         " next_id=" + std::to_string(next_id) + " xxh3=" + to_hex16(digest);
}

std::optional<ingest_position> ingest_position::parse(std::string_view text) {
  ingest_position p;
  uint64_t start = 0;
  if (!take_number(text, "lines=", p.lines) || !take_number(text, "documents=", p.documents) ||
      !take_number(text, "skipped=", p.skipped) || !take_number(text, "start_id=", start) ||
      !take_number(text, "next_id=", p.next_id) || !text.starts_with("xxh3=") ||
      start > std::numeric_limits<document_id>::max()) {
    return std::nullopt;
  }
  const auto digest = parse_hex16(text.substr(5));
  if (!digest) return std::nullopt;
  p.start_id = static_cast<document_id>(start);
  p.digest = *digest;
  return p;
}

std::string source_name(const std::vector<std::string>& files) {
  std::string all;
  for (const auto& file : files) {
    if (file == "-") return {};
    all += std::filesystem::absolute(file).lexically_normal().string() + '\n';
  }
  const auto first = all.substr(0, all.find('\n'));
  if (files.size() <= 1) return first;
  return first + " and " + std::to_string(files.size() - 1) + " more, " + to_hex16(checksum(all));
}

ingest::ingest(client& node, ingest_options options)
    : node_(node),
      options_(std::move(options)),
      source_(options_.files),
      pipeline_(node_, options_.index, options_.window) {
  start_.digest = source_.digest();
  start_.start_id = options_.start_id;
  start_.next_id = options_.start_id;
}

void ingest::run() {
  continue_where_it_stopped();
  read_ = acknowledged_ = start_;
  try {
    read_batches();
  } catch (const error&) {
    // When the input is to blame and not the node, what was sent counts.
    if (!refused_) {
      receive_all();
      record_position();
    }
    throw;
  }
  receive_all();
  record_position();
}

void ingest::continue_where_it_stopped() {
  const auto info = node_.info(options_.index, {options_.ready_wait_ms});
  version_ = info.version;
  if (options_.source.empty() || options_.restart) return;
  for (const auto& [name, value] : info.metadata) {
    if (name != key()) continue;
    const auto found = ingest_position::parse(value);
    if (!found) {
      throw error(errc::bad_request, "the index's metadata " + quoted(name, 200) +
                                         " is no record of an ingest; use --restart to start from the beginning");
    }
    if (found->start_id != options_.start_id) {
      throw error(errc::bad_request, "this input was ingested with --start-id " + std::to_string(found->start_id) +
                                         " before; use --restart to start from the beginning");
    }
    if (!source_.skip_lines(found->lines) || source_.digest() != found->digest) {
      throw error(errc::bad_request,
                  "the first " + std::to_string(found->lines) +
                      " lines of the input are not those that were ingested before; use --restart "
                      "to start from the beginning");
    }
    start_ = *found;
    recorded_ = *found;
    newest_record_lines_ = found->lines;
  }
}

document_id ingest::id_for(const text_fingerprint& f) {
  if (f.id) return *f.id;
  if (options_.single_id != 0) {
    if (std::exchange(single_id_used_, true)) {
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

void ingest::read_batches() {
  changes_encoder changes;
  batch b;
  bool at_end = false;
  while (!at_end) {
    try {
      if (const auto f = source_.next()) {
        changes.insert(id_for(*f), f->hashes);
        read_.documents++;
        b.hashes += f->hashes.size();
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
      if (at_end) receive_all();  // so that the last batch can say where the input ends
      send(std::exchange(b, {}), changes);
    }
  }
}

void ingest::send(batch b, changes_encoder& changes) {
  while (pipeline_.is_full()) receive_oldest();
  // A batch that is alone on its way can vouch for itself. The others leave the position alone unless they know
  // better.
  const auto& position = sent_.empty() ? b.after : acknowledged_;
  if (!options_.source.empty() && position.lines > newest_record_lines_) {
    changes.set_metadata(key(), position.encode());
    newest_record_lines_ = position.lines;
    b.record = position;
  }
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
    refused_ = true;
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
  if (done.record) recorded_ = done.record;
  on_progress(*this);
}

void ingest::receive_all() {
  while (pipeline_.in_flight() > 0) receive_oldest();
}

void ingest::record_position() {
  if (options_.source.empty()) return;
  if (recorded_ == acknowledged_ || acknowledged_.lines == start_.lines) return;
  changes_encoder changes;
  changes.set_metadata(key(), acknowledged_.encode());
  update_request request;
  request.changes = changes.take();
  request.ready_wait_ms = options_.ready_wait_ms;
  version_ = node_.update(options_.index, request).version;
  recorded_ = acknowledged_;
}

}  // namespace fp::ctl
