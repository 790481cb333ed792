#!/usr/bin/env bash
# Debian's fpcalc takes the end of a file for an error: exit code 3, and the files behind the first are left alone.
#
# Told to read whole files (-length 0), fpcalc of Chromaprint 1.5.1 with the ffmpeg libraries of Debian 12 prints the
# fingerprint of the first file, which is whole, then an error about decoding at the end of the file, and ends with 3.
# Further files of the same call are not read, and nothing says so. Files that are longer than -length (120 seconds
# unless told) are not read to their end, and all of them are done, with exit code 0. A program that wants whole files
# runs fpcalc once for each, and takes what was printed before an exit code of 3.
#
# Needs Debian 12 and root, for debootstrap, which brings the packages into a temporary folder. Seen:
#
#   libchromaprint-tools 1.5.1-2+b1
#   two files, -length 0: 1 fingerprint, exit code 3
#   two files, -length 5: 2 fingerprints, exit code 0
set -euo pipefail
version=1.5.1-2+b1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
site=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep -v security | head -1)
debootstrap --variant=minbase --include=libchromaprint-tools bookworm "$work/root" "$site" >/dev/null

# Ten seconds of a rising tone, 16 bit, 11,025 samples a second.
chroot "$work/root" perl -e '
  my $n = 110250;
  my $samples = join "", map { pack "s<", 12000 * sin(2 * 3.14159265 * (300 + 40 * $_ / 11025) * $_ / 11025) } 0 .. $n - 1;
  print "RIFF", pack("V", 36 + 2 * $n), "WAVEfmt ", pack("VvvVVvv", 16, 1, 1, 11025, 22050, 2, 16), "data",
        pack("V", 2 * $n), $samples;' >"$work/root/one.wav"
cp "$work/root/one.wav" "$work/root/two.wav"

try() {
  local code=0 printed
  printed=$(chroot "$work/root" fpcalc -raw -length "$1" one.wav two.wav 2>/dev/null) || code=$?
  echo "two files, -length $1: $(grep -c ^FINGERPRINT= <<<"$printed") fingerprint$([ "$1" = 0 ] || echo s), exit code $code"
}

seen="libchromaprint-tools $(chroot "$work/root" dpkg-query -W -f '${Version}' libchromaprint-tools)
$(try 0)
$(try 5)"
expected="libchromaprint-tools $version
two files, -length 0: 1 fingerprint, exit code 3
two files, -length 5: 2 fingerprints, exit code 0"
echo "$seen"
[ "$seen" = "$expected" ] || { echo "the behaviour has changed; expected:"; echo "$expected"; exit 1; }
