#include "app/library/recording_library.hpp"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <limits>

#include "app/library/library_file.hpp"
#include "core/base/checksum.hpp"
#include "core/base/error.hpp"
#include "core/base/printable.hpp"

namespace fp {

namespace {

static_assert(std::endian::native == std::endian::little, "fingerprints are stored as they lie");

std::string path_of_library(const std::filesystem::path& file, recording_library::access wanted) {
  if (is_library_missing(file)) {
    if (wanted != recording_library::access::create) {
      throw error(errc::io_error,
                  printable(file.string(), 4096) + ": there is no library of recordings; fpctl add makes one");
    }
    create_library(file);
  }
  return file.string();
}

#define RECORDING_COLUMNS                                                                                       \
  "id, path, size, mtime_ns, title, artist, duration_s, algorithm, form, state, commit_id, num_hashes, digest " \
  "FROM recordings JOIN indexes ON indexes.number = recordings.index_number "

recording read_recording(const sqlite_query& row) {
  recording r;
  r.id = static_cast<document_id>(row.integer(0));
  r.path = row.text(1);
  r.size = static_cast<uint64_t>(row.integer(2));
  r.mtime_ns = row.integer(3);
  r.title = row.text(4);
  r.artist = row.text(5);
  r.duration_s = row.real(6);
  r.algorithm = static_cast<uint32_t>(row.integer(7));
  r.form = row.text(8);
  r.state = static_cast<recording_state>(row.integer(9));
  r.commit = static_cast<commit_id>(row.integer(10));
  r.num_hashes = static_cast<uint64_t>(row.integer(11));
  r.digest = static_cast<uint64_t>(row.integer(12));
  return r;
}

void bind_facts(sqlite_query& q, const recording& r) {
  q.with(std::string_view(r.path))
      .with(static_cast<int64_t>(r.size))
      .with(r.mtime_ns)
      .with(std::string_view(r.title))
      .with(std::string_view(r.artist))
      .with(r.duration_s)
      .with(static_cast<int64_t>(r.algorithm))
      .with(std::string_view(r.form));
}

error no_such_index(const sqlite_file& file, std::string_view name) {
  return error(errc::index_not_found,
               printable(file.name(), 4096) + ": the library knows no index " + quoted(name, 200));
}

error no_such_document(const sqlite_file& file, document_id id) {
  return error(errc::document_not_found,
               printable(file.name(), 4096) + ": the library knows no document " + std::to_string(id));
}

}  // namespace

std::string_view to_string(recording_state s) noexcept {
  switch (s) {
    case recording_state::pending:
      return "pending";
    case recording_state::stored:
      return "stored";
    case recording_state::removing:
      return "removing";
  }
  return "unknown";
}

std::string shown_title(const recording& r) {
  return r.title.empty() ? std::filesystem::path(r.path).filename().string() : r.title;
}

recording_library::recording_library(const std::filesystem::path& file, access wanted)
    : file_(path_of_library(file, wanted), wanted == access::read_only ? access::read_only : access::read_write) {
  check_library_version(file_);
  // A commit in WAL mode is on the disk only with this.
  file_.run("PRAGMA synchronous = FULL");
  file_.run("PRAGMA foreign_keys = ON");
}

std::filesystem::path recording_library::default_path() {
  const auto absolute = [](const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr && *value == '/' ? std::filesystem::path(value) : std::filesystem::path();
  };
  auto data = absolute("XDG_DATA_HOME");
  if (data.empty()) {
    const auto home = absolute("HOME");
    if (home.empty()) return {};
    data = home / ".local" / "share";
  }
  return data / "fpnode" / "library.sqlite";
}

uint64_t recording_library::digest_of(std::span<const hash_value> hashes) noexcept {
  return checksum(std::as_bytes(hashes));
}

// -- Indexes

std::optional<library_index> recording_library::index(std::string_view name) {
  sqlite_query q(file_, "SELECT name, generation, node FROM indexes WHERE name = ?");
  if (!q.with(name).next()) return std::nullopt;
  return library_index{std::string(q.text(0)), static_cast<uint64_t>(q.integer(1)), std::string(q.text(2))};
}

std::vector<library_index> recording_library::indexes() {
  std::vector<library_index> all;
  sqlite_query q(file_, "SELECT name, generation, node FROM indexes ORDER BY name");
  while (q.next()) {
    all.push_back({std::string(q.text(0)), static_cast<uint64_t>(q.integer(1)), std::string(q.text(2))});
  }
  return all;
}

void recording_library::set_index(const library_index& i) {
  sqlite_query q(file_,
                 "INSERT INTO indexes (name, generation, node, last_id) VALUES (?, ?, ?, 0) "
                 "ON CONFLICT (name) DO UPDATE SET generation = excluded.generation, node = excluded.node");
  q.with(std::string_view(i.name)).with(static_cast<int64_t>(i.generation)).with(std::string_view(i.node)).run();
}

bool recording_library::forget_index(std::string_view name) {
  sqlite_query(file_, "DELETE FROM indexes WHERE name = ?").with(name).run();
  return file_.num_changes() > 0;
}

library_index recording_library::known_index(std::string_view name) {
  if (auto known = index(name)) return *std::move(known);
  throw no_such_index(file_, name);
}

int64_t recording_library::require_index(std::string_view name) {
  sqlite_query q(file_, "SELECT number FROM indexes WHERE name = ?");
  if (q.with(name).next()) return q.integer(0);
  throw no_such_index(file_, name);
}

// -- Looking

std::optional<recording> recording_library::find(std::string_view index, document_id id) {
  sqlite_query q(file_, "SELECT " RECORDING_COLUMNS "WHERE name = ? AND id = ?");
  if (!q.with(index).with(int64_t{id}).next()) return std::nullopt;
  return read_recording(q);
}

std::optional<recording> recording_library::find_path(std::string_view index, std::string_view path) {
  sqlite_query q(file_, "SELECT " RECORDING_COLUMNS "WHERE name = ? AND path = ?");
  if (!q.with(index).with(path).next()) return std::nullopt;
  return read_recording(q);
}

std::vector<recording> recording_library::list(std::string_view index, const recording_filter& wanted) {
  std::vector<recording> all;
  const auto take = [&](sqlite_query& q) {
    while (q.next()) all.push_back(read_recording(q));
  };
  const auto state = int64_t{wanted.state ? static_cast<uint8_t>(*wanted.state) : uint8_t{0}};
  if (wanted.below.empty()) {
    sqlite_query q(file_, "SELECT " RECORDING_COLUMNS "WHERE name = ?1 AND (?2 = 0 OR state = ?2) ORDER BY path");
    take(q.with(index).with(state));
    return all;
  }
  // Each condition by itself is a look into the index of paths. "0" follows "/": between them lies what a folder
  // holds.
  if (auto file = find_path(index, wanted.below); file && (state == 0 || file->state == *wanted.state)) {
    all.push_back(*std::move(file));
  }
  sqlite_query q(file_, "SELECT " RECORDING_COLUMNS
                        "WHERE name = ?1 AND (?2 = 0 OR state = ?2) AND "
                        "path >= rtrim(?3, '/') || '/' AND path < rtrim(?3, '/') || '0' ORDER BY path");
  take(q.with(index).with(state).with(std::string_view(wanted.below)));
  return all;
}

uint64_t recording_library::count(std::string_view index) {
  sqlite_query q(file_, "SELECT count(*) FROM recordings JOIN indexes ON number = index_number WHERE name = ?");
  q.with(index).next();
  return static_cast<uint64_t>(q.integer(0));
}

std::optional<std::vector<hash_value>> recording_library::fingerprint(std::string_view index, document_id id) {
  sqlite_query q(file_,
                 "SELECT num_hashes, digest, hashes FROM recordings JOIN indexes ON number = index_number "
                 "LEFT JOIN fingerprints USING (index_number, id) WHERE name = ? AND id = ?");
  if (!q.with(index).with(int64_t{id}).next()) return std::nullopt;
  const auto bytes = q.bytes(2);
  std::vector<hash_value> hashes(bytes.size() / sizeof(hash_value));
  std::copy_n(bytes.begin(), hashes.size() * sizeof(hash_value), std::as_writable_bytes(std::span(hashes)).begin());
  if (bytes.size() % sizeof(hash_value) != 0 || hashes.size() != static_cast<uint64_t>(q.integer(0)) ||
      digest_of(hashes) != static_cast<uint64_t>(q.integer(1))) {
    throw error(errc::corrupt_data, printable(file_.name(), 4096) + ": the fingerprint of document " +
                                        std::to_string(id) + " of index " + quoted(index, 200) + " is damaged");
  }
  return hashes;
}

std::optional<std::vector<hash_value>> recording_library::whole_fingerprint(
    std::string_view index, document_id id, const std::function<void(const std::string&)>& on_damage) {
  try {
    return fingerprint(index, id);
  } catch (const error& e) {
    if (e.code() != errc::corrupt_data) throw;
    on_damage(e.what());
    return std::nullopt;
  }
}

// -- Changing

document_id recording_library::next_id(int64_t index_number, document_id above) {
  sqlite_query q(file_, "UPDATE indexes SET last_id = max(last_id, ?) + 1 WHERE number = ? RETURNING last_id");
  q.with(int64_t{above}).with(index_number).next();
  const auto id = q.integer(0);
  if (id > int64_t{std::numeric_limits<document_id>::max()}) {
    throw error(errc::bad_request,
                printable(file_.name(), 4096) + ": no document id is left above " + std::to_string(id - 1));
  }
  return static_cast<document_id>(id);
}

void recording_library::write_fingerprint(int64_t index_number, document_id id,
                                          std::span<const hash_value> hashes) {
  sqlite_query q(file_,
                 "INSERT INTO fingerprints (index_number, id, hashes) VALUES (?, ?, ?) "
                 "ON CONFLICT (index_number, id) DO UPDATE SET hashes = excluded.hashes");
  q.with(index_number).with(int64_t{id}).with(std::as_bytes(hashes)).run();
}

document_id recording_library::add(std::string_view index, const recording& r, std::span<const hash_value> hashes,
                                   document_id above) {
  sqlite_transaction all(file_);
  const auto number = require_index(index);
  if (find_path(index, r.path)) {
    throw error(errc::bad_request,
                printable(file_.name(), 4096) + ": " + quoted(r.path, 400) + " is there already");
  }
  const auto id = next_id(number, above);
  {
    sqlite_query q(file_,
                   "INSERT INTO recordings (path, size, mtime_ns, title, artist, duration_s, algorithm, form, "
                   "index_number, id, state, commit_id, num_hashes, digest) "
                   "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, 0, ?, ?)");
    bind_facts(q, r);
    q.with(number).with(int64_t{id}).with(static_cast<int64_t>(hashes.size()));
    q.with(static_cast<int64_t>(digest_of(hashes))).run();
  }
  write_fingerprint(number, id, hashes);
  all.commit();
  return id;
}

void recording_library::replace(std::string_view index, const recording& r, std::span<const hash_value> hashes) {
  sqlite_transaction all(file_);
  const auto number = require_index(index);
  {
    sqlite_query q(file_,
                   "UPDATE recordings SET path = ?, size = ?, mtime_ns = ?, title = ?, artist = ?, duration_s = ?, "
                   "algorithm = ?, form = ?, state = 1, num_hashes = ?, digest = ? "
                   "WHERE index_number = ? AND id = ?");
    bind_facts(q, r);
    q.with(static_cast<int64_t>(hashes.size())).with(static_cast<int64_t>(digest_of(hashes)));
    q.with(number).with(int64_t{r.id}).run();
  }
  if (file_.num_changes() == 0) throw no_such_document(file_, r.id);
  write_fingerprint(number, r.id, hashes);
  all.commit();
}

void recording_library::set_facts(std::string_view index, const recording& r) {
  sqlite_query q(file_,
                 "UPDATE recordings SET path = ?, size = ?, mtime_ns = ?, title = ?, artist = ?, duration_s = ?, "
                 "algorithm = ?, form = ? WHERE index_number = ? AND id = ?");
  bind_facts(q, r);
  q.with(require_index(index)).with(int64_t{r.id}).run();
  if (file_.num_changes() == 0) throw no_such_document(file_, r.id);
}

document_id recording_library::renumber(std::string_view index, document_id id, document_id above) {
  sqlite_transaction all(file_);
  const auto number = require_index(index);
  const auto fresh = next_id(number, above);
  sqlite_query(file_, "UPDATE recordings SET id = ?, state = 1, commit_id = 0 WHERE index_number = ? AND id = ?")
      .with(int64_t{fresh})
      .with(number)
      .with(int64_t{id})
      .run();
  if (file_.num_changes() == 0) throw no_such_document(file_, id);
  all.commit();
  return fresh;
}

void recording_library::set_stored(std::string_view index, std::span<const std::pair<document_id, uint64_t>> sent,
                                   commit_id commit) {
  sqlite_transaction all(file_);
  const auto number = require_index(index);
  for (const auto& [id, digest] : sent) {
    sqlite_query(file_,
                 "UPDATE recordings SET state = 2, commit_id = ? "
                 "WHERE index_number = ? AND id = ? AND digest = ? AND state = 1")
        .with(static_cast<int64_t>(commit))
        .with(number)
        .with(int64_t{id})
        .with(static_cast<int64_t>(digest))
        .run();
  }
  all.commit();
}

void recording_library::set_pending(std::string_view index) {
  sqlite_query q(file_, "UPDATE recordings SET state = 1, commit_id = 0 WHERE index_number = ? AND state <> 3");
  q.with(require_index(index)).run();
}

void recording_library::set_pending(std::string_view index, std::span<const document_id> ids) {
  for_each_id("UPDATE recordings SET state = 1, commit_id = 0 WHERE index_number = ? AND id = ?", index, ids);
}

void recording_library::set_removing(std::string_view index, std::span<const document_id> ids) {
  for_each_id("UPDATE recordings SET state = 3 WHERE index_number = ? AND id = ?", index, ids);
}

void recording_library::remove(std::string_view index, std::span<const document_id> ids) {
  for_each_id("DELETE FROM recordings WHERE index_number = ? AND id = ?", index, ids);
}

void recording_library::for_each_id(const char* sql, std::string_view index, std::span<const document_id> ids) {
  sqlite_transaction all(file_);
  const auto number = require_index(index);
  for (const auto id : ids) sqlite_query(file_, sql).with(number).with(int64_t{id}).run();
  all.commit();
}

}  // namespace fp
