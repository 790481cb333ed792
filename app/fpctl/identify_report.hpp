#pragma once

#include <optional>
#include <span>
#include <string>

#include "app/fpctl/json_output.hpp"
#include "app/fpctl/node_recordings.hpp"
#include "core/identify/playlist.hpp"

namespace fp::ctl {

/// A place in a recording for people: "1:23", "1:02:03", "-0:04".
std::string place_text(double seconds);

/// A document by its name: "Winter Sky" by Somebody (Music/x/11.ogg), or "document 7".
std::string document_text(const std::optional<recording>& known, document_id id);

/// What a clip is, in one line: `clip.wav is "Winter Sky" (Music/x/11.ogg) at 1:23, sure`.
std::string identification_text(const std::string& file, const identification& found, node_recordings& recordings);
/// A further document that a clip may be.
std::string also_text(const named_document& d, node_recordings& recordings);
json identification_json(const identification& found, node_recordings& recordings, uint32_t limit);

std::string entry_text(const playlist_entry& e, node_recordings& recordings);
json playlist_json(std::span<const playlist_entry> entries, node_recordings& recordings);

}  // namespace fp::ctl
