#include "core/identify/playlist.hpp"

#include <algorithm>
#include <cmath>

namespace fp {

namespace {

/// When a document's beginning would have been played.
double origin_of(const window_answer& w) noexcept { return w.begin_s - w.place_s; }

/// Stretches that are one document each; they may overlap.
std::vector<playlist_entry> runs_in(std::span<const window_answer> windows, const playlist_options& o) {
  std::vector<playlist_entry> runs;
  for (const auto& w : windows) {
    if (w.how == certainty::none) continue;
    const auto goes_on = std::find_if(runs.rbegin(), runs.rend(), [&](const playlist_entry& run) {
      return run.id == w.id && w.begin_s - run.end_s <= o.most_gap_s &&
             std::abs(origin_of(w) - (run.begin_s - run.place_s)) <= o.most_drift_s;
    });
    if (goes_on == runs.rend()) {
      runs.push_back({w.begin_s, w.end_s, w.id, w.place_s, w.how, 1, w.error});
    } else {
      goes_on->end_s = std::max(goes_on->end_s, w.end_s);
      goes_on->how = std::max(goes_on->how, w.how);
      goes_on->num_windows++;
      goes_on->error = std::min(goes_on->error, w.error);
    }
  }
  std::erase_if(runs, [&](const playlist_entry& run) {
    return o.single_must_be_sure && run.num_windows == 1 && run.how != certainty::sure;
  });
  return runs;
}

/// Gives each moment to one run: the one with more windows keeps what two of them claim.
std::vector<playlist_entry> without_overlaps(std::vector<playlist_entry> runs) {
  std::stable_sort(runs.begin(), runs.end(), [](const playlist_entry& a, const playlist_entry& b) {
    return a.num_windows != b.num_windows ? a.num_windows > b.num_windows : a.error < b.error;
  });
  std::vector<playlist_entry> kept;
  for (auto run : runs) {
    for (const auto& other : kept) {
      if (run.end_s <= other.begin_s || run.begin_s >= other.end_s) continue;
      // What lies on both sides of a longer run is cut to its longer side.
      if (other.begin_s - run.begin_s >= run.end_s - other.end_s) {
        run.end_s = std::max(run.begin_s, other.begin_s);
      } else {
        run.place_s += other.end_s - run.begin_s;
        run.begin_s = std::min(run.end_s, other.end_s);
      }
    }
    if (run.end_s > run.begin_s) kept.push_back(run);
  }
  std::sort(kept.begin(), kept.end(),
            [](const playlist_entry& a, const playlist_entry& b) { return a.begin_s < b.begin_s; });
  return kept;
}

}  // namespace

std::vector<playlist_entry> make_playlist(std::span<const window_answer> windows, const playlist_options& o) {
  if (windows.empty()) return {};
  const auto named = without_overlaps(runs_in(windows, o));
  double end = 0;
  for (const auto& w : windows) end = std::max(end, w.end_s);
  std::vector<playlist_entry> all;
  double at = windows.front().begin_s;
  const auto fill_up_to = [&](double next) {
    if (next <= at) return;
    playlist_entry unknown{at, next};
    for (const auto& w : windows) unknown.num_windows += w.begin_s >= at && w.begin_s < next;
    all.push_back(unknown);
  };
  for (const auto& entry : named) {
    fill_up_to(entry.begin_s);
    all.push_back(entry);
    at = entry.end_s;
  }
  fill_up_to(end);
  return all;
}

}  // namespace fp
