"""The word head's training from images to a weights file, with its vocabulary and threshold.

Enters: a TextHeadRecipe, dataset zips, and nano's weights, of which only the encoder is read
and nothing is changed.  Leaves: a checkpoint and words.safetensors.  The same command
continues what was interrupted.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from pydantic import Field

from vseg.checked_settings import Settings
from vseg.errors import BadDataset
from vseg.io.files import atomic_path
from vseg.models.nano.encoder import encoder_digest
from vseg.models.nano.load import load_nano, load_weights
from vseg.models.nano.model import Nano
from vseg.models.nano.network import NanoNet
from vseg.models.nano.shipped import WEIGHTS
from vseg.models.nano.text_head.head import WordHead, load_words, save_words
from vseg.models.nano.text_head.network import WordsNet
from vseg.training.config import Optimisation
from vseg.training.loop import Report, train
from vseg.training.text_head.named_images import ANY, NamedImage, load_named, part_of
from vseg.training.text_head.scores import pooled, precision_recall
from vseg.training.text_head.stage import TextHeadStage


class TextHeadRecipe(Settings):
    """How the word head is trained.

    batch: crops per step.  side: of the square crops, a multiple of 32.  p_exhaustive: share
    of crops of wholly marked images.  min_instances, min_images: how many of both a word needs
    to be in the vocabulary.
    """

    optimisation: Optimisation
    batch: int = Field(default=16, gt=0)
    side: int = Field(default=320, gt=0, multiple_of=32)
    p_exhaustive: float = Field(default=0.6, gt=0, lt=1)
    min_instances: int = Field(default=50, gt=0)
    min_images: int = Field(default=20, gt=0)


@dataclass(frozen=True, slots=True)
class TextHeadFiles:
    """data: dataset zips, one of which names the masks.  out: a folder.  weights: of nano, the
    shipped ones if None.
    """

    data: tuple[Path, ...]
    out: Path
    weights: Path | None = None


def train_text_head(
    recipe: TextHeadRecipe, files: TextHeadFiles, on_report: Callable[[str, Report], None]
) -> Path:
    """The path of the weights file.  Raises BadDataset, WeightsMissing, WeightsMismatch,
    OutputError.

    The threshold is the one of the best F1, over all words, on the images kept for choosing
    it; 0.5 where the zips hold none of those.
    """
    images = load_named(files.data)
    learned = [p for p in images if part_of(p.name) == "train"]
    words = vocabulary(learned, recipe.min_instances, recipe.min_images)
    net = NanoNet()
    load_weights(net, files.weights or WEIGHTS)
    encoder_sha256 = encoder_digest(net.encoder)
    torch.manual_seed(recipe.optimisation.seed)
    stage = TextHeadStage(
        net.encoder,
        learned,
        words,
        batch=recipe.batch,
        side=recipe.side,
        p_exhaustive=recipe.p_exhaustive,
    )
    files.out.mkdir(parents=True, exist_ok=True)
    checkpoint = files.out / "words.pt"
    train(stage, recipe.optimisation, checkpoint, lambda report: on_report("words", report))
    trained = stage.network.cpu()
    assert isinstance(trained, WordsNet)
    # 0.5 until the threshold is chosen below.
    head = WordHead(trained, words, 0.5, encoder_sha256, "")
    chosen = [p for p in images if p.exhaustive and part_of(p.name) == "tune"]
    notes = {"images": str(len(learned)), "recipe": recipe.model_dump_json()}
    return _written(head, load_nano(files.weights), chosen, files.out, notes)


def vocabulary(
    images: Sequence[NamedImage], min_instances: int, min_images: int
) -> tuple[str, ...]:
    """The words with enough examples, ANY first, the others sorted; a clip counts as one
    image.
    """
    objects = [(p.name, word) for p in images for kind in p.words.values() for word in kind]
    instances = Counter(word for _, word in objects)
    holding = Counter(word for _, word in set(objects))
    enough = {
        word
        for word, count in instances.items()
        if count >= min_instances and holding[word] >= min_images and word != ANY
    }
    if not enough:
        raise BadDataset(
            f"no word has {min_instances} examples in {min_images} images",
            hint="give more --data, or lower min_instances and min_images in the recipe",
        )
    return (ANY, *sorted(enough))


def _written(
    head: WordHead,
    nano: Nano,
    images: Sequence[NamedImage],
    out: Path,
    notes: dict[str, str],
) -> Path:
    """The weights file, with the threshold that is best on the images, if there are any."""
    path = out / "words.safetensors"
    with atomic_path(path) as part:
        save_words(head, part, notes)
        if images:
            # Scored as it will run: read back from fp16, on nano as it is loaded.
            named = [word for word in head.words if word != ANY]
            stored = load_words(part, nano.device, nano.dtype)
            by_word = precision_recall(nano, stored, images, named)
            threshold = pooled(list(by_word.values())).best_threshold
            save_words(replace(head, threshold=round(threshold, 2)), part, notes)
    return path
