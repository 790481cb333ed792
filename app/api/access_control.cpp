#include "app/api/access_control.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sys/stat.h>

#include <algorithm>
#include <cctype>

#include "core/base/error.hpp"
#include "core/base/printable.hpp"
#include "core/fs/file_system.hpp"

namespace fp {

namespace {

constexpr size_t min_token_bytes = 16, max_token_bytes = 512;
constexpr uint64_t max_file_bytes = uint64_t{1} << 20;
constexpr std::string_view blanks = " \t\r";

/// RFC 9110, 11.2.
bool is_token68(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) {
    return c < 0x80 && (std::isalnum(c) != 0 || std::string_view("-._~+/").find(char(c)) != std::string_view::npos);
  });
}

std::optional<access_role> parse_role(std::string_view name) {
  if (name == "read") return access_role::read;
  if (name == "write") return access_role::write;
  if (name == "admin") return access_role::admin;
  return std::nullopt;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

[[noreturn]] void refuse(std::string_view file, const std::string& why) {
  throw error(errc::invalid_configuration, "token_file: " + printable(file, 4096) + ": " + why);
}

}  // namespace

token_list::token_hash token_list::hash_of(std::string_view token) {
  token_hash hash{};
  if (EVP_Digest(token.data(), token.size(), hash.data(), nullptr, EVP_sha256(), nullptr) != 1) {
    throw error(errc::internal_error, "cannot hash a token");
  }
  return hash;
}

token_list token_list::parse(std::string_view text, std::string_view file) {
  token_list list;
  for (size_t number = 1; !text.empty(); number++) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.starts_with('#')) continue;
    // What stands in the line may be a token at a wrong place, so none of it is shown.
    const auto bad = [&](const std::string& why) { refuse(file, "line " + std::to_string(number) + ": " + why); };
    const auto gap = std::min(line.find_first_of(blanks), line.size());
    const auto role = parse_role(line.substr(0, gap));
    const auto token = trimmed(line.substr(gap));
    if (!role) bad("the role is not read, write or admin");
    if (token.empty()) bad("there is no token behind the role");
    if (token.find_first_of(blanks) != std::string_view::npos) bad("there is more than a role and a token");
    if (token.size() < min_token_bytes) {
      bad("the token is shorter than " + std::to_string(min_token_bytes) + " characters");
    }
    if (token.size() > max_token_bytes) {
      bad("the token is longer than " + std::to_string(max_token_bytes) + " characters");
    }
    if (!is_token68(token)) bad("the token has characters other than letters, digits and -._~+/, then =");
    if (list.role_of(token)) bad("the token is there twice");
    list.entries_.push_back({hash_of(token), *role});
  }
  if (list.entries_.empty()) refuse(file, "there is no token in it");
  return list;
}

token_list token_list::load(const std::string& file) {
  std::string text;
  try {
    text = read_file(posix_file_system(), file, max_file_bytes);
  } catch (const error& e) {
    throw error(e.code() == errc::io_error ? errc::io_error : errc::invalid_configuration,
                std::string("token_file: ") + e.what());
  }
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0 || (status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    refuse(file, "others than its owner may use it; chmod go= closes it");
  }
  return parse(text, file);
}

std::optional<access_role> token_list::role_of(std::string_view token) const {
  const auto hash = hash_of(token);
  std::optional<access_role> role;
  for (const auto& e : entries_) {
    if (CRYPTO_memcmp(e.hash.data(), hash.data(), hash.size()) == 0) role = e.role;
  }
  return role;
}

std::optional<std::string_view> bearer_token(std::string_view authorization) {
  constexpr std::string_view scheme = "bearer ";
  const auto same = [](unsigned char a, unsigned char b) { return std::tolower(a) == b; };
  if (authorization.size() <= scheme.size() ||
      !std::equal(scheme.begin(), scheme.end(), authorization.begin(),
                  [&](char expected, char found) { return same(found, expected); })) {
    return std::nullopt;
  }
  authorization.remove_prefix(scheme.size());
  authorization.remove_prefix(std::min(authorization.find_first_not_of(' '), authorization.size()));
  if (authorization.size() > max_token_bytes || !is_token68(authorization)) return std::nullopt;
  return authorization;
}

access_control::access_control(std::string file)
    : file_(std::move(file)), tokens_(std::make_shared<const token_list>(token_list::load(file_))) {}

access_verdict access_control::check(std::string_view authorization, access_role needed) const {
  const auto token = bearer_token(authorization);
  const auto role = token ? tokens()->role_of(*token) : std::nullopt;
  if (!role) return access_verdict::unauthorized;
  return *role < needed ? access_verdict::forbidden : access_verdict::allowed;
}

size_t access_control::reload() {
  auto fresh = std::make_shared<const token_list>(token_list::load(file_));
  const std::lock_guard<std::mutex> lock(mutex_);
  tokens_ = fresh;
  return fresh->size();
}

std::shared_ptr<const token_list> access_control::tokens() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return tokens_;
}

}  // namespace fp
