"""What a round brush should have painted, worked out apart from the editor."""

from __future__ import annotations

import itertools

import numpy as np


def painted(width, height, points, radius):
    """Booleans of shape (height, width): pixels whose centre is within `radius` of the line through `points`."""
    y, x = np.mgrid[0:height, 0:width] + 0.5
    hit = np.zeros((height, width), bool)
    for (x0, y0), (x1, y1) in itertools.pairwise([points[0], *points]):
        dx, dy = x1 - x0, y1 - y0
        length = dx * dx + dy * dy
        t = np.clip(((x - x0) * dx + (y - y0) * dy) / length, 0, 1) if length else 0
        hit |= (x - x0 - t * dx) ** 2 + (y - y0 - t * dy) ** 2 <= radius**2
    return hit
