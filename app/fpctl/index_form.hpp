#pragma once

#include <string>

#include "app/client/client.hpp"
#include "core/base/error.hpp"
#include "core/identify/hash_form.hpp"

namespace fp::ctl {

/// What an index's metadata call the form of its hashes, known or not.
std::string form_name_of(const index_info& info);
/// The form. Throws `unsupported_format` for one that is not known.
hash_form form_of(const index_info& info, const std::string& index);
/// `bad_request`: an index has hashes of another form than wanted.
error wrong_form(const std::string& index, hash_form has, hash_form wanted);

}  // namespace fp::ctl
