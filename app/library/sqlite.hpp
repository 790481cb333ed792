#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

struct sqlite3;
struct sqlite3_stmt;

namespace fp {

/// A file of SQLite (https://www.sqlite.org/c3ref/intro.html), for one thread at a time. Everything throws
/// `fp::error` with the file's name and SQLite's reason: `no_space`, `corrupt_data`, `request_timeout` when other
/// processes keep it locked for longer than `busy_patience`, else `io_error`.
class sqlite_file {
 public:
  static constexpr std::chrono::milliseconds busy_patience = std::chrono::seconds(10);

  enum class access : uint8_t { read_only, read_write, create };

  sqlite_file(std::string file, access wanted);
  ~sqlite_file();
  sqlite_file(const sqlite_file&) = delete;
  sqlite_file& operator=(const sqlite_file&) = delete;

  const std::string& name() const noexcept { return name_; }
  /// Runs statements that have no parameters, and drops the rows that they give.
  void run(const char* sql);
  /// How many rows the newest statement inserted, changed or deleted.
  int64_t num_changes() const noexcept;

 private:
  friend class sqlite_query;
  struct closer {
    void operator()(sqlite3* opened) const noexcept;
  };
  struct finalizer {
    void operator()(sqlite3_stmt* prepared) const noexcept;
  };

  [[noreturn]] void fail(int code) const;
  sqlite3_stmt* prepared(const char* sql);

  std::string name_;
  std::unique_ptr<sqlite3, closer> opened_;
  // By the address of their text, of which there is one each.
  std::unordered_map<const char*, std::unique_ptr<sqlite3_stmt, finalizer>> statements_;
};

/// One run of a statement, which stays prepared for the next one. `sql` is a text that lives as long as the file:
/// a literal. Two runs of the same statement do not overlap.
class sqlite_query {
 public:
  sqlite_query(sqlite_file& file, const char* sql) : file_(file), statement_(file.prepared(sql)) {}
  ~sqlite_query();
  sqlite_query(const sqlite_query&) = delete;
  sqlite_query& operator=(const sqlite_query&) = delete;

  // The next parameter's value. Texts and bytes must outlive the run.
  sqlite_query& with(int64_t value);
  sqlite_query& with(double value);
  sqlite_query& with(std::string_view text);
  sqlite_query& with(std::span<const std::byte> bytes);

  /// Goes to the next row; false when there is none.
  bool next();
  /// For what gives no rows.
  void run() { next(); }

  // Values of the row, by column. Views hold until `next`.
  int64_t integer(int column) const;
  double real(int column) const;
  std::string_view text(int column) const;
  std::span<const std::byte> bytes(int column) const;

 private:
  void check(int code) const;

  sqlite_file& file_;
  sqlite3_stmt* statement_;
  int bound_ = 0;
};

/// Changes that are made together, or, when the object ends without `commit`, not at all.
class sqlite_transaction {
 public:
  explicit sqlite_transaction(sqlite_file& file) : file_(file) { file_.run("BEGIN IMMEDIATE"); }
  ~sqlite_transaction();
  sqlite_transaction(const sqlite_transaction&) = delete;
  sqlite_transaction& operator=(const sqlite_transaction&) = delete;

  /// When it returns, the changes are on the disk.
  void commit();

 private:
  sqlite_file& file_;
  bool open_ = true;
};

}  // namespace fp
