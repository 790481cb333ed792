#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fp {

/// What the holder of a token may do; each role includes the ones before.
enum class access_role : uint8_t { read, write, admin };

/// The bearer tokens of a token file, as hashes.
class token_list {
 public:
  /// One `ROLE TOKEN` a line; blank lines and lines that begin with # are skipped. Throws `invalid_configuration`
  /// with file and line, and never a token.
  static token_list parse(std::string_view text, std::string_view file);
  /// `parse` of a file that nobody but its owner can read. Throws also `io_error`.
  static token_list load(const std::string& file);

  /// The role of a token that is in the list. Takes as long for any token.
  std::optional<access_role> role_of(std::string_view token) const;
  size_t size() const noexcept { return entries_.size(); }

 private:
  using token_hash = std::array<unsigned char, 32>;
  struct entry {
    token_hash hash;
    access_role role;
  };
  static token_hash hash_of(std::string_view token);

  std::vector<entry> entries_;
};

/// The token in the value of an Authorization field (RFC 6750); nothing when it is none.
std::optional<std::string_view> bearer_token(std::string_view authorization);

enum class access_verdict : uint8_t { allowed, unauthorized, forbidden };

/// Who may do what, by a token file that can be read again. Safe for use from many threads.
class access_control {
 public:
  /// Throws what `token_list::load` throws.
  explicit access_control(std::string file);

  /// Whether a request with that Authorization field (empty: none) may do what needs a role.
  access_verdict check(std::string_view authorization, access_role needed) const;
  /// Reads the file again and returns its number of tokens. Throws as the constructor does, and what was in force
  /// stays.
  size_t reload();

 private:
  std::shared_ptr<const token_list> tokens() const;

  const std::string file_;
  mutable std::mutex mutex_;
  std::shared_ptr<const token_list> tokens_;
};

}  // namespace fp
