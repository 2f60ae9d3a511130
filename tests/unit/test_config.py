"""Settings files: what is filled, what is refused, and how the refusal reads."""

from pathlib import Path

import pytest

from vseg.checked_settings import Settings, checked, load_toml
from vseg.config import MemorySettings, TrackConfig
from vseg.errors import BadConfig

ROOT = Path(__file__).resolve().parents[2]


def test_a_file_fills_the_settings_and_options_win(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text('\ufeffshort_side = 320\ndevice = "cuda:1"\n', "utf-8")
    config = load_toml(path, TrackConfig, device="cpu", dtype=None)
    assert (config.short_side, config.device, config.dtype) == (320, "cpu", "auto")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("shortside = 320", ["a.toml", "unknown key 'shortside'", "short_side"]),
        ("short_side = 32", ["a.toml", "short_side", "64"]),
        ("short_side = 120", ["short_side = 120", "the nearest values: 112, 128"]),
        ("short_side = 41", ["short_side = 41", "the nearest values: 64"]),
        ("short_side = 1999", ["short_side = 1999", "the nearest values: 1536"]),
        ('device = "gpu"', ["a.toml", "device", "gpu"]),
        ('range = "3-4"', ["a.toml", "range", "3-4"]),
        ("[memory]\nrecents = 3", ["a.toml", "memory.recents", "recent"]),
        ("short_side = ", ["a.toml", "not a TOML file"]),
        ("range = " + "[" * 50_000, ["a.toml", "not a TOML file"]),
        ("short_side = " + "9" * 5000, ["a.toml", "not a TOML file"]),
    ],
)
def test_a_mistake_names_file_key_and_known_keys(
    tmp_path: Path, text: str, said: list[str]
) -> None:
    path = tmp_path / "a.toml"
    path.write_text(text)
    with pytest.raises(BadConfig) as caught:
        load_toml(path, TrackConfig)
    assert all(part in str(caught.value) for part in said)


@pytest.mark.parametrize(
    ("values", "expected", "example"),
    [
        ({"range": "abc"}, "two frame numbers or times", "2s:5.5s"),
        ({"device": "tpu"}, "the processor or a CUDA device", "cuda:1"),
        ({"redetection": {"until": "soon"}}, "a frame number or a time", "12.5s"),
    ],
)
def test_a_value_in_no_known_form_is_answered_in_words(
    values: dict[str, object], expected: str, example: str
) -> None:
    with pytest.raises(BadConfig) as caught:
        checked(TrackConfig, values)
    assert expected in caught.value.message
    assert example in (caught.value.hint or "")
    assert not set("^$\\") & set(str(caught.value))


def test_every_setting_with_a_form_says_it_in_words() -> None:
    kinds = [TrackConfig, *(type(v) for v in vars(TrackConfig()).values())]
    fields = [
        field
        for kind in kinds
        if isinstance(kind, type) and issubclass(kind, Settings)
        for field in kind.model_fields.values()
    ]
    formed = [f for f in fields if any(getattr(m, "pattern", None) for m in f.metadata)]
    assert len(formed) == 3
    assert all(field.description and field.examples for field in formed)


def test_a_mistake_in_a_list_of_tables_names_its_keys(tmp_path: Path) -> None:
    class Stage(Settings):
        steps: int

    class Plan(Settings):
        stages: tuple[Stage, ...]

    path = tmp_path / "plan.toml"
    path.write_text("[[stages]]\nsteps = 3\n[[stages]]\nstep = 3\nsteps = 4\n")
    with pytest.raises(BadConfig, match=r"stages\.1\.step'.*known keys: steps"):
        load_toml(path, Plan)


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    class Plan(Settings):
        steps: int

    (tmp_path / "plan.toml").write_text("")
    with pytest.raises(BadConfig, match=r"plan\.toml: key 'steps' is missing"):
        load_toml(tmp_path / "plan.toml", Plan)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match=r"none\.toml"):
        load_toml(tmp_path / "none.toml", TrackConfig)


def test_a_mistaken_option_is_named() -> None:
    with pytest.raises(BadConfig, match="options: shard_frames"):
        checked(TrackConfig, {"shard_frames": 0})


def test_settings_made_in_python_fail_like_those_of_a_file() -> None:
    with pytest.raises(BadConfig, match="MemorySettings: recent = 0"):
        MemorySettings(recent=0)
    with pytest.raises(BadConfig, match=r"unknown key 'keep' \(known keys: .*prompted"):
        MemorySettings(keep=3)  # type: ignore[call-arg]


def test_the_shipped_tracking_files_are_complete_and_valid() -> None:
    import tomllib

    paths = sorted((ROOT / "configs").glob("track*.toml"))
    assert paths
    for path in paths:
        load_toml(path, TrackConfig)
        optional = {"weights", "encode_ahead", "frames", "topic"}
        assert set(tomllib.loads(path.read_text())) | optional == set(TrackConfig.model_fields)


def test_the_shipped_settings_of_the_service_are_its_defaults(tmp_path: Path) -> None:
    from vseg.server.settings import ServerSettings

    path = ROOT / "configs" / "server.toml"
    read = load_toml(path, ServerSettings, root=tmp_path)
    assert read == ServerSettings(root=tmp_path)
    assert read.model_fields_set | {"state", "grounder"} == set(ServerSettings.model_fields)
    assert read.limits.model_fields_set == set(type(read.limits).model_fields)
