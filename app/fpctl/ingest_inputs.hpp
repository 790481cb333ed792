#pragma once

#include <string>
#include <vector>

namespace fp::ctl {

/// What an ingest reads of the files and folders that it was given.
struct ingest_inputs {
  std::vector<std::string> files;
  std::vector<std::string> left_alone;
};

/// Looks into folders, and for AcoustID's daily dumps (https://data.acoustid.org): a day is several files,
/// `YYYY-MM-DD-<stream>.jsonl.gz` or `.jsonl`, of which `fingerprint-update` holds fingerprints. Its sisters are
/// left alone wherever they come up; so is whatever else lies in a folder. Of a folder, files come in the order of
/// their paths, days thus as they follow each other. Other files that were named are taken as they are.
///
/// Throws `bad_request` when nothing is left to be read, and `io_error` when a folder cannot be.
ingest_inputs choose_inputs(const std::vector<std::string>& given);

/// "a, b and 7 more", of the names without their folders.
std::string list_names(const std::vector<std::string>& paths, size_t max_shown = 8);

}  // namespace fp::ctl
