"""A black-and-white PNG per object and frame, in a folder for each object: 2/00000.png.

Overlapping masks and ids of any size have room; an absent object has a black image.  Nothing
is lost but labels and scores.  SA-V distributes its masks so; where its folders begin at 000,
the ids are one more than their numbers.
"""

from pathlib import Path

from PIL import Image

from vseg.errors import BadExchange
from vseg.exchange.file_rows import add_whole, located
from vseg.exchange.label_files import inside, numbered_files, read_labels
from vseg.interfaces.mask_format import MaskFormat, MaskSequence, MaskSink
from vseg.io.files import is_hidden
from vseg.types import MaskCrop


class PngFormat(MaskFormat):
    """One folder for each object."""

    name = "png"
    suffix = ".png"
    folder = True

    def write(self, masks: MaskSequence, path: Path) -> None:
        """Write the folders."""
        for obj in masks.object_ids:
            (path / str(obj)).mkdir()
        for frame in masks:
            for obj, mask in frame.items():
                file = path / str(obj) / f"{frame.frame_index:05d}.png"
                Image.fromarray(mask).save(file)

    def read(self, path: Path, sink: MaskSink) -> None:
        """Give every image of every object."""
        if not path.is_dir():
            raise BadExchange(f"{path} is not a folder", hint="give the folder of objects")
        places = [each for each in sorted(path.iterdir()) if not is_hidden(each.name)]
        folders = [inside(path, each) for each in places if each.is_dir()]
        wrong = [folder for folder in folders if not folder.name.isdecimal()]
        if wrong:
            raise BadExchange(
                f"{wrong[0]} is not named by an object id", hint="name the folders 1, 2 ..."
            )
        first = min((int(folder.name) for folder in folders), default=1)
        for folder in folders:
            self._read_object(folder, int(folder.name) + int(first == 0), sink)

    def _read_object(self, folder: Path, object_id: int, sink: MaskSink) -> None:
        for frame, file in numbered_files(folder, self.suffix):
            labels = read_labels(file, sink.video)
            with located(str(file)):
                add_whole(sink, frame, object_id, MaskCrop.of(labels > 0))
