"""Makes sound for the tests: chords of random pitch and length, of which each seed has its own."""

import array
import math
import random
import wave

RATE = 11025


def samples_of(seed, seconds):
    chance = random.Random(seed)
    samples = array.array("h")
    while len(samples) < seconds * RATE:
        steps = [2 * math.pi * 220 * 2 ** (chance.randrange(30) / 12) / RATE for _ in range(3)]
        for i in range(int(RATE * chance.uniform(0.12, 0.4))):
            samples.append(int(2600 * sum(math.sin(step * i) for step in steps)))
    return samples[:int(seconds * RATE)]


def write_song(path, seed, seconds=6):
    """A WAV file of one channel."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples_of(seed, seconds).tobytes())
    return path
