#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <ostream>
#include <utility>

#include "app/audio/chromaprint_library.hpp"
#include "app/audio/sound_reader.hpp"
#include "app/fpctl/command.hpp"
#include "app/fpctl/fpcalc.hpp"
#include "app/fpctl/identify_report.hpp"
#include "app/fpctl/library_arguments.hpp"
#include "app/fpctl/node_recordings.hpp"
#include "app/identify/recording_windows.hpp"
#include "app/library/audio_walk.hpp"
#include "core/base/printable.hpp"

namespace fp::ctl {

namespace {

/// What goes on for longer is cut in windows by itself.
constexpr double playlist_from_s = 600;
constexpr double listen_s = 10;
/// What a file promises is decoded, but for what encoders add and cut at its edges.
constexpr double least_decoded = 0.95;

struct identify_arguments {
  std::string name;
  std::vector<std::string> files;
  library_arguments library;
  std::optional<uint32_t> length_s;
  uint32_t limit = 3;
  uint32_t min_score = 1;
  bool all = false, fast = false, playlist = false, clip = false;
  std::optional<double> speeds;
  std::string form, listen;
};

identify_options options_of(const identify_arguments& a) {
  identify_options o;
  o.min_score = a.min_score;
  if (a.fast) {
    o.num_begins = 1;
    o.phone = a.form == to_string(hash_form::phone);
    o.most_speed = 0;
  }
  if (a.speeds) {
    o.most_speed = *a.speeds;
    o.always_speeds = *a.speeds > 0;
  }
  return o;
}

sound_source source_of(const std::string& name, const identify_arguments& a) {
  sound_source source;
  source.name = name;
  if (name == "-") source.from = sound_source::kind::standard_input;
  if (const auto colon = a.listen.find(':'); !a.listen.empty()) {
    source.from = sound_source::kind::device;
    source.format = colon == std::string::npos ? "alsa" : a.listen.substr(0, colon);
    source.name = colon == std::string::npos ? a.listen : a.listen.substr(colon + 1);
  }
  return source;
}

/// The clips to identify, and whether all folders could be read.
std::vector<std::string> clips_of(const command_context& c, const std::vector<std::string>& named, bool& readable) {
  std::vector<std::string> clips;
  for (const auto& name : named) {
    std::error_code failed;
    if (name == "-" || !std::filesystem::is_directory(name, failed)) {
      clips.push_back(name);
      continue;
    }
    const auto walk = walk_audio({name});
    for (const auto& file : walk.files) clips.push_back(file.path);
    for (const auto& bad : walk.unreadable) {
      c.complain(quoted(bad.path, 400) + ": " + bad.reason);
      readable = false;
    }
  }
  return clips;
}

/// One run of the command.
class identify_run {
 public:
  identify_run(command_context& c, const identify_arguments& a)
      : c_(c),
        a_(a),
        clips_(a.listen.empty() ? clips_of(c, a.files, all_readable_) : std::vector<std::string>{a.listen}),
        next_(begin_first()),
        by_fpcalc_(a.listen.empty() && !can_decode()),
        library_(find_library(a.library)),
        recordings_(c.node(), library_.get(), a.name, hash_form_of(a.form), c.ready_wait_ms()),
        identify_(recordings_, options_of(a)) {}

  exit_code run() {
    recordings_.open();
    if (!recordings_.note().empty()) c_.complain(recordings_.note());
    for (size_t i = 0; i < clips_.size(); i++) {
      const auto& clip = clips_[i];
      try {
        if (by_fpcalc_) {
          identify_by_fpcalc(clip);
        } else {
          auto reader = std::exchange(next_, nullptr);
          if (!reader) reader = open(clip);
          // ffmpeg takes longer to start than a clip to identify: the next one starts meanwhile.
          if (i + 1 < clips_.size()) next_ = open(clips_[i + 1]);
          identify_sound(clip, *reader);
        }
      } catch (const error& e) {
        if (exit_code_of(e.code()) != exit_failed) throw;
        c_.complain(e.what());
        report_.push_back({{"file", clip}, {"error", e.what()}});
        all_readable_ = false;
      }
    }
    if (c_.json_output) c_.print_json(report_);
    return !all_readable_ ? exit_failed : all_found_ ? exit_ok : exit_incomplete;
  }

