#include "core/identify/verdict.hpp"

#include <algorithm>
#include <unordered_set>

namespace fp {

std::string_view to_string(certainty c) noexcept {
  switch (c) {
    case certainty::none:
      return "none";
    case certainty::likely:
      return "likely";
    case certainty::sure:
      return "sure";
  }
  return "unknown";
}

std::string_view to_string(doubt d) noexcept {
  switch (d) {
    case doubt::none:
      return "none";
    case doubt::silence:
      return "nothing but silence";
    case doubt::too_short:
      return "too short to tell, 4 seconds of sound are needed";
    case doubt::nothing_alike:
      return "nothing like it";
    case doubt::not_alike:
      return "nothing enough like it";
    case doubt::repeats:
      return "a sound that repeats and may be many a recording's";
    case doubt::ambiguous:
      return "two recordings are about as much like it";
  }
  return "unknown";
}

doubt clip_content::reason_against() const noexcept {
  if (num_sounding >= verdict_limits::min_sounding) return doubt::none;
  // A clip that is silent but for its edges is silence, however long it is.
  return num_hashes >= verdict_limits::min_sounding ? doubt::silence : doubt::too_short;
}

bool clip_content::repeats() const noexcept { return num_distinct < verdict_limits::min_distinct; }

clip_content content_of(std::span<const hash_value> query) {
  clip_content c;
  std::unordered_set<hash_value> distinct;
  for (const auto hash : query) {
    c.num_hashes++;
    if (hash == silence_hash) continue;
    c.num_sounding++;
    distinct.insert(hash);
  }
  c.num_distinct = distinct.size();
  return c;
}

double verdict_limits::most_wrong(uint32_t num_distinct) noexcept {
  return most_error * num_distinct / (num_distinct + half_distinct);
}

namespace {

/// The wrong bits of a candidate as a share of those that it may have: below 1 is alike enough.
double strain(const candidate& c) noexcept {
  const double limit = verdict_limits::most_wrong(c.where.num_distinct);
  return limit > 0 ? c.where.error() / limit : 1e9;
}

std::vector<candidate> best_of_each(std::span<const candidate> candidates) {
  std::vector<candidate> best(candidates.begin(), candidates.end());
  std::stable_sort(best.begin(), best.end(), [](const candidate& a, const candidate& b) {
    const double of_a = strain(a), of_b = strain(b);
    return of_a != of_b ? of_a < of_b : a.id < b.id;
  });
  std::unordered_set<document_id> seen;
  std::erase_if(best, [&](const candidate& c) { return !seen.insert(c.id).second; });
  return best;
}

/// Whether two documents sound the same where a clip lies in them.
bool is_same_sound(const candidate& a, const candidate& b) {
  const auto begin = std::max<int64_t>(0, a.where.offset);
  const auto end =
      std::min(static_cast<int64_t>(a.stored.size()), a.where.offset + static_cast<int64_t>(a.query.size()));
  if (begin >= end) return false;
  const auto piece = a.stored.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin));
  const auto both = align_at(piece, b.stored, b.where.offset - a.where.offset + begin);
  return both.num_compared > 0 && both.error() < verdict_limits::same_sound;
}

bool repeats_as_a_whole(std::span<const hash_value> stored) {
  return content_of(stored).num_distinct <= verdict_limits::repeated_distinct;
}

}  // namespace

verdict judge(std::span<const candidate> candidates) {
  verdict v;
  v.candidates = best_of_each(candidates);
  if (v.candidates.empty()) return v;
  const auto& best = v.candidates.front();
  if (best.where.num_distinct < verdict_limits::min_distinct) {
    v.why = doubt::repeats;
    // A recording that is nothing else comes before one that holds it among other things.
    const auto whole = std::find_if(v.candidates.begin(), v.candidates.end(), [](const candidate& c) {
      return c.where.error() <= verdict_limits::repeated_error && repeats_as_a_whole(c.stored);
    });
    if (whole == v.candidates.end()) return v;
    std::rotate(v.candidates.begin(), whole, whole + 1);
    v.how = certainty::likely;
    v.why = doubt::none;
    return v;
  }
  const double strained = strain(best);
  if (strained >= 1) {
    v.why = doubt::not_alike;
    return v;
  }
  v.how = strained <= verdict_limits::sure_share ? certainty::sure : certainty::likely;
  v.why = doubt::none;
  for (size_t i = 1; i < v.candidates.size(); i++) {
    const auto& other = v.candidates[i];
    if (other.where.error() >= best.where.error() + verdict_limits::margin || is_same_sound(best, other)) continue;
    v.how = v.how == certainty::sure ? certainty::likely : certainty::none;
    if (v.how == certainty::none) v.why = doubt::ambiguous;
    break;
  }
  return v;
}

}  // namespace fp
