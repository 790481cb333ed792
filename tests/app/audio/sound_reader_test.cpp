#include "app/audio/sound_reader.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "app/audio/fingerprinter.hpp"
#include "core/base/error.hpp"
#include "tests/app/audio/sounds.hpp"
#include "tests/core/support/error_of.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp {
namespace {

using std::chrono::milliseconds;
using test::error_of;
using testing::HasSubstr;

constexpr milliseconds enough = std::chrono::minutes(5);

pcm read_sound(const sound_source& source, milliseconds patience) {
  pcm sound;
  sound_reader(source, patience).read_rest(sound);
  return sound;
}

class sound_reader_test : public testing::Test {
 protected:
  sound_source source(const std::string& name) const {
    return {sound_source::kind::file, (folder / name).string(), {}, 0};
  }

  std::string bytes_of(const std::string& name) const {
    std::ifstream file(folder / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  test::temporary_folder folder;
};

TEST_F(sound_reader_test, DecodesWhatWasWritten) {
  const auto sound = test::make_melody(1, 7.5);
  test::write_wav(folder / "-a: b%d.wav", sound);
  EXPECT_EQ(read_sound(source("-a: b%d.wav"), enough), sound);
}

TEST_F(sound_reader_test, ReadsPiecesAndSaysWhatTheFilePromises) {
  const auto sound = test::make_melody(2, 9);
  test::write_wav(folder / "a.wav", sound);
  sound_reader reader(source("a.wav"), enough);
  pcm first(30'000), second(sound.size());
  ASSERT_EQ(reader.read(first), first.size());
  ASSERT_TRUE(reader.promised_s());
  EXPECT_NEAR(*reader.promised_s(), 9, 0.02);
  ASSERT_EQ(reader.read(second), sound.size() - first.size());
  EXPECT_TRUE(std::equal(first.begin(), first.end(), sound.begin()));
  EXPECT_EQ(second[0], sound[first.size()]);
  EXPECT_EQ(reader.read(second), 0u);
}

TEST_F(sound_reader_test, StopsWhereItIsTold) {
  test::write_wav(folder / "a.wav", test::make_melody(3, 9));
  auto first = source("a.wav");
  first.max_s = 2;
  EXPECT_EQ(read_sound(first, enough).size(), size_t{2} * pcm_rate);
}

TEST_F(sound_reader_test, ResamplesToTheRateOfTheHashes) {
  const auto sound = test::make_melody(4, 8);
  pcm twice;
  for (const auto sample : sound) twice.insert(twice.end(), 2, sample);
  test::write_wav(folder / "a.wav", twice, 2 * pcm_rate);
  const auto read = read_sound(source("a.wav"), enough);
  EXPECT_NEAR(static_cast<double>(read.size()), static_cast<double>(sound.size()), 20);
}

TEST_F(sound_reader_test, SaysWhyThereIsNoSound) {
  auto e = error_of([&] { read_sound(source("missing.wav"), enough); });
  EXPECT_EQ(e.code(), errc::io_error);
  EXPECT_THAT(e.what(), HasSubstr("missing.wav"));
  EXPECT_THAT(e.what(), HasSubstr("No such file or directory"));
  std::ofstream(folder / "text.wav") << "no sound at all, only words of a text that goes on for a while\n";
  e = error_of([&] { read_sound(source("text.wav"), enough); });
  EXPECT_EQ(e.code(), errc::io_error);
  EXPECT_THAT(e.what(), HasSubstr("Invalid data"));
  test::write_wav(folder / "empty.wav", pcm());
  EXPECT_EQ(error_of([&] { read_sound(source("empty.wav"), enough); }).code(), errc::io_error);
}

TEST_F(sound_reader_test, APlaylistNamesNoOtherPlaces) {
  test::write_wav(folder / "a.wav", test::make_melody(5, 5));
  std::ofstream(folder / "list.m3u8")
      << "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n";
  EXPECT_EQ(error_of([&] { read_sound(source("list.m3u8"), enough); }).code(), errc::io_error);
}

TEST_F(sound_reader_test, AStrangersBytesAreDecodedAlike) {
  const auto sound = test::make_melody(6, 7);
  test::write_wav(folder / "a.wav", sound);
  const auto bytes = bytes_of("a.wav");
  sound_source stranger{sound_source::kind::bytes, {}, {}, 0, bytes};
  EXPECT_EQ(read_sound(stranger, enough), sound);
  stranger.bytes = {};
  EXPECT_EQ(error_of([&] { read_sound(stranger, enough); }).code(), errc::io_error);
}

TEST_F(sound_reader_test, AStrangersListOpensNoFile) {
  test::write_wav(folder / "a.wav", test::make_melody(7, 7));
  std::ofstream(folder / "list.txt") << "ffconcat version 1.0\nfile a.wav\n";
  std::ofstream(folder / "list.m3u8") << "#EXTM3U\n#EXT-X-TARGETDURATION:7\n#EXTINF:7,\n"
                                      << (folder / "a.wav").string() << "\n#EXT-X-ENDLIST\n";
  for (const auto* list : {"list.txt", "list.m3u8"}) {
    const auto bytes = bytes_of(list);
    const auto e = error_of([&] { read_sound({sound_source::kind::bytes, {}, {}, 0, bytes}, enough); });
    EXPECT_EQ(e.code(), errc::io_error);
    EXPECT_THAT(e.what(), HasSubstr("cannot decode the sound"));
  }
}

TEST_F(sound_reader_test, IsEndedWhenNothingComes) {
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  const auto e = error_of([&] { read_sound(source("pipe"), milliseconds(100)); });
  EXPECT_EQ(e.code(), errc::request_timeout);
  EXPECT_THAT(e.what(), HasSubstr("100 ms"));
}

TEST_F(sound_reader_test, SaysWhatToInstall) {
  const std::string former = std::getenv("PATH");
  ::setenv("PATH", folder.path().c_str(), 1);
  EXPECT_FALSE(sound_reader::is_possible());
  const auto e = error_of([&] { read_sound(source("a.wav"), enough); });
  ::setenv("PATH", former.c_str(), 1);
  EXPECT_TRUE(sound_reader::is_possible());
  EXPECT_EQ(e.code(), errc::io_error);
  EXPECT_THAT(e.what(), HasSubstr("apt-get install ffmpeg"));
}

TEST_F(sound_reader_test, ListensToADevice) {
  // ffmpeg's generator of sound, in place of a microphone.
  const sound_source device{sound_source::kind::device, "sine=frequency=440", "lavfi", 1.5};
  EXPECT_NEAR(static_cast<double>(read_sound(device, enough).size()), 1.5 * pcm_rate, 2);
}

}  // namespace
}  // namespace fp
