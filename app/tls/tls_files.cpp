#include "app/tls/tls_files.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <limits>
#include <memory>
#include <vector>

#include "core/base/error.hpp"
#include "core/base/printable.hpp"
#include "core/fs/file_system.hpp"

namespace fp {

namespace {

template <auto Free>
struct freed_by {
  template <class T>
  void operator()(T* p) const noexcept {
    Free(p);
  }
};
using bio_ptr = std::unique_ptr<BIO, freed_by<BIO_free_all>>;
using x509_ptr = std::unique_ptr<X509, freed_by<X509_free>>;
using key_ptr = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;
using store_ptr = std::unique_ptr<X509_STORE, freed_by<X509_STORE_free>>;
using store_context_ptr = std::unique_ptr<X509_STORE_CTX, freed_by<X509_STORE_CTX_free>>;
using context_ptr = std::unique_ptr<SSL_CTX, freed_by<SSL_CTX_free>>;
// Owns the list alone, not the certificates.
using x509_list_ptr = std::unique_ptr<STACK_OF(X509), decltype([](STACK_OF(X509) * p) { sk_X509_free(p); })>;

/// A file and what it is called.
struct labelled_file {
  std::string_view label;
  const std::string& name;

  std::string shown() const { return printable(name, std::numeric_limits<size_t>::max()); }

  [[noreturn]] void refuse(const std::string& why) const {
    throw error(errc::invalid_configuration, std::string(label) + ": " + shown() + ": " + why);
  }

