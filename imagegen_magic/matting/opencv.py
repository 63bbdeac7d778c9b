"""Which OpenCV is loaded: several distributions write the folder `cv2`, and whichever was installed last is in it."""

from __future__ import annotations

import re

import cv2

__all__ = ["distribution_of", "loaded_opencv"]


def loaded_opencv() -> str:
    """The distribution that the loaded OpenCV is from, by what it can do."""
    return distribution_of(cv2.getBuildInformation())


def distribution_of(build: str) -> str:
    """The distribution of a build, from its information: with contrib's modules or without, with windows or without."""
    contrib = re.search(r"To be built:.*\bxfeatures2d\b", build)
    windows = not re.search(r"GUI:\s+NONE", build)
    return f"opencv{'-contrib' if contrib else ''}-python{'' if windows else '-headless'}"
