#include "app/fpctl/index_form.hpp"

#include "core/base/printable.hpp"

namespace fp::ctl {

std::string form_name_of(const index_info& info) {
  for (const auto& [key, value] : info.metadata) {
    if (key == hash_form_key) return value;
  }
  return std::string(to_string(hash_form::plain));
}

hash_form form_of(const index_info& info, const std::string& index) {
  const auto name = form_name_of(info);
  if (const auto form = hash_form_of(name)) return *form;
  throw error(errc::unsupported_format, "the hashes of index " + index + " have the form " + fp::quoted(name) +
                                            ", which this program does not know: plain, phone and acoustid-28");
}

error wrong_form(const std::string& index, hash_form has, hash_form wanted) {
  return error(errc::bad_request, "the hashes of index " + index + " have the form " + std::string(to_string(has)) +
                                      ", not " + std::string(to_string(wanted)));
}

}  // namespace fp::ctl
