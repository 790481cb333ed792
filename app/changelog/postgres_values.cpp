#include "app/changelog/postgres_values.hpp"

#include <libpq-fe.h>

#include <utility>

namespace fp {

namespace {

constexpr uint32_t boolean_type = 16, bytea_type = 17, bigint_type = 20, text_type = 25, bytea_array_type = 1001,
                   text_array_type = 1009, bigint_array_type = 1016, uuid_type = 2950, uuid_array_type = 2951;

template <class T>
void append_big_endian(std::string& to, T value) {
  const auto bits = static_cast<std::make_unsigned_t<T>>(value);
  for (size_t i = sizeof(T); i-- > 0;) to.push_back(static_cast<char>(bits >> (8 * i) & 0xff));
}

/// The header of an array of one dimension, as `array_send` writes it.
std::string array_of(uint32_t element_type, size_t size, bool has_nulls = false) {
  std::string a;
  append_big_endian<int32_t>(a, size > 0 ? 1 : 0);
  append_big_endian<int32_t>(a, has_nulls ? 1 : 0);
  append_big_endian(a, element_type);
  if (size > 0) {
    append_big_endian(a, static_cast<int32_t>(size));
    append_big_endian<int32_t>(a, 1);
  }
  return a;
}

void append_element(std::string& to, const void* bytes, size_t size) {
  append_big_endian(to, static_cast<int32_t>(size));
  if (size > 0) to.append(static_cast<const char*>(bytes), size);
}

template <class T>
void append_number(std::string& to, T value) {
  append_big_endian(to, static_cast<int32_t>(sizeof value));
  append_big_endian(to, value);
}

}  // namespace

void postgres_parameters::add(uint32_t type, std::string value) {
  types_.push_back(type);
  values_.push_back(std::move(value));
}

postgres_parameters& postgres_parameters::integer(int64_t value) {
  std::string bytes;
  append_big_endian(bytes, value);
  add(bigint_type, std::move(bytes));
  return *this;
}

postgres_parameters& postgres_parameters::boolean(bool value) {
  add(boolean_type, std::string(1, value ? '\1' : '\0'));
  return *this;
}

postgres_parameters& postgres_parameters::text(std::string_view value) {
  add(text_type, std::string(value));
  return *this;
}

postgres_parameters& postgres_parameters::integers(std::span<const int64_t> values) {
  auto a = array_of(bigint_type, values.size());
  for (const auto v : values) append_number(a, v);
  add(bigint_array_type, std::move(a));
  return *this;
}

postgres_parameters& postgres_parameters::maybe_integers(std::span<const std::optional<int64_t>> values) {
  auto a = array_of(bigint_type, values.size(), true);
  for (const auto v : values) {
    if (v) {
      append_number(a, *v);
    } else {
      append_big_endian<int32_t>(a, -1);
    }
  }
  add(bigint_array_type, std::move(a));
  return *this;
}

postgres_parameters& postgres_parameters::texts(std::span<const std::string> values) {
  auto a = array_of(text_type, values.size());
  for (const auto& v : values) append_element(a, v.data(), v.size());
  add(text_array_type, std::move(a));
  return *this;
}

postgres_parameters& postgres_parameters::ids(std::span<const std::array<uint8_t, 16>> values) {
  auto a = array_of(uuid_type, values.size());
  for (const auto& v : values) append_element(a, v.data(), v.size());
  add(uuid_array_type, std::move(a));
  return *this;
}

postgres_parameters& postgres_parameters::byte_strings(std::span<const std::span<const uint8_t>> values) {
  size_t size = 0;
  for (const auto& v : values) size += v.size() + sizeof(int32_t);
  auto a = array_of(bytea_type, values.size());
  a.reserve(a.size() + size);
  for (const auto& v : values) append_element(a, v.data(), v.size());
  add(bytea_array_type, std::move(a));
  return *this;
}

void postgres_rows::clearer::operator()(pg_result* result) const noexcept { ::PQclear(result); }

size_t postgres_rows::size() const noexcept {
  return result_ ? static_cast<size_t>(::PQntuples(result_.get())) : 0;
}

bool postgres_rows::is_null(size_t row, int column) const noexcept {
  return ::PQgetisnull(result_.get(), static_cast<int>(row), column) != 0;
}

std::span<const uint8_t> postgres_rows::bytes(size_t row, int column) const noexcept {
  const auto r = static_cast<int>(row);
  return {reinterpret_cast<const uint8_t*>(::PQgetvalue(result_.get(), r, column)),
          static_cast<size_t>(::PQgetlength(result_.get(), r, column))};
}

int64_t postgres_rows::integer(size_t row, int column) const noexcept {
  const auto b = bytes(row, column);
  uint64_t value = 0;
  for (const auto byte : b) value = value << 8 | byte;
  // Shorter ones are negative by their own highest bit.
  const size_t spare = b.empty() ? 0 : 64 - 8 * b.size();
  return static_cast<int64_t>(value << spare) >> spare;
}

std::string postgres_rows::text(size_t row, int column) const {
  const auto b = bytes(row, column);
  return {reinterpret_cast<const char*>(b.data()), b.size()};
}

}  // namespace fp
