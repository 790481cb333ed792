#include "core/identify/hash_form.hpp"

#include <algorithm>
#include <unordered_set>

#include "core/identify/alignment.hpp"

namespace fp {

namespace {

constexpr hash_value upper_28_bits = 0xffff'fff0;
constexpr size_t extract_size = 120, extract_begin = 80;

std::vector<hash_value> without_silence(std::span<const hash_value> hashes) {
  std::vector<hash_value> sounding(hashes.begin(), hashes.end());
  std::erase(sounding, silence_hash);
  return sounding;
}

}  // namespace

std::string_view to_string(hash_form form) noexcept {
  switch (form) {
    case hash_form::plain:
      return "plain";
    case hash_form::phone:
      return "phone";
    case hash_form::acoustid_28:
      return "acoustid-28";
  }
  return "unknown";
}

std::optional<hash_form> hash_form_of(std::string_view name) noexcept {
  for (const auto form : {hash_form::plain, hash_form::phone, hash_form::acoustid_28}) {
    if (name == to_string(form)) return form;
  }
  return std::nullopt;
}

std::vector<hash_value> query_in_form(std::span<const hash_value> hashes, hash_form form) {
  if (form != hash_form::acoustid_28) return {hashes.begin(), hashes.end()};
  auto cut = without_silence(hashes);
  for (auto& hash : cut) hash &= upper_28_bits;
  return cut;
}

bool look_cut(std::span<const hash_value> hashes) noexcept {
  constexpr size_t enough = 8;
  return hashes.size() >= enough &&
         std::all_of(hashes.begin(), hashes.end(), [](hash_value h) { return (h & ~upper_28_bits) == 0; });
}

size_t most_shared(size_t num_query_hashes, hash_form form) noexcept {
  return form == hash_form::acoustid_28 ? std::min(num_query_hashes, extract_size) : num_query_hashes;
}

std::vector<hash_value> document_in_form(std::span<const hash_value> hashes, hash_form form) {
  if (form != hash_form::acoustid_28) return {hashes.begin(), hashes.end()};
  const auto sounding = without_silence(hashes);
  const auto from = sounding.size() > extract_size ? std::min(sounding.size() - extract_size, extract_begin) : 0;
  std::vector<hash_value> extract;
  std::unordered_set<hash_value> seen;
  for (size_t i = from; i < sounding.size() && extract.size() < extract_size; i++) {
    if (seen.insert(sounding[i] & upper_28_bits).second) extract.push_back(sounding[i] & upper_28_bits);
  }
  return extract;
}

}  // namespace fp
