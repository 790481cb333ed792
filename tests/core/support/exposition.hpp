#pragma once

#include <gtest/gtest.h>

#include <map>
#include <sstream>
#include <string>

namespace fp::test {

/// The samples of a text in Prometheus' format, each by its name and labels as written, and the families' types.
struct exposition {
  explicit exposition(const std::string& text) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("# TYPE ")) {
        const auto space = line.rfind(' ');
        types[line.substr(7, space - 7)] = line.substr(space + 1);
      } else if (!line.starts_with('#')) {
        const auto space = line.rfind(' ');
        EXPECT_TRUE(samples.emplace(line.substr(0, space), std::stod(line.substr(space + 1))).second)
            << "twice: " << line;
      }
    }
  }
  bool has(const std::string& sample) const { return samples.count(sample) > 0; }
  double value(const std::string& sample) const {
    const auto it = samples.find(sample);
    if (it != samples.end()) return it->second;
    ADD_FAILURE() << "there is no " << sample;
    return -1;
  }
  bool mentions(const std::string& label) const {
    for (const auto& [sample, value] : samples) {
      if (sample.find(label) != std::string::npos) return true;
    }
    return false;
  }

  std::map<std::string, double> samples;
  std::map<std::string, std::string> types;
};

}  // namespace fp::test
