#!/usr/bin/env python3
"""Draws a test of identification from real music: a library of tracks, and clips of them and of what is in none.

    tests/bench/identification/draw_clips.py FOLDER [--seed N] [--tracks 60] [--clips 30]

Fetches Debian packages of games (`apt-get download`), unpacks them below FOLDER without installing them, draws the
tracks and the places of the clips by the seed, and writes

    FOLDER/library/NN.ogg       links to the tracks that are known
    FOLDER/clips/KIND/NN.*      clips; the same places of the same tracks for every kind
    FOLDER/clips.json           {"tracks": {"NN.ogg": path}, "clips": [{"kind", "file", "track" or null, "at_s"}]}

Needs ffmpeg, sox, espeak-ng and fpcalc. The same seed and the same versions of these make the same clips.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import random
import shutil
import subprocess

KNOWN = ["drascula-music", "blobwars-data", "asc-music", "flare-game", "freedroidrpg-data"]
UNKNOWN = ["hyperrogue-music"]
# Names of the folders that hold music, and the endings of its files.
FOLDERS = {"music", "audio"}
ENDINGS = {".ogg", ".mp3", ""}
# A hop of Chromaprint, in seconds.
HOP_S = 1365 / 11025
TEXTS = {
    "en": "The quick brown fox jumps over the lazy dog while the rain in Spain stays mainly in the plain.",
    "en-us": "Call me tomorrow morning, before nine o'clock, and bring the letters that came on Thursday.",
    "de": "Der Zug nach Hamburg hat heute etwa zwanzig Minuten Verspaetung, wir bitten um Verstaendnis.",
}


def run(*words, **more):
    return subprocess.run([str(w) for w in words], check=True, capture_output=True, **more).stdout


def ffmpeg(*words):
    run("ffmpeg", "-nostdin", "-v", "error", "-y", *words)


def duration(path):
    """Seconds; 0 of what ffprobe cannot read."""
    found = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", str(path)],
                           capture_output=True, text=True)
    try:
        return float(found.stdout)
    except ValueError:
        return 0.0


def music_of(folder, packages):
    """Tracks of the packages, by their paths."""
    debs = folder / "packages"
    found = []
    for package in packages:
        place = debs / package
        if not place.is_dir():
            fetched = debs / "fetched"
            fetched.mkdir(parents=True, exist_ok=True)
            run("apt-get", "download", package, cwd=fetched)
            run("dpkg", "-x", next(fetched.glob(package + "_*.deb")), place)
            shutil.rmtree(fetched)
        found += [p for p in sorted(place.rglob("*"))
                  if p.suffix in ENDINGS and p.parent.name in FOLDERS and p.is_file() and not p.is_symlink()]
    return found


def hashes(path):
    """Of the whole track. fpcalc ends with 3 at the end of a file."""
    out = subprocess.run(["fpcalc", "-raw", "-plain", "-length", "0", str(path)], capture_output=True).stdout
    return {int(h) for h in out.split(b",")} - {627964279}


def without_twins(tracks, pool):
    """Leaves out the later of two tracks that share more than 3 % of the hashes of either."""
    kept = []
    for path, own in zip(tracks, pool.map(hashes, tracks)):
        if all(len(own & other) <= 0.03 * min(len(own), len(other)) for _, other in kept):
            kept.append((path, own))
    return [path for path, _ in kept]


def level(path, at, length):
    out = subprocess.run(["ffmpeg", "-nostdin", "-ss", f"{at:.3f}", "-t", str(length), "-i", str(path), "-af", "volumedetect",
                          "-f", "null", "-"], capture_output=True, text=True).stderr
    return float(out.split("mean_volume:")[1].split("dB")[0])


def draw_place(random_, path, length):
    longest = duration(path) - length - 1
    while True:
        at = random_.uniform(0, longest)
        if level(path, at, length) > -50:
            return round(at, 3)


def piece(path, at, length, out, *words):
    """Decodes up to the place: seeking in some formats begins elsewhere."""
    ffmpeg("-i", path, "-ss", f"{at:.6f}", "-t", length, "-map", "0:a:0", *words, out)


def make_known(kind_folder, number, path, at, longest):
    """All kinds of clips of one place. Returns (kind, file)."""
    def place(kind, suffix):
        folder = kind_folder / kind
        folder.mkdir(exist_ok=True)
        return folder / f"{number:02}{suffix}"

    clean = place("10s", ".wav")
    piece(path, at, 10, clean, "-ar", "44100", "-c:a", "pcm_s16le")
    yield "10s", clean
    for seconds in (5, 30):
        if seconds <= longest:
            out = place(f"{seconds}s", ".wav")
            piece(path, at, seconds, out, "-ar", "44100", "-c:a", "pcm_s16le")
            yield f"{seconds}s", out
    # The first hop of the fingerprints of track and clip lies half a hop apart.
    hops = int(at / HOP_S)
    out = place("halfhop", ".wav")
    piece(path, (hops + 0.5) * HOP_S, 10, out, "-ar", "44100", "-c:a", "pcm_s16le")
    yield "halfhop", out
    for kind, suffix, words in (
            ("mp3-64k", ".mp3", ["-ac", "1", "-c:a", "libmp3lame", "-b:a", "64k"]),
            ("mp3-no-xing", ".mp3", ["-c:a", "libmp3lame", "-b:a", "128k", "-write_xing", "0"]),
            ("opus-16k", ".opus", ["-c:a", "libopus", "-b:a", "16k"]),
            ("aac", ".aac", ["-c:a", "aac", "-b:a", "64k"]),
            ("ima-adpcm", ".wav", ["-ac", "1", "-c:a", "adpcm_ima_wav"]),
            ("faster-3%", ".wav", ["-af", "asetrate=44100*1.03,aresample=44100"]),
            ("slower-3%", ".wav", ["-af", "asetrate=44100*0.97,aresample=44100"])):
        out = place(kind, suffix)
        ffmpeg("-i", clean, *words, out)
        yield kind, out
    out = place("noise-10dB", ".wav")
    mean = level(clean, 0, 10)
    # White noise of sox has an amplitude of 1: -4.77 dB.
    gain = mean - 10 + 4.77
    run("bash", "-c", 'sox -R "$1" -c 1 -p | sox -R -m -v 1 - <(sox -R "$1" -c 1 -p synth whitenoise gain "$3") -b 16 "$2"',
        "-", clean, out, f"{gain:.2f}")
    yield "noise-10dB", out
    out = place("telephone", ".wav")
    run("sox", "-R", clean, "-r", "8000", "-c", "1", out, "sinc", "300-3400")
    yield "telephone", out


def make_unknown(kind_folder, tracks, random_):
    """Clips of what is in no library. Returns (kind, file)."""
    def place(kind, name):
        folder = kind_folder / kind
        folder.mkdir(exist_ok=True)
        return folder / (name + ".wav")

    made = []
    for i, path in enumerate(tracks):
        out = place("unknown", f"{i:02}")
        piece(path, draw_place(random_, path, 10), 10, out, "-ar", "44100", "-c:a", "pcm_s16le")
        made.append(("unknown", out))
    for name, words in (("zeros", "anullsrc=r=44100:cl=stereo"),
                        ("weak1", "anoisesrc=r=44100:a=0.00003:seed=1"), ("weak2", "anoisesrc=r=44100:a=0.00006:seed=2")):
        out = place("silence", name)
        ffmpeg("-f", "lavfi", "-i", words, "-t", "10", "-c:a", "pcm_s16le", out)
        made.append(("silence", out))
    for colour in ("white", "pink", "brown"):
        out = place("noise", colour)
        ffmpeg("-f", "lavfi", "-i", f"anoisesrc=r=44100:a=0.3:c={colour}:seed=7", "-t", "10", "-c:a", "pcm_s16le", out)
        made.append(("noise", out))
    for voice, text in TEXTS.items():
        out = place("speech", voice)
        run("espeak-ng", "-v", voice, "-s", "120", "-w", out, " ".join([text] * 2))
        made.append(("speech", out))
    for name, words in (("tone", "sine=f=440:r=44100"), ("high-tone", "sine=f=1760:r=44100"),
                        ("metronome", "aevalsrc='0.8*sin(2*PI*1000*t)*exp(-60*mod(t,0.5))':s=44100")):
        out = place("repeating", name)
        ffmpeg("-f", "lavfi", "-i", words, "-t", "10", "-c:a", "pcm_s16le", out)
        made.append(("repeating", out))
    return made


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=20261129)
    parser.add_argument("--tracks", type=int, default=60)
    parser.add_argument("--clips", type=int, default=30)
    options = parser.parse_args()
    folder = options.folder
    random_ = random.Random(options.seed)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        known = [p for p in music_of(folder, KNOWN) if duration(p) > 60]
        unknown = [p for p in music_of(folder, UNKNOWN) if duration(p) > 20]
        candidates = without_twins(known, pool)
        print(f"{len(known)} tracks, {len(candidates)} that are none's twin; {len(unknown)} unknown ones")
        tracks = sorted(random_.sample(candidates, min(options.tracks, len(candidates))))
        library, clips = folder / "library", folder / "clips"
        for place in (library, clips):
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
        for i, path in enumerate(tracks):
            (library / f"{i:02}{path.suffix or '.ogg'}").symlink_to(path.resolve())
        chosen = sorted(random_.sample(range(len(tracks)), min(options.clips, len(tracks))))
        # One place a track, where 30 s fit. Half of them after two minutes, where the track is that long.
        places = {}
        for n, i in enumerate(chosen):
            at = draw_place(random_, tracks[i], 30)
            while n % 2 == 0 and duration(tracks[i]) > 155 and at < 120:
                at = draw_place(random_, tracks[i], 30)
            places[i] = at
        unknown_clips = make_unknown(clips, unknown, random_)
        written = pool.map(lambda i: list(make_known(clips, i, tracks[i], places[i], 30)), chosen)
        rows = []
        for i, made in zip(chosen, written):
            for kind, file in made:
                at = (int(places[i] / HOP_S) + 0.5) * HOP_S if kind == "halfhop" else places[i]
                rows.append({"kind": kind, "file": str(file.relative_to(folder)), "track": f"{i:02}{tracks[i].suffix or '.ogg'}", "at_s": at})
        rows += [{"kind": kind, "file": str(file.relative_to(folder)), "track": None, "at_s": None} for kind, file in unknown_clips]
    described = {f"{i:02}{path.suffix or '.ogg'}": str(path.relative_to(folder)) for i, path in enumerate(tracks)}
    (folder / "clips.json").write_text(json.dumps({"seed": options.seed, "tracks": described, "clips": rows}, indent=1))
    print(f"{len(tracks)} tracks, {len(rows)} clips of {len(set(r['kind'] for r in rows))} kinds")


if __name__ == "__main__":
    main()