 private:
  /// Whether there is what decodes sound and makes fingerprints of it; complains if not.
  bool can_decode() const {
    std::string missing;
    if (!sound_reader::is_possible()) missing = "ffmpeg is not installed (Debian: apt-get install ffmpeg)";
    try {
      chromaprint_library::get();
    } catch (const error& e) {
      missing = e.what();
    }
    if (!missing.empty()) c_.complain(missing + ": clips are fingerprinted by fpcalc, at one begin and one speed");
    return missing.empty();
  }

  /// ffmpeg takes longer to start than Chromaprint, the library and the node take to be found, too. What cannot be
  /// opened is told of in its turn.
  std::unique_ptr<sound_reader> begin_first() const {
    if (!a_.listen.empty() || clips_.empty() || !sound_reader::is_possible()) return nullptr;
    try {
      return open(clips_.front());
    } catch (const error&) {
      return nullptr;
    }
  }

  void tell(const std::string& line) const {
    if (!c_.json_output) c_.out << safe(line) << '\n' << std::flush;
  }

  void take(const std::string& clip, const identification& found, json more) {
    tell(identification_text(clip, found, recordings_));
    const size_t first = found.how == certainty::none ? 0 : 1;
    if (a_.all) {
      for (size_t i = first; i < std::min<size_t>(found.documents.size(), a_.limit); i++) {
        tell(also_text(found.documents[i], recordings_));
      }
    }
    more.update(identification_json(found, recordings_, a_.limit));
    report_.push_back(std::move(more));
    all_found_ = all_found_ && found.how != certainty::none;
  }

  void identify_by_fpcalc(const std::string& clip) {
    const auto heard = run_fpcalc(clip, a_.length_s.value_or(usual_length_s), c_.patience());
    take(clip, identify_.identify(heard.hashes), {{"file", clip}});
  }

  sound_source source_for(const std::string& clip) const {
    auto source = source_of(clip, a_);
    const bool from_device = source.from == sound_source::kind::device;
    source.max_s = a_.length_s.value_or(from_device && !a_.playlist ? listen_s : 0);
    return source;
  }

  std::unique_ptr<sound_reader> open(const std::string& clip) const {
    return std::make_unique<sound_reader>(source_for(clip), c_.patience());
  }

  void identify_sound(const std::string& clip, sound_reader& reader) {
    const auto source = source_for(clip);
    if (a_.playlist) {
      identify_long(clip, reader, {});
      return;
    }
    // The beginning, by which it shows whether this goes on for long.
    const bool is_whole = a_.length_s && *a_.length_s == 0;
    const auto piece = static_cast<size_t>((source.max_s > 0 ? source.max_s : usual_length_s) * pcm_rate);
    pcm sound(piece);
    sound.resize(reader.read(sound));
    const auto promised = reader.promised_s();
    if (!a_.length_s && !a_.clip && promised.value_or(0) > playlist_from_s) {
      identify_long(clip, reader, std::move(sound));
      return;
    }
    if (is_whole) reader.read_rest(sound);
    json more{{"file", clip}, {"seconds", seconds_of(sound.size())}};
    if (promised) {
      const double wanted = is_whole ? *promised : std::min(*promised, seconds_of(piece));
      const double decoded = seconds_of(sound.size());
      if (decoded < least_decoded * wanted) {
        c_.complain(source.shown() + ": only " + place_text(decoded) + " of " + place_text(wanted) +
                    " could be decoded");
        more["promised_seconds"] = *promised;
      }
    }
    take(clip, identify_.identify(sound), std::move(more));
  }

