#pragma once

#include <caf/atom.hpp>
#include <caf/error.hpp>
#include <caf/exit_reason.hpp>
#include <caf/message.hpp>
#include <caf/sec.hpp>
#include <exception>
#include <new>
#include <string>

#include "core/base/error.hpp"

CAF_ERROR_CODE_ENUM(fp::errc, "fp")

namespace fp {

inline constexpr caf::atom_value error_category = caf::atom("fp");

/// A `caf::error` with one of our codes and a text for a person.
inline caf::error make_error(errc code, std::string text) { return caf::make_error(code, std::move(text)); }

/// What core threw, with its code and text kept.
inline caf::error to_caf_error(const std::exception& e) {
  if (auto* ours = dynamic_cast<const error*>(&e)) return make_error(ours->code(), ours->what());
  if (dynamic_cast<const std::bad_alloc*>(&e)) return make_error(errc::internal_error, "out of memory");
  return make_error(errc::internal_error, e.what());
}

inline caf::error to_caf_error(const std::exception_ptr& e) {
  try {
    std::rethrow_exception(e);
  } catch (const std::exception& x) {
    return to_caf_error(x);
  } catch (...) {
    return make_error(errc::internal_error, "an exception of unknown type");
  }
}

/// Runs `f` and returns what it threw as an error, or none.
template <class F>
caf::error capture_error(F&& f) {
  try {
    f();
    return caf::none;
  } catch (...) {
    return to_caf_error(std::current_exception());
  }
}

/// The code of any error: ours as it is, CAF's own as the nearest of ours.
inline errc code_of(const caf::error& e) {
  if (!e) return errc::internal_error;
  if (e.category() == error_category) return static_cast<errc>(e.code());
  if (e == caf::sec::request_timeout) return errc::request_timeout;
  if (e == caf::sec::request_receiver_down || e == caf::sec::cannot_connect_to_node ||
      e == caf::sec::remote_linking_failed || e == caf::sec::disconnect_during_handshake) {
    return errc::unreachable;
  }
  if (e.category() == caf::atom("exit")) return errc::unreachable;
  return errc::internal_error;
}

/// Did the actor that was asked end, or the connection to it? Then it may have done what was asked, or not.
inline bool is_receiver_gone(const caf::error& e) {
  return e && e.category() != error_category && code_of(e) == errc::unreachable;
}

/// The text of any error, for a person.
inline std::string text_of(const caf::error& e) {
  if (!e) return "no error";
  if (e.category() == error_category && e.context().match_elements<std::string>()) {
    return e.context().get_as<std::string>(0);
  }
  if (e == caf::sec::request_timeout) return "no answer in time";
  if (e == caf::sec::request_receiver_down) return "the node is gone";
  return to_string(e);
}

/// Any error as core throws it, with the code and the text that the two above give.
inline error to_core_error(const caf::error& e) { return {code_of(e), text_of(e)}; }

}  // namespace fp
