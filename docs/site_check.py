"""What is wrong with a built site: links and images that lead nowhere, and foreign files."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

_LOADS = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src"}
_LOADED_LINKS = {"stylesheet", "icon", "preload", "preconnect", "manifest", "modulepreload"}
_CSS_LOADS = re.compile(r"""(?:url\(|@import)\s*["']?(?:https?:)?//[^"')]+""")


@dataclass
class _Page(HTMLParser):
    """The anchors of a page, where its links lead, and what it loads."""

    anchors: set[str] = field(default_factory=set)
    links: set[str] = field(default_factory=set)
    loads: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {key: value for key, value in attrs if value}
        self.anchors |= {values[key] for key in ("id", "name") if key in values}
        if tag == "a" and "href" in values:
            self.links.add(values["href"])
        if tag in _LOADS and _LOADS[tag] in values:
            self.loads.add(values[_LOADS[tag]])
        if tag == "link" and _LOADED_LINKS & set(values.get("rel", "").split()):
            self.loads.add(values.get("href", ""))


def site_problems(site: Path) -> list[str]:
    """One sentence for each fault of the site in this folder; none if it is whole."""
    pages: dict[Path, _Page] = {}
    for path in sorted(site.rglob("*.html")):
        pages[path] = _Page()
        pages[path].feed(path.read_text("utf-8"))
    return [*_page_problems(site, pages), *_style_problems(site)]


def _page_problems(site: Path, pages: dict[Path, _Page]) -> Iterator[str]:
    for path, page in pages.items():
        where = path.relative_to(site)
        for url in sorted(page.loads):
            if urlsplit(url).netloc:
                yield f"{where} loads {url} from elsewhere"
        # The page for missing pages is shown at any address: its links begin at the root.
        start = site if path.name == "404.html" else path.parent
        for url in sorted(page.links | page.loads):
            if fault := _broken(start, path, url, pages):
                yield f"{where}: {fault}"


def _broken(start: Path, path: Path, url: str, pages: dict[Path, _Page]) -> str | None:
    """What is wrong with a link; None for one that holds or leads out of the site."""
    parts = urlsplit(url)
    if parts.scheme or parts.netloc:
        return None
    target = (start / unquote(parts.path).lstrip("/")).resolve() if parts.path else path
    if target.is_dir():
        target /= "index.html"
    if not target.is_file():
        return f"{url} leads nowhere"
    anchor = unquote(parts.fragment)
    # The theme's own anchors begin with two underscores and are made by its script.
    if anchor and target in pages and not anchor.startswith("__"):
        return None if anchor in pages[target].anchors else f"{url} names no heading"
    return None


def _style_problems(site: Path) -> Iterator[str]:
    for path in sorted(site.rglob("*.css")):
        for load in _CSS_LOADS.findall(path.read_text("utf-8")):
            yield f"{path.relative_to(site)} loads {load} from elsewhere"
