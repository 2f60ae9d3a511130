"""Which runtime computes nano: what is asked for, or what a kept self-test says."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import vseg
from tests.nano_weights import save_random
from vseg.errors import UsageError
from vseg.models.nano.load import load_nano
from vseg.models.nano.network import NanoNet
from vseg.models.nano.runtimes import choose, self_test
from vseg.models.nano.runtimes.choose import RUNTIME_VARIABLE
from vseg.models.nano.runtimes.int8_scales import ScalesFile, scales_of
from vseg.models.nano.runtimes.self_test import SelfTest
from vseg.models.nano.shipped import WEIGHTS


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Random ones, on a processor without bfloat16; "auto" tests, and keeps its results in a
    folder of the test's own.
    """
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(RUNTIME_VARIABLE, raising=False)
    save_random(tmp_path / "nano.safetensors", seed=0)
    return tmp_path / "nano.safetensors"


def keep(
    monkeypatch: pytest.MonkeyPatch,
    torch_ms: float,
    onnx_ms: float,
    int8_ms: float = 1000.0,
    bfloat16_ms: float | None = None,
) -> list[SelfTest]:
    """Stand a result in for the measurement, whose outcome depends on the machine; gives the
    list of tests made.
    """
    made: list[SelfTest] = []

    def tested() -> SelfTest:
        made.append(SelfTest(torch_ms, onnx_ms, int8_ms, bfloat16_ms))
        return made[-1]

    monkeypatch.setattr(choose, "tested_apart", tested)
    return made


@pytest.mark.integration
def test_the_self_test_measures_both_and_is_kept(weights: Path, tmp_path: Path) -> None:
    first = choose.self_test()
    assert first is not None
    assert min(first.torch_ms, first.onnx_ms, first.int8_ms) > 0
    kept = json.loads((tmp_path / "cache" / "vseg" / "runtime.json").read_text("utf-8"))
    (key,) = kept
    assert {"torch", "onnxruntime", "instruction set", "threads"} <= json.loads(key).keys()
    assert choose.self_test() == first
    assert load_nano(weights, dtype="float32").runtime == first.fastest(
        bfloat16=False, integers=False
    )


@pytest.mark.parametrize(("onnx_ms", "runtime"), [(60.0, "onnx"), (95.0, "torch")])
def test_auto_takes_what_is_clearly_faster_and_tests_once(
    weights: Path, monkeypatch: pytest.MonkeyPatch, onnx_ms: float, runtime: str
) -> None:
    made = keep(monkeypatch, 100.0, onnx_ms)
    for _ in range(2):
        assert load_nano(weights, dtype="float32").runtime == runtime
    assert len(made) == 1
    assert choose.chosen_in_words().startswith(f"{runtime}: ")


@pytest.mark.parametrize(
    ("onnx_ms", "int8_ms", "runtime"),
    [(80.0, 50.0, "onnx-int8"), (80.0, 75.0, "onnx"), (95.0, 65.0, "onnx-int8")],
)
def test_auto_takes_integers_where_they_save_much(
    monkeypatch: pytest.MonkeyPatch,
    weights: Path,
    onnx_ms: float,
    int8_ms: float,
    runtime: str,
) -> None:
    keep(monkeypatch, 100.0, onnx_ms, int8_ms)
    assert load_nano().runtime == runtime
    assert choose.chosen_in_words().startswith(f"{runtime}: ")
    exact = "onnx" if onnx_ms < 90 else "torch"
    # Not where float32 is asked for, nor without scales of these weights.
    assert load_nano(dtype="float32").runtime == exact
    assert load_nano(weights).runtime == exact
    scales_of(weights).write_bytes(scales_of(WEIGHTS).read_bytes())
    assert load_nano(weights).runtime == exact


