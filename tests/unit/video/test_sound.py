"""The sound of a stretch: as long as asked for, and each sample where its frame is."""

import io
import wave
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.clips import Recipe, add_sound, write_clip
from tests.served import app_of, served
from vseg.server.storage.ids import id_of
from vseg.video.file import VideoFile
from vseg.video.sound import has_sound, read_sound

RATE = 48_000
TONE_AT = (12_000, 60_000)
"""Samples of 1 ms each at which there is sound: frames 6.25 and 31.25 of 25 a second."""


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sound")
    return write_clip(folder / "plain.mp4", Recipe(num_frames=50, rate=Fraction(25)))


def tones() -> np.ndarray:
    samples = np.zeros((2 * RATE, 2), dtype=np.int16)
    for first in TONE_AT:
        samples[first : first + 48] = 20_000
    return samples


def first_loud(samples: np.ndarray) -> int:
    return int(np.flatnonzero(np.abs(samples[:, 0].astype(int)) > 5_000)[0])


@pytest.mark.parametrize(
    ("ending", "codec", "off"), [("mkv", "pcm_s16le", 0), ("mp4", "aac", 96)]
)
def test_sound_is_where_its_frames_are(
    plain: Path, tmp_path: Path, ending: str, codec: str, off: int
) -> None:
    clip = add_sound(plain, tmp_path / f"a.{ending}", tones(), codec)
    with VideoFile(clip) as video:
        assert has_sound(video)
        stretches = ((0.0, 1.0, 12_000), (1.0, 0.5, 12_000), (1.24, 5.0, 480))
        for first, seconds, expected in stretches:
            heard = read_sound(video, first, seconds)
            assert heard.rate == RATE
            assert len(heard.samples) == round(seconds * RATE)
            assert abs(first_loud(heard.samples) - expected) <= off
        assert not read_sound(video, 60.0, 1.0).samples.any()


def test_stretches_follow_each_other(plain: Path, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(-9_000, 9_000, (2 * RATE, 2), dtype=np.int16)
    with VideoFile(add_sound(plain, tmp_path / "a.mov", noise)) as video:
        parts = [read_sound(video, 0.5 * k, 0.5).samples for k in range(4)]
    assert np.array_equal(np.concatenate(parts), noise)


def test_a_clip_without_sound_is_told(plain: Path, tmp_path: Path) -> None:
    folder = tmp_path / "root"
    folder.mkdir()
    (folder / "plain.mp4").write_bytes(plain.read_bytes())
    add_sound(plain, folder / "loud.mkv", tones())
    with served(app_of(folder)) as client:
        silent = client.get(f"/v1/videos/{id_of('plain.mp4')}/sound")
        assert silent.status_code == 404
        assert "no sound" in silent.json()["detail"]
        loud = client.get(f"/v1/videos/{id_of('loud.mkv')}/sound?first=1&seconds=0.5")
        assert (
            client.get(f"/v1/videos/{id_of('loud.mkv')}/sound?seconds=11").status_code == 422
        )
    with wave.open(io.BytesIO(loud.content)) as read:
        assert (read.getnchannels(), read.getframerate(), read.getnframes()) == (
            2,
            RATE,
            24_000,
        )


def test_frames_at_no_even_rate_have_no_sound(plain: Path, tmp_path: Path) -> None:
    times = (*range(0, 200, 4), 400)
    uneven = write_clip(tmp_path / "u.mkv", Recipe(num_frames=51, times=times))
    with VideoFile(add_sound(uneven, tmp_path / "a.mkv", tones())) as video:
        assert not has_sound(video)
