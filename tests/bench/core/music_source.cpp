#include <algorithm>
#include <stdexcept>
#include <string_view>

#include "core/text/fingerprint_text.hpp"
#include "core/text/gzip_reader.hpp"
#include "tests/bench/core/documents.hpp"

namespace fp::bench {

namespace {

constexpr hash_value stored_bits = 0xfffffff0;  ///< AcoustID indexes the upper 28
constexpr hash_value upper_bits = 0xff000000;   ///< four of Chromaprint's sixteen classifiers
constexpr double silent_tracks = 64.0 / 625;    ///< share of the real tracks that hold it
constexpr size_t min_stretch = 30, max_stretch = 200;
constexpr double repeated_stretches = 0.08;

/// Share of a clip's hashes that the whole track holds too: the medians over the four variants of the real clips.
constexpr double surviving[] = {0.92, 0.52, 0.34, 0.24};

}  // namespace

music_source::music_source(const std::filesystem::path& fingerprints) {
  auto lines = line_reader::open(fingerprints.string());
  fingerprint_reader reader;
  std::string_view line;
  while (lines.next(line)) {
    if (auto track = reader.feed(line)) tracks_.push_back(std::move(track->hashes));
  }
  if (tracks_.empty()) throw std::runtime_error("no fingerprints in " + fingerprints.string());
}

hash_value music_source::next_of(stream& s) {
  if (s.left == 0) {
    s.track = &tracks_[below(tracks_.size())];
    s.left = std::min(s.track->size(), min_stretch + below(max_stretch - min_stretch));
    s.at = below(s.track->size() - s.left + 1);
  }
  s.left--;
  return (*s.track)[s.at++];
}

const std::vector<hash_value>& music_source::next() {
  const size_t length = tracks_[below(tracks_.size())].size();
  document_.clear();
  upper_ = lower_ = {};
  while (document_.size() < length) {
    if (lower_.left == 0 && document_.size() > max_stretch && chance(repeated_stretches)) {
      const auto from = document_.begin() + static_cast<std::ptrdiff_t>(below(document_.size() - max_stretch));
      const std::vector<hash_value> again(from, from + max_stretch / 2);
      document_.insert(document_.end(), again.begin(), again.end());
    }
    document_.push_back((next_of(upper_) & upper_bits) | (next_of(lower_) & ~upper_bits & stored_bits));
  }
  if (chance(silent_tracks)) document_.back() = silence;
  return document_;
}

std::vector<hash_value> music_source::query(size_t count) {
  count = std::min(count, document_.size());
  const auto from = document_.begin() + static_cast<std::ptrdiff_t>(below(document_.size() - count + 1));
  std::vector<hash_value> part(from, from + static_cast<std::ptrdiff_t>(count));
  const double kept = surviving[below(std::size(surviving))];
  for (auto& h : part) {
    if (!chance(kept)) h ^= (hash_value{1} << (4 + below(28))) | (hash_value{1} << (4 + below(28)));
  }
  return part;
}

}  // namespace fp::bench
