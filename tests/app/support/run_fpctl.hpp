#pragma once

#include <sstream>
#include <string>
#include <vector>

#include "app/fpctl/cli.hpp"

namespace fp::ctl {

/// What a command line did.
struct outcome {
  int code;
  std::string out, err;
  json document() const { return json::parse(out); }
};

/// Runs one command line, with its output kept.
inline outcome run_fpctl(std::vector<std::string> words) {
  words.insert(words.begin(), "fpctl");
  std::vector<const char*> argv;
  for (const auto& w : words) argv.push_back(w.c_str());
  std::ostringstream out, err;
  command_context context(out, err, false);
  const int code = run(context, static_cast<int>(argv.size()), argv.data());
  return {code, out.str(), err.str()};
}

}  // namespace fp::ctl
