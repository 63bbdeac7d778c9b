"""Cuts a frame down to the part that holds what matters."""

from __future__ import annotations

import cv2

from .arrays import Bytes, Window

__all__ = ["MARGIN", "window_of"]

MARGIN = 48  # pixels of backdrop around the subject: the farthest that any step looks
ALIGNED = 24  # pixels: where a window begins and ends, so that thinned and reduced planes have the frame's grid
WORTH = 0.85  # of the frame; a larger window saves less than cutting it out takes


def window_of(plane: Bytes) -> Window:
    """The part of the frame that holds what is not 0, and a margin; all of it if that is most of it."""
    height, width = plane.shape
    left, top, across, down = cv2.boundingRect(plane)
    rows = slice(*_padded(top, down, height))
    columns = slice(*_padded(left, across, width))
    size = (rows.stop - rows.start) * (columns.stop - columns.start)
    return (rows, columns) if down and size < WORTH * plane.size else (slice(0, height), slice(0, width))


def _padded(start: int, length: int, side: int) -> tuple[int, int]:
    end = -(-(start + length + MARGIN) // ALIGNED) * ALIGNED
    return max(0, start - MARGIN) // ALIGNED * ALIGNED, min(side, end)
