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


def paint(page, points, side=1024):
    """Paints with the mouse along points of a square image in the mask editor; the booleans that it should have painted."""
    page.locator(".ig-canvas").scroll_into_view_if_needed()
    box = page.locator(".ig-paint").bounding_box()
    scale = box["width"] / side
    for number, (x, y) in enumerate(points):
        page.mouse.move(box["x"] + x * scale, box["y"] + y * scale)
        if number == 0:
            page.mouse.down()
    page.mouse.up()
    exact = [(round(x * scale * 64) / 64 / scale, round(y * scale * 64) / 64 / scale) for x, y in points]
    return painted(side, side, exact, round(side / 24))
