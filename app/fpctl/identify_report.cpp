#include "app/fpctl/identify_report.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace fp::ctl {

namespace {

std::string with_decimals(double value, int decimals) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

std::string speed_text(double speed) {
  if (speed == 1) return {};
  return ", " + with_decimals(std::abs(speed - 1) * 100, 1) + (speed > 1 ? " % faster" : " % slower");
}

json known_json(const std::optional<recording>& known, document_id id) {
  json j{{"id", id}};
  if (known) {
    j["title"] = shown_title(*known);
    if (!known->artist.empty()) j["artist"] = known->artist;
    j["path"] = known->path;
    if (known->duration_s > 0) j["duration_s"] = known->duration_s;
  }
  return j;
}

double rounded(double value, double to) { return std::round(value / to) * to; }

json document_json(const named_document& d, node_recordings& recordings) {
  auto j = known_json(recordings.find(d.form, d.id), d.id);
  j["score"] = d.score;
  j["form"] = to_string(d.form);
  j["found_by"] = to_string(d.step);
  if (!d.is_compared) return j;
  j["place_s"] = rounded(d.place_s, 0.001);
  if (!d.other_places_s.empty()) {
    auto others = json::array();
    for (const double place : d.other_places_s) others.push_back(rounded(place, 0.001));
    j["other_places_s"] = std::move(others);
  }
  j["wrong_bits"] = rounded(d.error, 0.0001);
  j["hashes_compared"] = d.where.num_compared;
  j["hashes_equal"] = d.where.num_equal;
  j["speed"] = d.speed;
  return j;
}

std::string where_text(const named_document& d) {
  std::string text;
  if (d.is_compared) {
    text += " at " + place_text(d.place_s);
    for (const double place : d.other_places_s) text += " or " + place_text(place);
    text += speed_text(d.speed);
  }
  if (d.form == hash_form::phone) text += ", in the telephone's band";
  return text;
}

std::string evidence_text(const named_document& d) {
  return d.is_compared ? with_decimals(d.error * 100, 1) + " % of the bits wrong"
                       : std::to_string(d.score) + (d.score == 1 ? " shared hash" : " shared hashes");
}

}  // namespace

std::string place_text(double seconds) {
  const auto whole = static_cast<int64_t>(std::llround(std::abs(seconds)));
  char text[64];
  if (whole >= 3'600) {
    std::snprintf(text, sizeof text, "%lld:%02d:%02d", static_cast<long long>(whole / 3'600),
                  static_cast<int>(whole / 60 % 60), static_cast<int>(whole % 60));
  } else {
    std::snprintf(text, sizeof text, "%d:%02d", static_cast<int>(whole / 60), static_cast<int>(whole % 60));
  }
  return seconds < 0 && whole > 0 ? std::string("-") + text : text;
}

std::string document_text(const std::optional<recording>& known, document_id id) {
  if (!known) return "document " + std::to_string(id);
  return "\"" + shown_title(*known) + "\"" + (known->artist.empty() ? "" : " by " + known->artist) + " (" +
         known->path + ")";
}

std::string identification_text(const std::string& file, const identification& found, node_recordings& recordings) {
  if (found.how == certainty::none) return file + ": no match: " + std::string(to_string(found.why));
  const auto& best = found.documents.front();
  return file + " is " + document_text(recordings.find(best.form, best.id), best.id) + where_text(best) + ", " +
         std::string(to_string(found.how)) + (best.is_compared ? "" : " (" + evidence_text(best) + ")");
}

std::string also_text(const named_document& d, node_recordings& recordings) {
  return "  " + evidence_text(d) + ": " + document_text(recordings.find(d.form, d.id), d.id) + where_text(d);
}

json identification_json(const identification& found, node_recordings& recordings, uint32_t limit) {
  json j{{"verdict", to_string(found.how)}};
  if (found.how == certainty::none) j["reason"] = to_string(found.why);
  j["hashes"] = found.content.num_distinct;
  j["silent_hashes"] = found.content.num_hashes - found.content.num_sounding;
  j["searched_hashes"] = found.num_searched;
  auto results = json::array();
  for (size_t i = 0; i < std::min<size_t>(found.documents.size(), limit); i++) {
    results.push_back(document_json(found.documents[i], recordings));
  }
  j["results"] = std::move(results);
  return j;
}

std::string entry_text(const playlist_entry& e, node_recordings& recordings) {
  std::string text = place_text(e.begin_s) + " to " + place_text(e.end_s) + "  ";
  if (e.id == 0) return text + "-";
  const auto form = recordings.main_form();
  return text + document_text(recordings.find(form, e.id), e.id) + " from " + place_text(e.place_s) + ", " +
         std::string(to_string(e.how));
}

json playlist_json(std::span<const playlist_entry> entries, node_recordings& recordings) {
  auto list = json::array();
  for (const auto& e : entries) {
    json j{
        {"begin_s", rounded(e.begin_s, 0.001)}, {"end_s", rounded(e.end_s, 0.001)}, {"verdict", to_string(e.how)}};
    if (e.id != 0) {
      j.update(known_json(recordings.find(recordings.main_form(), e.id), e.id));
      j["place_s"] = rounded(e.place_s, 0.001);
      j["wrong_bits"] = rounded(e.error, 0.0001);
    }
    list.push_back(std::move(j));
  }
  return list;
}

}  // namespace fp::ctl
