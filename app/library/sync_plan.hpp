#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/library/audio_walk.hpp"
#include "app/library/recording_library.hpp"

namespace fp {

/// Decides what becomes of the files that were found, against what a library knows. First of each file whether it
/// must be fingerprinted; then, of each fingerprint, what it changes; at last, what has vanished. It does nothing
/// itself.
class sync_plan {
 public:
  /// `known`: all recordings of the index. `form`: that is wanted; a recording of another form has changed.
  /// `again`: so has each file.
  sync_plan(const audio_walk& walk, const std::vector<recording>& known, const std::string& form = "plain",
            bool again = false);

  /// Files that the library does not know by path, size and time of change.
  const std::vector<audio_file>& to_fingerprint() const noexcept { return to_fingerprint_; }
  uint64_t num_unchanged() const noexcept { return num_unchanged_; }

  enum class change : uint8_t {
    added,     ///< is new
    replaced,  ///< the recording at this path has another fingerprint
    touched,   ///< the recording at this path has other facts, and the same fingerprint
    moved,     ///< is a vanished recording: the same size, time of change and fingerprint at another path
  };
  struct decision {
    change what = change::added;
    document_id id = 0;  ///< of the recording that is changed
    std::string former_path;
  };
  /// What a file's fingerprint changes; without one, what it changes most likely, by the file's facts alone. A
  /// recording moves once.
  decision decide(const audio_file& file, std::optional<uint64_t> digest);

  /// Recordings below the walked folders whose files are gone, but for those that have moved and those below what
  /// could not be read. By path.
  std::vector<recording> vanished() const;
  /// Walked folders in which there is nothing, and roots in which no recording was found, though the library has
  /// some there: what an unmounted disk looks like.
  const std::vector<std::string>& emptied() const noexcept { return emptied_; }

 private:
  void find_emptied(const audio_walk& walk, const std::vector<recording>& known);

  std::vector<audio_file> to_fingerprint_;
  std::map<std::string, recording, std::less<>> changed_;  ///< known ones at a file that is to be fingerprinted
  std::map<document_id, recording> vanished_;
  std::multimap<std::pair<uint64_t, int64_t>, document_id> vanished_by_facts_;
  std::vector<std::string> emptied_;
  uint64_t num_unchanged_ = 0;
};

/// Whether a path is a folder's, or of something below it.
bool is_below(std::string_view path, std::string_view folder) noexcept;

/// How many hashes Chromaprint makes of so much sound, or of its first `length_s` seconds; 0: no limit.
uint64_t promised_hashes(double duration_s, uint32_t length_s) noexcept;
/// Whether fewer hashes came than the duration promises, by more than a tenth and two seconds: what codecs do of
/// which FFmpeg decodes a part, and headers that tell another duration.
bool is_in_part(uint64_t num_hashes, double duration_s, uint32_t length_s) noexcept;

}  // namespace fp
