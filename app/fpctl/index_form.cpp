#include "app/fpctl/index_form.hpp"

#include "core/base/printable.hpp"

namespace fp::ctl {

hash_form form_of(const index_info& info, const std::string& index) {
  for (const auto& [key, value] : info.metadata) {
    if (key != hash_form_key) continue;
    if (const auto form = hash_form_of(value)) return *form;
    throw error(errc::unsupported_format, "the hashes of index " + index + " have the form " + fp::quoted(value) +
                                              ", which this program does not know: plain, phone and acoustid-28");
  }
  return hash_form::plain;
}

error wrong_form(const std::string& index, hash_form has, hash_form wanted) {
  return error(errc::bad_request, "the hashes of index " + index + " have the form " + std::string(to_string(has)) +
                                      ", not " + std::string(to_string(wanted)));
}

}  // namespace fp::ctl
