#include "core/changelog/local_format.hpp"

#include <algorithm>
#include <cstring>

#include "core/base/checksum.hpp"
#include "core/base/error.hpp"
#include "core/base/format_version.hpp"
#include "core/base/little_endian.hpp"
#include "core/base/types.hpp"

namespace fp::local_format {

namespace {

constexpr char floor_magic[] = "FPFLOOR1";
constexpr std::string_view base_prefix = "base-";
constexpr size_t generation_digits = 16;
constexpr char upper_digits[] = "0123456789ABCDEF";

bool stands_for_itself(unsigned char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

}  // namespace

std::optional<std::string> lineage_folder_name(const lineage& l) {
  std::string written;
  for (const char c : l.index) {
    const auto byte = static_cast<unsigned char>(c);
    if (stands_for_itself(byte)) {
      written += c;
    } else {
      written += {'%', upper_digits[byte >> 4], upper_digits[byte & 15]};
    }
    if (written.size() > max_written_name) return std::nullopt;
  }
  if (written.empty()) return std::nullopt;
  return to_hex16(l.generation) + "." + written;
}

std::optional<lineage> parse_lineage_folder_name(std::string_view name) {
  if (name.size() <= generation_digits + 1 || name[generation_digits] != '.') return std::nullopt;
  const auto generation = parse_hex16(name.substr(0, generation_digits));
  if (!generation) return std::nullopt;
  lineage l{"", *generation};
  const auto written = name.substr(generation_digits + 1);
  const auto digit = [](char c) {
    return static_cast<size_t>(std::find(upper_digits, upper_digits + 16, c) - upper_digits);
  };
  for (size_t i = 0; i < written.size(); i++) {
    if (written[i] != '%') {
      l.index += written[i];
      continue;
    }
    if (i + 2 >= written.size() || digit(written[i + 1]) > 15 || digit(written[i + 2]) > 15) return std::nullopt;
    l.index += static_cast<char>(digit(written[i + 1]) << 4 | digit(written[i + 2]));
    i += 2;
  }
  // One lineage has one folder.
  if (lineage_folder_name(l) != name) return std::nullopt;
  return l;
}

std::string base_folder_name(feed_position floor) { return std::string(base_prefix) + to_hex16(floor); }

bool is_base_folder_name(std::string_view name) noexcept {
  return name.starts_with(base_prefix) && parse_hex16(name.substr(base_prefix.size())).has_value();
}

feed_position read_floor(file_system& fs, const path& folder) {
  const path file = folder / floor_name;
  if (!fs.exists(file)) return 0;
  const std::string text = read_file(fs, file, 4096);
  const auto bytes = std::as_bytes(std::span(text));
  if (bytes.size() != floor_bytes || std::memcmp(bytes.data(), floor_magic, 8) != 0 ||
      get<uint64_t>(bytes, 24) != checksum(bytes.first(24))) {
    throw error(errc::corrupt_data, file.string() + ": offset 0: the floor does not match its checksum");
  }
  if (const auto found = get<uint32_t>(bytes, 8); found != version) {
    throw error(errc::unsupported_format, file.string() + ": " + unknown_version_text(found, version, version));
  }
  return get<uint64_t>(bytes, 16);
}

void write_floor(file_system& fs, const path& folder, feed_position floor) {
  std::byte bytes[floor_bytes];
  std::memcpy(bytes, floor_magic, 8);
  put<uint32_t>(bytes, 8, version);
  put<uint32_t>(bytes, 12, 0);
  put<uint64_t>(bytes, 16, floor);
  put<uint64_t>(bytes, 24, checksum(std::span<const std::byte>(bytes).first(24)));
  replace_file(fs, folder / floor_name, bytes);
}

changes_ptr make_payload(const append_id& id, std::span<const uint8_t> changes) {
  auto payload = std::make_shared<std::vector<uint8_t>>();
  payload->reserve(id.size() + changes.size());
  payload->insert(payload->end(), id.begin(), id.end());
  payload->insert(payload->end(), changes.begin(), changes.end());
  return payload;
}

}  // namespace fp::local_format