  /// `sound`: what is read already.
  void identify_long(const std::string& clip, sound_reader& reader, pcm sound) {
    auto o = options_of(a_);
    // A window without a name is nothing rare in a long recording: what costs more is tried where it is asked for.
    o.phone = o.phone && recordings_.main_form() == hash_form::phone;
    if (!a_.speeds) o.most_speed = 0;
    identifier identify(recordings_, o);
    std::vector<window_answer> windows;
    {
      auto meter = c_.make_meter("seconds");
      const auto total = static_cast<uint64_t>(reader.promised_s().value_or(0));
      windows = identify_windows(reader, identify, {}, std::move(sound), [&](const window_answer& w) {
        const auto at = static_cast<uint64_t>(w.end_s);
        meter.update({at, std::max(at, total), at});
      });
    }
    const auto list = make_playlist(windows);
    tell(clip + ":");
    for (const auto& entry : list) tell("  " + entry_text(entry, recordings_));
    const bool any = std::any_of(list.begin(), list.end(), [](const playlist_entry& e) { return e.id != 0; });
    if (!any) tell("  no match");
    report_.push_back({{"file", clip},
                       {"seconds", list.empty() ? 0.0 : list.back().end_s},
                       {"windows", windows.size()},
                       {"playlist", playlist_json(list, recordings_)}});
    all_found_ = all_found_ && any;
  }

  static constexpr uint32_t usual_length_s = 120;

  command_context& c_;
  const identify_arguments& a_;
  bool all_found_ = true, all_readable_ = true;
  const std::vector<std::string> clips_;
  std::unique_ptr<sound_reader> next_;
  const bool by_fpcalc_;
  std::unique_ptr<recording_library> library_;
  node_recordings recordings_;
  identifier identify_;
  json report_ = json::array();
};

}  // namespace

void add_identify_command(CLI::App& app, command_context& c) {
  auto a = std::make_shared<identify_arguments>();
  auto* sub = app.add_subcommand("identify", "Find out what clips of sound are");
  sub->footer(
      "Decodes by ffmpeg and compares the bits of the fingerprints with those that the library of fpctl add "
      "holds:\n"
      "sure, likely, or no match. Without a library the documents' numbers and the counts of shared hashes are "
      "told.\n"
      "What the first look does not name is looked for in the index NAME-phone, if there is one (fpctl add --form\n"
      "phone), and at other speeds. Files of more than ten minutes are cut in windows and told as a playlist.");
  sub->add_option("NAME", a->name, "The index")->required();
  auto* files = sub->add_option("CLIP", a->files, "Audio files, and folders of them; - is standard input");
  auto* listen = sub->add_option("--listen", a->listen,
                                 "A device to listen to, as ffmpeg names it: FORMAT:DEVICE, as alsa:default or "
                                 "pulse:default")
                     ->excludes(files);
  add_library_option(*sub, a->library);
  sub->add_option("--length", a->length_s,
                  "Seconds of each clip's beginning to listen to; 0: all (default: 120, of a device 10)");
  sub->add_flag("--all", a->all, "Tell also what else the clip may be");
  sub->add_option("--limit", a->limit, "Documents of a clip, with --all and --json")
      ->check(CLI::Range(1u, max_search_limit))
      ->capture_default_str();
  sub->add_option("--min-score", a->min_score, "Hashes that a document must share with the clip to be looked at")
      ->capture_default_str();
  sub->add_flag("--fast", a->fast, "Fingerprint the clip at one begin alone, and try nothing else");
  sub->add_option(
         "--speeds", a->speeds,
         "Percent up to which other speeds are tried, also of what has a name; 0: none (default: 5, of what "
         "has none)")
      ->check(CLI::Range(0.0, 20.0));
  sub->add_option("--form", a->form,
                  "The form of the hashes to look for: plain, phone or acoustid-28 (default: the index's own, and "
                  "then phone)")
      ->check(CLI::IsMember({"plain", "phone", "acoustid-28"}));
  auto* playlist = sub->add_flag("--playlist", a->playlist, "Cut every clip in windows, however long it is");
  sub->add_flag("--clip", a->clip, "Cut none in windows")->excludes(playlist);
  sub->callback([&c, a, files, listen] {
    if (files->count() == 0 && listen->count() == 0) throw CLI::RequiredError("CLIP or --listen");
    c.chosen = [&c, a] { return identify_run(c, *a).run(); };
  });
}

}  // namespace fp::ctl
