#pragma once

#include <string>

#include "app/tls/tls_files.hpp"
#include "core/config/option_list.hpp"

namespace fp {

/// By which files a node shows who it is; each is an option. Empty: none.
struct tls_settings {
  std::string tls_certificate, tls_key, tls_ca;

  /// `ca` is for those who ask others for their certificates.
  tls_files files() const { return {tls_certificate, tls_key, tls_ca}; }
  tls_files files_without_ca() const { return {tls_certificate, tls_key, {}}; }
};

void add_options(option_list& o, tls_settings& c);

}  // namespace fp
