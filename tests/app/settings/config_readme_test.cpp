#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "app/node/node_config.hpp"
#include "tests/support/source_file.hpp"

namespace fp {
namespace {

TEST(readme, has_the_configuration_table_as_the_options_make_it) {
  std::ifstream file(test::source_file("config/README.md"));
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_NE(text.str().find(config_table_markdown()), std::string::npos) << "put this into config/README.md:\n"
                                                                         << config_table_markdown();
}

}  // namespace
}  // namespace fp
