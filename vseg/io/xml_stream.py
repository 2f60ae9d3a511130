"""XML read piece by piece, without document types and so without entities of the file's own.

Enters: a file.  Leaves: its elements as they end, each with what is inside it.  A DOCTYPE is
refused, because entities that refer to each other or to other files are declared there.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn
from xml.parsers import expat

from vseg.errors import BadExchange

_BLOCK = 2**13


@dataclass(slots=True)
class XmlElement:
    """A finished element.  text: directly inside it.  line: where it begins."""

    tag: str
    attributes: dict[str, str]
    line: int
    text: str = ""
    children: list["XmlElement"] = field(default_factory=list)

    def child_text(self, tag: str) -> str | None:
        """The text of the first child of that name."""
        return next((each.text.strip() for each in self.children if each.tag == tag), None)


class XmlStream:
    """The elements of a file by their names, each once it has ended.

    leaves: names of elements that are given whole; what is around them is given when it
    begins, without its content.  Raises BadExchange where the file is not XML, or is unsafe.
    """

    def __init__(self, path: Path, leaves: frozenset[str]) -> None:
        self._path = path
        self._leaves = leaves
        self._open: list[XmlElement] = []
        self._ready: list[XmlElement] = []
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = self._doctype

    def __iter__(self) -> Iterator[XmlElement]:
        with self._path.open("rb") as handle:
            while True:
                block = handle.read(_BLOCK)
                try:
                    self._parser.Parse(block, not block)
                # Encodings that Python or expat does not have are errors of other kinds.
                except (expat.ExpatError, LookupError, ValueError) as error:
                    raise BadExchange(
                        f"{self._path} is not XML: {error}", hint="is the file whole?"
                    ) from error
                yield from self._ready
                self._ready.clear()
                if not block:
                    return

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        element = XmlElement(tag, attributes, self._parser.CurrentLineNumber)
        if self._open or tag in self._leaves:
            self._open.append(element)
        else:
            self._ready.append(element)

    def _end(self, tag: str) -> None:
        if not self._open:
            return
        element = self._open.pop()
        if self._open:
            self._open[-1].children.append(element)
        else:
            self._ready.append(element)

    def _characters(self, text: str) -> None:
        if self._open:
            self._open[-1].text += text

    def _doctype(self, *_: object) -> NoReturn:
        raise BadExchange(
            f"{self._path} declares a document type",
            hint="delete the <!DOCTYPE ...> if you trust the file",
        )
