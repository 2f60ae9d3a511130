"""Readers: video files, image folders, cameras and streams, and synthetic scenes."""

from vseg.video.open import open_source

__all__ = ["open_source"]
