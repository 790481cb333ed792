#include "core/metrics/family_list.hpp"

#include <algorithm>
#include <charconv>

namespace fp {

namespace {

void append_escaped(std::string& out, std::string_view text, bool in_quotes) {
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else {
      if (c == '\\' || (c == '"' && in_quotes)) out += '\\';
      out += c;
    }
  }
}

/// The shortest text that reads as the same number.
void append_number(std::string& out, double value) {
  char digits[32];
  out.append(digits, std::to_chars(std::begin(digits), std::end(digits), value).ptr);
}

void append_name(std::string& out, std::string_view name, std::string_view suffix, const metric_labels& labels,
                 std::string_view bound = {}) {
  out += name;
  out += suffix;
  char before = '{';
  const auto append_label = [&](std::string_view label, std::string_view value) {
    out += before;
    before = ',';
    out += label;
    out += "=\"";
    append_escaped(out, value, true);
    out += '"';
  };
  for (const auto& [label, value] : labels) append_label(label, value);
  if (!bound.empty()) append_label("le", bound);
  if (before == ',') out += '}';
  out += ' ';
}

void append_sample(std::string& out, std::string_view name, const metric_labels& labels, double value) {
  append_name(out, name, "", labels);
  append_number(out, value);
  out += '\n';
}

}  // namespace

std::string& family_list::family(std::string_view name, std::string_view help, std::string_view type) {
  const auto found = positions_.find(name);
  if (found != positions_.end()) return families_[found->second];
  positions_.emplace(name, families_.size());
  auto& lines = families_.emplace_back();
  lines.append("# HELP ").append(name) += ' ';
  append_escaped(lines, help, false);
  lines.append("\n# TYPE ").append(name).append(" ").append(type) += '\n';
  return lines;
}

void family_list::add_counter(std::string_view name, std::string_view help, const metric_labels& labels,
                              double value) {
  append_sample(family(name, help, "counter"), name, labels, value);
}

void family_list::add_gauge(std::string_view name, std::string_view help, const metric_labels& labels,
                            double value) {
  append_sample(family(name, help, "gauge"), name, labels, value);
}

void family_list::add_counter_unless_0(std::string_view name, std::string_view help, const metric_labels& labels,
                                       double value) {
  auto& lines = family(name, help, "counter");
  if (value != 0) append_sample(lines, name, labels, value);
}

void family_list::add_gauge_unless_0(std::string_view name, std::string_view help, const metric_labels& labels,
                                     double value) {
  auto& lines = family(name, help, "gauge");
  if (value != 0) append_sample(lines, name, labels, value);
}

void family_list::add_histogram(std::string_view name, std::string_view help, const metric_labels& labels,
                                const histogram& values) {
  add_histogram(name, help, labels, values.shape(), values.counts());
}

void family_list::add_histogram(std::string_view name, std::string_view help, const metric_labels& labels,
                                const histogram_shape& shape, const histogram_counts& counts,
                                std::span<const uint64_t> bounds) {
  auto& out = family(name, help, "histogram");
  if (bounds.empty()) bounds = shape.bounds;
  uint64_t count = 0;
  size_t bucket = 0;
  for (const auto bound : bounds) {
    while (bucket + 1 < counts.buckets.size() && shape.bounds[bucket] <= bound) count += counts.buckets[bucket++];
    std::string text;
    append_number(text, static_cast<double>(bound) / shape.units);
    append_name(out, name, "_bucket", labels, text);
    append_number(out, static_cast<double>(count));
    out += '\n';
  }
  count = counts.total();
  append_name(out, name, "_bucket", labels, "+Inf");
  append_number(out, static_cast<double>(count));
  out += '\n';
  append_name(out, name, "_sum", labels);
  append_number(out, static_cast<double>(counts.sum) / shape.units);
  out += '\n';
  append_name(out, name, "_count", labels);
  append_number(out, static_cast<double>(count));
  out += '\n';
}

std::string family_list::take() {
  size_t size = 0;
  for (const auto& lines : families_) size += lines.size();
  std::string text;
  text.reserve(size);
  for (const auto& lines : families_) text += lines;
  families_.clear();
  positions_.clear();
  return text;
}

}  // namespace fp
