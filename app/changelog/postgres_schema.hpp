#pragma once

#include <span>
#include <string_view>

namespace fp {

/// The tables and functions that a changelog is made of in PostgreSQL, all in the schema "fpnode". The texts are
/// what `fpctl changelog init` runs; a text that has been released is never changed, only followed by another one.
struct postgres_migration {
  int version;       ///< of the schema afterwards: 1, 2, ...
  const char* text;  ///< statements, run in one transaction
};

std::span<const postgres_migration> postgres_migrations() noexcept;

/// What this program reads and writes.
int postgres_schema_version() noexcept;

/// What `fpnode.append` says of each append.
enum class postgres_outcome : int { appended = 0, mismatch = 1, no_lineage = 2 };

}  // namespace fp
