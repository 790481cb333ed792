#pragma once

#include <gmock/gmock.h>

#include <chrono>
#include <random>
#include <string>
#include <vector>

#include "app/changelog/postgres_admin.hpp"
#include "app/changelog/postgres_changelog.hpp"
#include "tests/app/postgres/postgres_server.hpp"

namespace fp::test {

/// Long enough for a machine that is busy with other tests.
inline changelog::time_point soon() { return std::chrono::steady_clock::now() + std::chrono::seconds(60); }
inline changelog::time_point in_ms(int ms) {
  return std::chrono::steady_clock::now() + std::chrono::milliseconds(ms);
}

inline append_id random_id() {
  static thread_local std::mt19937_64 random(std::random_device{}());
  append_id id;
  for (auto& byte : id) byte = static_cast<uint8_t>(random());
  return id;
}

/// Inserts of documents, each with its number as its only hash.
inline changes_ptr inserts(const std::vector<document_id>& documents) {
  changes_encoder e;
  for (const auto d : documents) {
    const hash_value hash = d;
    e.insert(d, std::span(&hash, 1));
  }
  return std::make_shared<const std::vector<uint8_t>>(e.take());
}

inline feed_append append_of(changes_ptr changes, std::optional<feed_position> expected = {}) {
  return {std::move(changes), expected, random_id()};
}

inline append_answer append_one(changelog& to, const lineage& l, const feed_append& a,
                                changelog::time_point deadline = soon()) {
  return to.append(l, std::span(&a, 1), deadline).front();
}

/// The documents that changes insert.
inline std::vector<document_id> documents_in(const std::vector<uint8_t>& changes) {
  std::vector<document_id> ids;
  changes_reader reader(changes);
  for (change_view c; reader.next(c);) ids.push_back(c.id);
  return ids;
}

/// A changelog in a database of its own.
class postgres_changelog_test : public testing::Test {
 protected:
  explicit postgres_changelog_test(postgres_server& of = shared_postgres())
      : server(of), database(server.make_database()), url(server.url(database)), log(url) {
    postgres_admin(url).init(soon());
  }

  lineage make(const std::string& name) { return {name, log.create_index(name, soon()).position}; }
  /// All changes of a lineage, read in pieces.
  std::vector<document_id> all_of(const lineage& l, feed_position after = 0) {
    std::vector<document_id> ids;
    std::optional<uint64_t> tag;
    for (;;) {
      const auto r = log.read(l, after, {}, tag, soon());
      EXPECT_TRUE(r.is_done()) << r.why;
      if (r.positions.empty()) return ids;
      const auto more = documents_in(r.changes);
      ids.insert(ids.end(), more.begin(), more.end());
      after = r.positions.back();
      tag = r.tag;
    }
  }

  postgres_server& server;
  const std::string database, url;
  postgres_changelog log;
};

}  // namespace fp::test
