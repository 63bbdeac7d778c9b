"""What a picture depends on, as plain data that fits into the picture's metadata."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

__all__ = ["Recipe", "read_recipe", "seed_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that a picture depends on: equal recipes give equal pixels.

    Example:
        >>> Recipe(prompt="a red fox in the snow", seed=7, width=1024, height=1024)
    """

    prompt: str
    """Its words choose subject, colours, style, scene and the layout of a sprite sheet."""
    figure: str = ""
    """The prompt of an earlier picture whose figure, with its colours and style, is drawn again; empty for a new one."""
    seed: int
    """Chooses what the prompt leaves open."""
    width: int
    height: int
    quality: str = "medium"
    """`low` has no grain."""
    backdrop: str = "scene"
    """`scene`, `none` (transparent) or a flat `#rrggbb`."""
    shift: tuple[float, float] = (0.0, 0.0)
    """Offset of the subject in pixels, right and down: the drift of a redrawn picture."""
    phase: float = 0.0
    """Where in its movement the subject is, 0 to 1: one frame of an animation."""
    fault: str = ""
    """What goes wrong in a sprite sheet, one of `sheets.SHEET_FAULTS`; other pictures know no such fault."""
    delivery: str = "exact"
    """How a flat backdrop comes: `exact`, or as a `model` delivers it (see `delivery.py`)."""
    stamped: bool = True
    """Whether the picture says SIMULATED; only pieces that are stamped later go without."""

    def to_text(self) -> str:
        """JSON that `read_recipe` reads."""
        return json.dumps(asdict(self))


def read_recipe(text: str) -> Recipe | None:
    """The recipe of `Recipe.to_text`, or None if the text is something else."""
    try:
        values = json.loads(text)
        x, y = (max(-1e4, min(1e4, float(value))) for value in values["shift"])
        plain = {name: str(values.get(name, "")) for name in ("prompt", "figure")}
        return Recipe(**{**values, **plain, "seed": abs(int(values["seed"])), "shift": (x, y)})
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return None


def seed_of(*content: object) -> int:
    """A number that depends on nothing but the content."""
    return int.from_bytes(hashlib.sha256(repr(content).encode()).digest()[:8], "big")
