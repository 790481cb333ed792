#include "app/manual/fpctl_manual.hpp"

#include <gmock/gmock.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "app/fpctl/cli.hpp"
#include "app/manual/node_manual.hpp"
#include "app/node/node_config.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp::manual {
namespace {

using testing::HasSubstr;

void expect_man(const std::string& page) {
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('.')) {
      EXPECT_THAT(line, testing::ContainsRegex("^\\.(TH|SH|SS|TP|PP|B|nf|fi)( |$)"));
    }
  }
}

class manual_test : public testing::Test {
 protected:
  std::string printed_by(const std::string& command) const {
    std::string text;
    std::FILE* pipe = ::popen(command.c_str(), "r");
    for (int c; (c = std::fgetc(pipe)) != EOF;) text += static_cast<char>(c);
    EXPECT_EQ(::pclose(pipe), 0) << command;
    return text;
  }
  /// What bash offers for the last word.
  std::string completed(const std::string& words) const {
    const auto script = (folder / "script").string();
    std::ofstream(script) << bash_completion(*app) << "COMP_WORDS=(" << words
                          << ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_fpctl\necho ${COMPREPLY[@]}\n";
    return printed_by("bash --norc -u " + script);
  }

  test::temporary_folder folder;
  std::ostringstream out, err;
  ctl::command_context context{out, err, false};
  std::unique_ptr<CLI::App> app = ctl::make_command_line(context);
};

TEST_F(manual_test, tells_of_all_commands_and_options) {
  const auto page = fpctl_page(*app, "1.2.3");
  EXPECT_THAT(page, testing::StartsWith(".TH FPCTL 1 \"\" \"fpnode 1.2.3\""));
  for (const auto* text :
       {".SS fpctl index create NAME\n", ".SS fpctl ingest NAME FILE...\n", ".SS fpctl search NAME [HASHES...]\n",
        "\\fB\\-\\-start\\-id\\fR", "\\fB\\-\\-cut\\-log\\fR", "$FPCTL_HOST", "(default 127.0.0.1)",
        "Exit status:\n  0  done\n"}) {
    EXPECT_THAT(page, HasSubstr(text));
  }
  expect_man(page);
}

TEST_F(manual_test, tells_of_all_settings) {
  const auto page = node_page("1.2.3");
  expect_man(page);
  node_config settings;
  const auto known = node_options(settings);
  size_t at = 0;
  for (const auto& o : known.options()) {
    auto flag = o.flag;
    for (size_t i = 0; (i = flag.find('-', i)) != std::string::npos; i += 2) flag.insert(i, "\\");
    at = page.find("\\fB" + flag + "\\fR, \\fI" + std::string(o.key) + "\\fR\n", at);
    ASSERT_NE(at, std::string::npos) << o.key;
  }
}

TEST_F(manual_test, completes_commands_and_options) {
  EXPECT_EQ(completed("fpctl sta"), "status\n");
  EXPECT_EQ(completed("fpctl index de"), "delete\n");
  EXPECT_EQ(completed("fpctl --host index --json in"), "index ingest\n");
  EXPECT_EQ(completed("fpctl ingest music f --start"), "--start-id\n");
  EXPECT_EQ(completed("fpctl index create --gen"), "--generation\n");
  EXPECT_EQ(completed("fpctl status --ch"), "--check\n");
  EXPECT_EQ(completed("fpctl --ti"), "--timeout\n");
  EXPECT_EQ(completed("fpctl repair dir --cut"), "--cut-log\n");
  EXPECT_EQ(completed("fpctl ingest music fi"), "\n");      // files, as bash does by itself
  EXPECT_EQ(completed("fpctl search music -- --f"), "\n");  // words alone
  EXPECT_EQ(completed("fpctl ingest music f --source st"), "\n");
}

}  // namespace
}  // namespace fp::manual
