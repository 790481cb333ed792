#include "app/library/sqlite.hpp"

#include <sqlite3.h>

#include <utility>

#include "core/base/error.hpp"
#include "core/base/printable.hpp"

namespace fp {

namespace {

errc code_of_sqlite(int code) {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return errc::no_space;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return errc::corrupt_data;
    case SQLITE_BUSY:
      return errc::request_timeout;
    default:
      return errc::io_error;
  }
}

}  // namespace

void sqlite_file::closer::operator()(sqlite3* opened) const noexcept { ::sqlite3_close_v2(opened); }
void sqlite_file::finalizer::operator()(sqlite3_stmt* prepared) const noexcept { ::sqlite3_finalize(prepared); }

sqlite_file::sqlite_file(std::string file, access wanted) : name_(std::move(file)) {
  int flags = wanted == access::read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  if (wanted == access::create) flags |= SQLITE_OPEN_CREATE;
  sqlite3* opened = nullptr;
  // A name that begins with "file:" or ":" is the name of a file, too.
  const auto path = name_.starts_with('/') ? name_ : "./" + name_;
  const int code = ::sqlite3_open_v2(path.c_str(), &opened, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  opened_.reset(opened);
  if (code != SQLITE_OK) fail(code);
  ::sqlite3_extended_result_codes(opened, 1);
  ::sqlite3_busy_timeout(opened, static_cast<int>(busy_patience.count()));
}

sqlite_file::~sqlite_file() = default;

void sqlite_file::fail(int code) const {
  const auto reason = opened_ ? ::sqlite3_errmsg(opened_.get()) : ::sqlite3_errstr(code);
  auto text = printable(name_, 4096) + ": " + reason;
  if ((code & 0xff) == SQLITE_BUSY) {
    text += "; another process has worked on it for " + std::to_string(busy_patience.count()) + " ms";
  }
  throw error(code_of_sqlite(code), text);
}

void sqlite_file::run(const char* sql) {
  const int code = ::sqlite3_exec(opened_.get(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code);
}

int64_t sqlite_file::num_changes() const noexcept { return ::sqlite3_changes64(opened_.get()); }

sqlite3_stmt* sqlite_file::prepared(const char* sql) {
  auto& kept = statements_[sql];
  if (!kept) {
    sqlite3_stmt* fresh = nullptr;
    const int code = ::sqlite3_prepare_v3(opened_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &fresh, nullptr);
    if (code != SQLITE_OK) fail(code);
    kept.reset(fresh);
  }
  return kept.get();
}

sqlite_query::~sqlite_query() {
  ::sqlite3_reset(statement_);
  ::sqlite3_clear_bindings(statement_);
}

void sqlite_query::check(int code) const {
  if (code != SQLITE_OK) file_.fail(code);
}

sqlite_query& sqlite_query::with(int64_t value) {
  check(::sqlite3_bind_int64(statement_, ++bound_, value));
  return *this;
}

sqlite_query& sqlite_query::with(double value) {
  check(::sqlite3_bind_double(statement_, ++bound_, value));
  return *this;
}

sqlite_query& sqlite_query::with(std::string_view text) {
  // A null pointer would be a null value.
  const char* begin = text.empty() ? "" : text.data();
  check(::sqlite3_bind_text64(statement_, ++bound_, begin, text.size(), SQLITE_STATIC, SQLITE_UTF8));
  return *this;
}

sqlite_query& sqlite_query::with(std::span<const std::byte> bytes) {
  const void* begin = bytes.empty() ? static_cast<const void*>("") : bytes.data();
  check(::sqlite3_bind_blob64(statement_, ++bound_, begin, bytes.size(), SQLITE_STATIC));
  return *this;
}

bool sqlite_query::next() {
  const int code = ::sqlite3_step(statement_);
  if (code != SQLITE_ROW && code != SQLITE_DONE) file_.fail(code);
  return code == SQLITE_ROW;
}

int64_t sqlite_query::integer(int column) const { return ::sqlite3_column_int64(statement_, column); }
double sqlite_query::real(int column) const { return ::sqlite3_column_double(statement_, column); }

std::string_view sqlite_query::text(int column) const {
  const auto* begin = reinterpret_cast<const char*>(::sqlite3_column_text(statement_, column));
  const auto size = static_cast<size_t>(::sqlite3_column_bytes(statement_, column));
  return begin == nullptr ? std::string_view() : std::string_view(begin, size);
}

std::span<const std::byte> sqlite_query::bytes(int column) const {
  const auto* begin = static_cast<const std::byte*>(::sqlite3_column_blob(statement_, column));
  const auto size = static_cast<size_t>(::sqlite3_column_bytes(statement_, column));
  return {begin, begin == nullptr ? 0 : size};
}

sqlite_transaction::~sqlite_transaction() {
  if (!open_) return;
  try {
    file_.run("ROLLBACK");
  } catch (const error&) {
    // SQLite has rolled back by itself after some errors; what ended the transaction is told by who threw.
  }
}

void sqlite_transaction::commit() {
  file_.run("COMMIT");
  open_ = false;
}

}  // namespace fp
