"""A black-and-white PNG per object and frame, in a folder for each object: 2/00000.png.

Overlapping masks and ids of any size have room; an absent object has a black image.  Nothing
is lost but labels and scores.  SA-V distributes its masks so (folders 000, 001 ...; ids begin
at 1 here).
"""

from pathlib import Path

from PIL import Image

from vseg.errors import BadExchange
from vseg.exchange.file_rows import located
from vseg.exchange.label_files import inside, numbered_files, read_labels
from vseg.interfaces.mask_format import MaskFormat, MaskSequence, MaskSink
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
        for folder in sorted(path.iterdir()):
            if folder.is_dir():
                self._read_object(inside(path, folder), sink)

    def _read_object(self, folder: Path, sink: MaskSink) -> None:
        if not folder.name.isdecimal():
            raise BadExchange(
                f"{folder} is not named by an object id", hint="name the folders 1, 2 ..."
            )
        for frame, file in numbered_files(folder, self.suffix):
            labels = read_labels(file, sink.video)
            with located(str(file)):
                sink.add(frame, int(folder.name), MaskCrop.of(labels > 0))
