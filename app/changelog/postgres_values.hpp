#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct pg_result;

namespace fp {

/// Parameters of a statement, in libpq's binary format
/// (https://www.postgresql.org/docs/current/libpq-exec.html#LIBPQ-PQEXECPARAMS), in the order of $1, $2, ...
class postgres_parameters {
 public:
  postgres_parameters& integer(int64_t value);  ///< bigint
  postgres_parameters& boolean(bool value);
  postgres_parameters& text(std::string_view value);
  postgres_parameters& integers(std::span<const int64_t> values);                       ///< bigint[]
  postgres_parameters& maybe_integers(std::span<const std::optional<int64_t>> values);  ///< bigint[] with nulls
  postgres_parameters& texts(std::span<const std::string> values);                      ///< text[]
  postgres_parameters& ids(std::span<const std::array<uint8_t, 16>> values);            ///< uuid[]
  postgres_parameters& byte_strings(std::span<const std::span<const uint8_t>> values);  ///< bytea[]

  size_t size() const noexcept { return values_.size(); }
  const std::vector<uint32_t>& types() const noexcept { return types_; }
  const std::string& value(size_t i) const { return values_.at(i); }

 private:
  void add(uint32_t type, std::string value);

  std::vector<uint32_t> types_;  ///< object ids of pg_type.dat
  std::vector<std::string> values_;
};

/// Rows of an answer in binary format. Rows and columns from 0; the caller knows the types.
class postgres_rows {
 public:
  postgres_rows() = default;
  explicit postgres_rows(pg_result* owned) : result_(owned) {}

  size_t size() const noexcept;
  bool is_null(size_t row, int column) const noexcept;
  int64_t integer(size_t row, int column) const noexcept;  ///< of boolean, smallint, integer or bigint; 0 for null
  std::span<const uint8_t> bytes(size_t row, int column) const noexcept;
  std::string text(size_t row, int column) const;

 private:
  struct clearer {
    void operator()(pg_result* result) const noexcept;
  };
  std::unique_ptr<pg_result, clearer> result_;
};

}  // namespace fp
