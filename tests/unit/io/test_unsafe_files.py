"""Archives and XML from elsewhere: what would harm is refused before anything is done."""

import stat
import zipfile
from pathlib import Path

import pytest

from vseg.errors import BadExchange
from vseg.io import archive
from vseg.io.archive import unpacked
from vseg.io.xml_stream import XmlStream

BOMB = """<!DOCTYPE lolz [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<annotations><name>&b;</name></annotations>"""
OUTSIDE = """<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><annotations>&x;</annotations>"""


def packed(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive_file:
        for name, content in members.items():
            archive_file.writestr(name, content)
    return path


@pytest.mark.parametrize("name", ["../out.txt", "/out.txt", "a/../../out.txt", "C:out.txt"])
def test_a_member_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    path = packed(tmp_path / "bad.zip", {"fine.txt": b"x", name: b"x"})
    with pytest.raises(BadExchange, match="leads out"), unpacked(path, suffix=None):
        pass
    assert not (tmp_path / "out.txt").exists()


def test_a_link_is_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    path = tmp_path / "link.zip"
    with zipfile.ZipFile(path, "w") as archive_file:
        archive_file.writestr(link, "/etc/hostname")
    with pytest.raises(BadExchange, match="leads out"), unpacked(path, suffix=None):
        pass


def test_too_much_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = packed(tmp_path / "large.zip", {"a": bytes(5000), "b": bytes(5000)})
    monkeypatch.setattr(archive, "_MOST_BYTES", 9000)
    with pytest.raises(BadExchange, match="would take"), unpacked(path, suffix=None):
        pass
    monkeypatch.setattr(archive, "_MOST_MEMBERS", 1)
    with pytest.raises(BadExchange, match="2 files"), unpacked(path, suffix=None):
        pass


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "torn.zip", {"a": bytes(range(256)) * 40})
    content = bytearray(path.read_bytes())
    content[60:90] = b"?" * 30
    path.write_bytes(bytes(content))
    with pytest.raises(BadExchange, match="cannot be unpacked"), unpacked(path, suffix=".txt"):
        pass


def test_what_is_unpacked_is_removed_afterwards(tmp_path: Path) -> None:
    path = packed(
        tmp_path / "fine.zip", {"wrapper/1/00000.png": b"x", "wrapper/2/0.png": b"y"}
    )
    with unpacked(path, suffix=None) as folder:
        assert sorted(inner.name for inner in folder.iterdir()) == ["1", "2"]
    assert not folder.exists()
    with unpacked(tmp_path, suffix=None) as folder:
        assert folder == tmp_path


@pytest.mark.parametrize("text", [BOMB, OUTSIDE])
def test_a_document_type_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bomb.xml"
    path.write_text(text)
    with pytest.raises(BadExchange, match="declares a document type"):
        list(XmlStream(path, frozenset({"name"})))


def test_elements_come_as_they_end_with_what_is_inside(tmp_path: Path) -> None:
    path = tmp_path / "file.xml"
    path.write_text('<a v="1"><b x="2"><c>t</c></b><d/><b>u</b></a>')
    found = list(XmlStream(path, frozenset({"b"})))
    assert [element.tag for element in found] == ["a", "b", "d", "b"]
    assert found[0].children == [] and found[0].attributes == {"v": "1"}
    assert found[1].child_text("c") == "t" and found[3].text == "u"


def test_broken_xml_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "broken.xml"
    path.write_text("<a><b></a>")
    with pytest.raises(BadExchange, match=r"broken\.xml is not XML"):
        list(XmlStream(path, frozenset({"b"})))
