"""A page allows its own style and its own images, and nothing else."""

import base64
import hashlib
import re
from io import BytesIO

import numpy as np
from PIL import Image

from vseg.io.html_page import html_page, image_tag

STYLE = "p { color: red; }"


def test_the_policy_names_the_style_by_its_hash() -> None:
    page = html_page("a <b>", STYLE, "<p>text</p>")
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy is not None
    assert f"style-src 'sha256-{digest}'" in policy[1]
    assert "default-src 'none'" in policy[1]
    assert "script" not in policy[1]
    assert f"<style>{STYLE}</style>" in page
    assert "<title>a &lt;b&gt;</title>" in page


def test_an_image_lies_in_the_page() -> None:
    tag = image_tag(np.full((6, 10, 3), 200, dtype=np.uint8), 'a "cup"')
    assert 'alt="a &quot;cup&quot;"' in tag
    content = re.search(r"data:image/jpeg;base64,([^\"]+)", tag)
    assert content is not None
    with Image.open(BytesIO(base64.b64decode(content[1]))) as image:
        assert image.size == (10, 6)
