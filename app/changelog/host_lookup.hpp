#pragma once

#include <memory>
#include <string>
#include <vector>

namespace fp {

/// Looks a host's addresses up without blocking whoever asks: getaddrinfo(3) has no deadline. One that is given up
/// ends by itself.
class host_lookup {
 public:
  explicit host_lookup(const std::string& host);
  ~host_lookup();
  host_lookup(const host_lookup&) = delete;
  host_lookup& operator=(const host_lookup&) = delete;

  /// Can be read once the look-up is over.
  int descriptor() const noexcept;

  struct result {
    std::vector<std::string> addresses;  ///< as numbers, in the order in which they are to be tried, each once
    std::string why;                     ///< when there are none
  };
  /// Once `descriptor` can be read.
  result take() const;

  /// Whether a host is an address that needs no look-up.
  static bool is_address(const std::string& host);

 private:
  struct request;
  std::shared_ptr<request> request_;
};

}  // namespace fp
