"""An HTML page in one file: nothing is loaded from elsewhere, and no script runs.

Enters: a title, a style sheet, the markup of a body, images as arrays.  Leaves: one document.
Its own content security policy allows its style sheet, by hash, and images inside the page;
so no text that found its way into the markup can load or run anything.
"""

import base64
import hashlib
from html import escape
from io import BytesIO

import numpy as np
from jaxtyping import UInt8
from PIL import Image

JPEG_QUALITY = 82
"""Of images inside a page: no visible blocks at the size of a thumbnail.  A round value."""


def html_page(title: str, style: str, body: str) -> str:
    """The document.  title is plain text; style and body are put in as they are."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}</title>\n<style>{style}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def image_tag(image: UInt8[np.ndarray, "H W 3"], text: str) -> str:
    """The image inside the page, as JPEG.  text: what it shows, for whoever cannot see it."""
    height, width = image.shape[:2]
    jpeg = BytesIO()
    Image.fromarray(image).save(jpeg, format="JPEG", quality=JPEG_QUALITY)
    content = base64.b64encode(jpeg.getvalue()).decode()
    return (
        f'<img width="{width}" height="{height}" alt="{escape(text)}" '
        f'src="data:image/jpeg;base64,{content}">'
    )