  std::string read() const {
    constexpr uint64_t longest = uint64_t{1} << 20;
    if (name.empty()) throw error(errc::invalid_configuration, std::string(label) + ": no file is named");
    try {
      return read_file(posix_file_system(), name, longest);
    } catch (const error& e) {
      throw error(e.code() == errc::io_error ? errc::io_error : errc::invalid_configuration,
                  std::string(label) + ": " + e.what());
    }
  }
};

/// Why OpenSSL refused something, and forgets it.
std::string last_reason() {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return reason != nullptr ? reason : "unknown reason";
}

bio_ptr open_text(const std::string& pem) {
  return bio_ptr(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

/// Nobody is there to be asked for a passphrase.
int no_passphrase(char*, int, int, void*) { return -1; }

std::vector<x509_ptr> parse_certificates(const labelled_file& file, const std::string& pem) {
  const auto text = open_text(pem);
  std::vector<x509_ptr> certificates;
  while (x509_ptr one{PEM_read_bio_X509(text.get(), nullptr, no_passphrase, nullptr)}) {
    certificates.push_back(std::move(one));
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (!at_end) file.refuse("a certificate cannot be read: " + last_reason());
  ERR_clear_error();
  if (certificates.empty()) file.refuse("no certificate in PEM is in there");
  return certificates;
}

key_ptr parse_key(const labelled_file& file, const std::string& pem) {
  key_ptr key{PEM_read_bio_PrivateKey(open_text(pem).get(), nullptr, no_passphrase, nullptr)};
  if (key) return key;
  if (pem.find("ENCRYPTED") != std::string::npos) file.refuse("the key has a passphrase, which nobody could enter");
  if (pem.find("PRIVATE KEY-----") == std::string::npos) file.refuse("no private key in PEM is in there");
  file.refuse("the private key cannot be read: " + last_reason());
}

void check_mode(const labelled_file& file) {
  struct stat status {};
  if (::stat(file.name.c_str(), &status) == 0 && (status.st_mode & S_IRWXO) != 0) {
    file.refuse("other users may use the private key; chmod o= closes it");
  }
}

std::string text_of(const ASN1_TIME* time) {
  const bio_ptr out{BIO_new(BIO_s_mem())};
  ASN1_TIME_print(out.get(), time);
  char* text = nullptr;
  const auto size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<size_t>(size)};
}

int64_t seconds_of(const ASN1_TIME* time) {
  std::tm parts{};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? ::timegm(&parts) : 0;
}

std::string subject_of(const X509* certificate) {
  const bio_ptr out{BIO_new(BIO_s_mem())};
  X509_NAME_print_ex(out.get(), X509_get_subject_name(certificate), 0, XN_FLAG_ONELINE);
  char* text = nullptr;
  const auto size = BIO_get_mem_data(out.get(), &text);
  return printable({text, static_cast<size_t>(size)});
}

void check_time(const labelled_file& file, const X509* certificate) {
  const auto* begin = X509_get0_notBefore(certificate);
  const auto* end = X509_get0_notAfter(certificate);
  if (X509_cmp_current_time(begin) > 0) {
    file.refuse("the certificate of " + subject_of(certificate) + " is valid only from " + text_of(begin));
  }
  if (X509_cmp_current_time(end) < 0) {
    file.refuse("the certificate of " + subject_of(certificate) + " expired on " + text_of(end));
  }
}

x509_list_ptr list_of(const std::vector<x509_ptr>& certificates, size_t first) {
  x509_list_ptr list{sk_X509_new_null()};
  for (size_t i = first; i < certificates.size(); i++) sk_X509_push(list.get(), certificates[i].get());
  return list;
}

/// Whether a connection could be made with certificate and key: they fit, and neither is too weak.
context_ptr check_usable(const labelled_file& certificate_file, const labelled_file& key_file,
                         const std::vector<x509_ptr>& chain, EVP_PKEY* key) {
  if (X509_check_private_key(chain.front().get(), key) != 1) {
    ERR_clear_error();
    key_file.refuse("the private key does not belong to the certificate in " + certificate_file.shown());
  }
  context_ptr context{SSL_CTX_new(TLS_method())};
  if (!context ||
      SSL_CTX_use_cert_and_key(context.get(), chain.front().get(), key, list_of(chain, 1).get(), 1) != 1) {
    certificate_file.refuse("the certificate cannot be used: " + last_reason());
  }
  return context;
}

void check_authority(const labelled_file& certificate_file, const labelled_file& ca_file,
                     const std::vector<x509_ptr>& chain, const std::vector<x509_ptr>& authorities, tls_role role,
                     const SSL_CTX* context) {
  const store_ptr store{X509_STORE_new()};
  for (const auto& authority : authorities) X509_STORE_add_cert(store.get(), authority.get());
  const store_context_ptr verification{X509_STORE_CTX_new()};
  const auto intermediates = list_of(chain, 1);
  X509_STORE_CTX_init(verification.get(), store.get(), chain.front().get(), intermediates.get());
  X509_STORE_CTX_set_default(verification.get(), role == tls_role::server ? "ssl_server" : "ssl_client");
  X509_VERIFY_PARAM_set_auth_level(X509_STORE_CTX_get0_param(verification.get()),
                                   SSL_CTX_get_security_level(context));
  if (X509_verify_cert(verification.get()) == 1) return;
  const int reason = X509_STORE_CTX_get_error(verification.get());
  const X509* where = X509_STORE_CTX_get_current_cert(verification.get());
  ERR_clear_error();
  certificate_file.refuse("is no certificate of an authority in " + std::string(ca_file.label) + ", " +
                          ca_file.shown() + ", for a " + (role == tls_role::server ? "server" : "client") + ": " +
                          X509_verify_cert_error_string(reason) +
                          (where != nullptr ? " (" + subject_of(where) + ")" : ""));
}

}  // namespace

tls_credentials::tls_credentials(const tls_files& files, tls_role role, const tls_file_labels& labels) {
  const labelled_file certificate_file{labels.certificate, files.certificate};
  const labelled_file key_file{labels.key, files.key};
  const labelled_file ca_file{labels.ca, files.ca};
  certificate_ = certificate_file.read();
  key_ = key_file.read();
  if (!files.ca.empty()) ca_ = ca_file.read();
  ERR_clear_error();
  const auto chain = parse_certificates(certificate_file, certificate_);
  const auto key = parse_key(key_file, key_);
  check_mode(key_file);
  for (const auto& certificate : chain) check_time(certificate_file, certificate.get());
  const ASN1_TIME* end = X509_get0_notAfter(chain.front().get());
  expires_ = text_of(end);
  expiry_time_ = seconds_of(end);
  const auto context = check_usable(certificate_file, key_file, chain, key.get());
  if (files.ca.empty()) return;
  const auto authorities = parse_certificates(ca_file, ca_);
  check_authority(certificate_file, ca_file, chain, authorities, role, context.get());
}

}  // namespace fp
