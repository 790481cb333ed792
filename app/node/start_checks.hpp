#pragma once

#include "app/node/node_config.hpp"

namespace fp {

/// Look whether the data folder and the log file can be where the settings want them. They change nothing, and
/// throw `invalid_configuration` with one line that names the key.
void check_data_folder(const node_config& c);
void check_log_file(const node_config& c);

}  // namespace fp
