#include "app/tls/tls_settings.hpp"

namespace fp {

void add_options(option_list& o, tls_settings& c) {
  o.file("tls_certificate", c.tls_certificate,
         "Certificate of the node with those that lead to its authority, PEM");
  o.file("tls_key", c.tls_key, "Private key of the certificate, PEM");
  o.file("tls_ca", c.tls_ca, "Authority whose certificates other actors must show, PEM");
}

}  // namespace fp
