"""Files that are no published checkpoints: each is refused by name, and no code of theirs
runs.
"""

import os
from pathlib import Path

import pytest
import torch

from vseg.errors import ModelError, OutputError, WeightsMismatch, WeightsMissing
from vseg.models.sam2.convert.convert import convert, read_checkpoint
from vseg.models.sam2.convert.names import in_halves, published_names
from vseg.models.sam2.convert.sizes import recognised


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_checkpoint_is_named_and_not_run(tmp_path: Path, zipped: bool) -> None:
    mark = tmp_path / "it-ran"
    file = tmp_path / "evil.pt"
    held = {"model": {"w": torch.zeros(1)}, "more": Trap(mark)}
    torch.save(held, file, _use_new_zipfile_serialization=zipped)
    with pytest.raises(WeightsMismatch, match=r"asks to run code \('(posix|nt)\.mkdir'\)"):
        read_checkpoint(file)
    assert not mark.exists()
    torch.load(file, weights_only=False)
    assert mark.exists(), "the trap is one"


def test_what_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "model.pt"
    with pytest.raises(WeightsMissing, match="no checkpoint at"):
        read_checkpoint(file)
    file.write_text("<html>not found</html>")
    with pytest.raises(WeightsMismatch, match="cannot be read as a checkpoint"):
        read_checkpoint(file)
    torch.save({"model": {"w": torch.zeros(100_000)}}, file)
    file.write_bytes(file.read_bytes()[:200_000])
    with pytest.raises(WeightsMismatch, match="cannot be read as a checkpoint"):
        read_checkpoint(file)
    for held in ({"w": torch.zeros(1)}, [1], {"model": {"w": 1}}):
        torch.save(held, file)
        with pytest.raises(WeightsMismatch, match="no tensors under 'model'"):
            read_checkpoint(file)


def test_a_folder_in_use_and_an_unknown_name_come_before_the_file(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="in the way"):
        convert(tmp_path / "none.pt", tmp_path / "mine")
    with pytest.raises(ModelError, match="no architecture 'sam9'"):
        convert(tmp_path / "none.pt", tmp_path / "new", "sam9")


def test_an_encoder_of_no_published_size_is_described() -> None:
    state = {"image_encoder.trunk.patch_embed.proj.weight": torch.zeros(64, 3, 7, 7)}
    with pytest.raises(WeightsMismatch, match="an encoder of 64 channels and 0 blocks"):
        recognised(state, "it")


def test_names_that_are_not_one_to_one() -> None:
    assert published_names("prompt_encoder.point_embed.weight") == tuple(
        f"sam_prompt_encoder.point_embeddings.{k}.weight" for k in range(4)
    )
    at = "spatial_perceiver.layers.0.cross_attention."
    assert published_names(f"{at}k_proj.weight") == published_names(f"{at}v_proj.weight")
    assert [in_halves(f"{at}{part}_proj.weight") for part in "kvq"] == [0, 1, None]
