#include "app/manual/roff.hpp"

namespace fp::manual {

std::string roff(const std::string& text) {
  std::string out;
  bool at_begin = true;
  for (const char c : text) {
    if (at_begin && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
    at_begin = c == '\n';
  }
  return out;
}

std::string title(const std::string& name, int section, const std::string& version) {
  return ".TH " + name + " " + std::to_string(section) + " \"\" \"fpnode " + roff(version) + "\" \"fpnode\"\n";
}

}  // namespace fp::manual