@pytest.mark.integration
def test_what_the_self_test_needs_is_not_kept_by_who_asks(tmp_path: Path) -> None:
    asked = "from vseg.models.nano.runtimes import choose; "
    asked += "print(choose.self_test().fastest(bfloat16=False, integers=False)); import sys; "
    asked += "assert 'onnxruntime' not in sys.modules"
    env = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    # As where a program is run from: Python puts the folder among the places of imports.
    here = Path(vseg.__file__).parents[1]
    words = [sys.executable, "-c", asked]
    ended = subprocess.run(words, env=env, cwd=here, check=True, capture_output=True)
    assert ended.stdout.strip() in (b"torch", b"onnx")


def test_where_no_process_starts_auto_is_torch(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "gone"))
    assert load_nano(weights, dtype="float32").runtime == "torch"
    assert "did not start or gave no result" in choose.chosen_in_words()
    assert not (tmp_path / "cache").exists()


def test_a_damaged_result_is_measured_anew(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "cache" / "vseg" / "runtime.json"
    kept.parent.mkdir(parents=True)
    kept.write_text("{", "utf-8")
    made = keep(monkeypatch, 100.0, 50.0)
    assert load_nano(weights, dtype="float32").runtime == "onnx"
    assert len(made) == 1 and json.loads(kept.read_text("utf-8"))


def test_a_cache_that_cannot_be_written_is_no_obstacle(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache").write_text("a file", "utf-8")
    keep(monkeypatch, 100.0, 50.0)
    assert load_nano(weights, dtype="float32").runtime == "onnx"


def test_the_environment_decides_for_auto(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = keep(monkeypatch, 100.0, 50.0)
    monkeypatch.setenv(RUNTIME_VARIABLE, "torch")
    assert load_nano(weights, dtype="float32").runtime == "torch"
    assert load_nano(weights, runtime="onnx").runtime == "onnx"
    assert not made and RUNTIME_VARIABLE in choose.chosen_in_words()
    monkeypatch.setenv(RUNTIME_VARIABLE, "tvm")
    with pytest.raises(UsageError, match="unknown runtime 'tvm'"):
        load_nano(weights)


@pytest.mark.parametrize(
    ("int8_ms", "runtime"), [(40.0, "onnx-int8"), (52.0, "torch"), (60.0, "torch")]
)
def test_with_bfloat16_integers_must_be_faster_than_that(
    monkeypatch: pytest.MonkeyPatch, weights: Path, int8_ms: float, runtime: str
) -> None:
    made = keep(monkeypatch, 94.0, 80.0, int8_ms, 54.0)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    assert load_nano(dtype="bfloat16").runtime == "torch"
    assert not made
    opened = load_nano()
    assert opened.runtime == runtime
    assert opened.dtype is (torch.bfloat16 if runtime == "torch" else torch.float32)
    assert choose.chosen_in_words().startswith(f"{runtime}: ")
    assert "54 ms in torch (bfloat16)" in choose.chosen_in_words()
    # Neither without scales of these weights nor where float32 is asked for.
    assert load_nano(weights).runtime == "torch"
    assert load_nano(dtype="float32").runtime == "onnx"
    assert len(made) == 1


@pytest.mark.integration
def test_bfloat16_is_measured_where_the_processor_has_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(self_test, "_TEST_HW", (96, 160))
    monkeypatch.setattr(self_test, "_ROUNDS", 1)
    for native in (False, True):
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda has=native: has)
        assert (self_test.tested().bfloat16_ms is not None) is native


def test_what_a_runtime_cannot_do_is_refused(weights: Path) -> None:
    for runtime in ("onnx", "onnx-int8"):
        with pytest.raises(UsageError, match=f"{runtime} takes no bfloat16"):
            load_nano(weights, runtime=runtime, dtype="bfloat16")
    with pytest.raises(UsageError, match="unknown dtype"):
        load_nano(weights, dtype="float16")
    with pytest.raises(UsageError, match="unknown runtime"):
        load_nano(weights, runtime="tensorrt")
    with pytest.raises(UsageError, match="does not run on cuda"):
        scales = ScalesFile(weights, "")
        choose.open_runtime(NanoNet(), torch.device("cuda"), "auto", "onnx", scales)
