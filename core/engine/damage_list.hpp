#pragma once

#include <functional>
#include <map>
#include <string>

#include "core/segment/segment_info.hpp"

namespace fp {

/// What scrubs and merges have found wrong with which segments: the last finding of each.
class damage_list {
 public:
  void note(const segment_info& segment, const std::string& text) {
    findings_[segment.commits().start()] = {segment, text};
  }
  /// A segment is right again. Answers whether anything was wrong with it.
  bool mend(const segment_info& segment) { return findings_.erase(segment.commits().start()) > 0; }
  /// Keeps findings of segments for which `is_served` says so.
  void keep(const std::function<bool(const segment_info&)>& is_served) {
    std::erase_if(findings_, [&](const auto& f) { return !is_served(f.second.segment); });
  }
  bool empty() const noexcept { return findings_.empty(); }
  size_t size() const noexcept { return findings_.size(); }
  /// Of the oldest segment with any; empty when there is none.
  std::string first() const { return empty() ? "" : findings_.begin()->second.text; }

 private:
  struct finding {
    segment_info segment;
    std::string text;
  };
  std::map<segment_start, finding> findings_;
};

}  // namespace fp
