#include "app/manual/node_manual.hpp"

#include "app/manual/roff.hpp"
#include "app/node/node_config.hpp"

namespace fp::manual {

std::string node_page(const std::string& version) {
  node_config defaults;
  const auto known = node_options(defaults);
  auto text = title("FPNODE", 8, version) +
              ".SH NAME\nfpnode \\- audio-fingerprint index that runs as a node of actors\n.SH SYNOPSIS\n"
              ".B fpnode\n[\\fB\\-\\-config\\fR \\fIFILE\\fR] [\\fB\\-\\-check\\-config\\fR] [\\fIsettings\\fR]\n"
              ".SH OPTIONS\n"
              ".TP\n\\fB\\-\\-config\\fR \\fIFILE\\fR\nConfiguration file: JSON, comments allowed\n"
              ".TP\n\\fB\\-\\-check\\-config\\fR\nCheck the configuration and exit\n"
              ".SH SETTINGS\nEach is a key of the file and a flag, which overrides the file.\n";
  for (const auto& o : known.options()) {
    text += ".TP\n\\fB" + roff(o.flag) + "\\fR, \\fI" + roff(std::string(o.key)) + "\\fR\n" +
            roff(std::string(o.help) + " (" + o.allowed + "; default " + shown_default(o) + ")") + "\n";
  }
  return text +
         ".SH EXIT STATUS\n0 after a clean end, 1 when something failed, 2 when the configuration is wrong.\n"
         ".SH FILES\n.TP\n/etc/fpnode/fpnode.json\nThe configuration of the service.\n"
         ".TP\n/var/lib/fpnode\nIts data.\n"
         ".SH SEE ALSO\nfpctl(1), /usr/share/doc/fpnode/config/README.md, /usr/share/doc/fpnode/SECURITY.md\n";
}

}  // namespace fp::manual
