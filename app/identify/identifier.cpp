#include "app/identify/identifier.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_set>
#include <utility>

#include "app/audio/band_filter.hpp"

namespace fp {

namespace {

using fingerprint_list = std::vector<std::vector<hash_value>>;

// What each step costs and finds was measured: tests/bench/README.md, "Naming clips".
constexpr uint32_t exact_candidates = 20;
/// Near hashes bring documents by chance, and of a telephone's clip as few as four hashes are near.
constexpr uint32_t near_candidates = 100, near_probes = 2;
/// Of one speed. A speed between two steps leaves hardly a hash as it was, and more that are near. A single one is
/// near by chance.
constexpr uint32_t speed_candidates = 5, speed_min_score = 2, speed_probes = 1;

/// Hashes that a document must share with a clip to be named by their count alone.
uint32_t counted_enough(size_t num_distinct) noexcept {
  constexpr size_t least = 3, part = 20;
  return static_cast<uint32_t>(std::max(least, (num_distinct + part - 1) / part));
}

uint32_t count_distinct(const fingerprint_list& fingerprints) {
  std::unordered_set<hash_value> distinct;
  for (const auto& hashes : fingerprints) distinct.insert(hashes.begin(), hashes.end());
  distinct.erase(silence_hash);
  return static_cast<uint32_t>(distinct.size());
}

/// A document that searches have found.
struct found_document {
  std::vector<size_t> variants;  ///< whose hashes it shares
  uint32_t score = 0;            ///< the most with one of them
};

/// Where in the recording the clip begins, in seconds.
double place_of(int64_t offset, const sound_variant& variant) {
  return (static_cast<double>(offset) * static_cast<double>(hop_samples) -
          static_cast<double>(variant.first_sample)) /
         pcm_rate;
}

/// Less is better.
double strain_of(const named_document& d) noexcept {
  return d.is_compared ? d.error / verdict_limits::most_wrong(d.where.num_distinct) : 1;
}

}  // namespace

std::string_view to_string(identify_step step) noexcept {
  switch (step) {
    case identify_step::begins:
      return "begins";
    case identify_step::phone:
      return "phone";
    case identify_step::speeds:
      return "speeds";
  }
  return "unknown";
}

identifier::identifier(known_recordings& recordings, identify_options options)
    : recordings_(recordings), options_(options) {}

bool identifier::try_step(const step_limits& limits, const fingerprint_list& fingerprints,
                          std::span<const sound_variant> variants, identification& found) {
  std::vector<known_recordings::query> queries;
  std::vector<size_t> asked;
  for (size_t i = 0; i < fingerprints.size(); i++) {
    if (content_of(fingerprints[i]).reason_against() != doubt::none) continue;
    auto hashes = query_in_form(fingerprints[i], limits.form);
    std::erase(hashes, silence_hash);
    queries.push_back(
        {std::move(hashes), limits.probes, std::max(limits.min_score, options_.min_score), limits.limit});
    asked.push_back(i);
  }
  if (queries.empty()) return false;
  const auto results = recordings_.search(limits.form, std::move(queries));
  std::map<document_id, found_document> documents;
  for (size_t i = 0; i < results.size() && i < asked.size(); i++) {
    for (const auto& r : results[i]) {
      auto& d = documents[r.id];
      d.variants.push_back(asked[i]);
      d.score = std::max(d.score, r.score);
    }
  }
  // Candidates point into these.
  std::map<document_id, std::vector<hash_value>> stored;
  std::map<size_t, aligner> aligners;
  std::vector<candidate> candidates;
  std::vector<named_document> counted;
  for (const auto& [id, document] : documents) {
    auto fingerprint = recordings_.fingerprint(limits.form, id);
    if (!fingerprint) {
      named_document d;
      d.id = id;
      d.form = limits.form;
      d.step = limits.step;
      d.score = document.score;
      counted.push_back(d);
      continue;
    }
    const auto& hashes = stored.emplace(id, std::move(*fingerprint)).first->second;
    for (const auto variant : document.variants) {
      auto at = aligners.find(variant);
      if (at == aligners.end()) at = aligners.emplace(variant, aligner(fingerprints[variant])).first;
      const auto where = at->second.best(hashes);
      if (where) candidates.push_back({id, at->second.query(), hashes, *where, variant});
    }
  }
  const auto v = judge(candidates);
  std::vector<named_document> compared;
  for (const auto& c : v.candidates) {
    named_document d;
    d.id = c.id;
    d.form = limits.form;
    d.step = limits.step;
    d.score = documents[c.id].score;
    d.is_compared = true;
    d.place_s = place_of(c.where.offset, variants[c.variant]);
    d.error = c.where.error();
    d.speed = variants[c.variant].speed;
    d.where = c.where;
    compared.push_back(d);
  }
  std::stable_sort(counted.begin(), counted.end(),
                   [](const named_document& a, const named_document& b) { return a.score > b.score; });
  auto how = v.how;
  auto why = v.why;
  if (how == certainty::none && limits.step == identify_step::begins && !counted.empty() &&
      !content_of(fingerprints[asked[0]]).repeats() &&
      counted[0].score >= counted_enough(count_distinct({fingerprints[asked[0]]}))) {
    how = certainty::likely;
    why = doubt::none;
    compared.insert(compared.begin(), counted.begin(), counted.end());
  } else {
    compared.insert(compared.end(), counted.begin(), counted.end());
  }
  if (how == certainty::none) {
    // What an earlier step has found stays, where a later one finds nothing nearer.
    if (found.documents.empty()) found.documents = std::move(compared);
    if (found.why == doubt::nothing_alike) found.why = why;
    return false;
  }
  if (how < found.how) return false;
  if (how == found.how && strain_of(compared.front()) >= strain_of(found.documents.front())) return false;
  found.how = how;
  found.why = why;
  found.documents = std::move(compared);
  return true;
}

void identifier::find_other_places(const fingerprint_list& fingerprints, std::span<const sound_variant> variants,
                                   named_document& best) {
  // The same music on another phase of the hops differs in about so many bits.
  constexpr double about_as_much = 0.02, apart_s = 1;
  constexpr size_t most = 4;
  if (!best.is_compared || best.where.num_distinct < verdict_limits::min_distinct) return;
  const auto stored = recordings_.fingerprint(best.form, best.id);
  if (!stored) return;
  std::vector<std::pair<double, double>> others;  // by their errors
  for (size_t i = 0; i < fingerprints.size(); i++) {
    for (const auto& place : aligner(fingerprints[i]).places(*stored, about_as_much)) {
      if (place.error() > best.error + about_as_much) continue;
      others.emplace_back(place.error(), place_of(place.offset, variants[i]));
    }
  }
  std::sort(others.begin(), others.end());
  for (const auto& [error, place_s] : others) {
    const auto is_near = [apart_s, at = place_s](double other) { return std::abs(other - at) < apart_s; };
    if (best.other_places_s.size() == most) break;
    if (is_near(best.place_s) || std::any_of(best.other_places_s.begin(), best.other_places_s.end(), is_near))
      continue;
    best.other_places_s.push_back(place_s);
  }
  std::sort(best.other_places_s.begin(), best.other_places_s.end());
}

identification identifier::identify(std::span<const int16_t> sound) {
  identification found;
  const auto main_form = recordings_.has(hash_form::acoustid_28) ? hash_form::acoustid_28 : hash_form::plain;
  const auto variants = variants_of_begin(options_.num_begins);
  const auto fingerprints = fingerprint_variants(sound, variants);
  found.content = content_of(fingerprints[0]);
  found.num_searched = count_distinct(fingerprints);
  found.why = found.content.reason_against();
  if (found.why != doubt::none) return found;
  found.why = doubt::nothing_alike;
  const bool has_main = recordings_.has(main_form);
  if (has_main &&
      try_step({identify_step::begins, main_form, 0, 1, exact_candidates}, fingerprints, variants, found)) {
    find_other_places(fingerprints, variants, found.documents.front());
  }
  const auto is_settled = [&] { return found.how == certainty::sure && !options_.always_speeds; };
  if (is_settled()) return found;
  if (options_.phone && recordings_.has(hash_form::phone)) {
    std::vector<int16_t> filtered(sound.begin(), sound.end());
    band_filter().apply(filtered);
    const auto of_band = fingerprint_variants(filtered, variants);
    if (try_step({identify_step::phone, hash_form::phone, near_probes, 1, near_candidates}, of_band, variants,
                 found)) {
      find_other_places(of_band, variants, found.documents.front());
    }
  }
  // A sound that repeats does so at any speed.
  if (!is_settled() && has_main && options_.most_speed > 0 && !found.content.repeats()) {
    const auto speeds = variants_of_speed(options_.most_speed, options_.speed_step);
    try_step({identify_step::speeds, main_form, speed_probes, speed_min_score, speed_candidates},
             fingerprint_variants(sound, speeds), speeds, found);
  }
  return found;
}

identification identifier::identify(const std::vector<hash_value>& hashes) {
  identification found;
  const auto main_form = recordings_.has(hash_form::acoustid_28) ? hash_form::acoustid_28 : hash_form::plain;
  const auto variants = variants_of_begin(1);
  found.content = content_of(hashes);
  found.num_searched = count_distinct({hashes});
  found.why = found.content.reason_against();
  if (found.why != doubt::none || !recordings_.has(main_form)) return found;
  found.why = doubt::nothing_alike;
  try_step({identify_step::begins, main_form, 0, 1, exact_candidates}, {hashes}, variants, found);
  return found;
}

}  // namespace fp
