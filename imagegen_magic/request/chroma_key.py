"""The chroma-key backdrop: which key colour suits a subject, and the clause that asks for it.

Facts of the workflow: green by default, magenta for green subjects, never blue for blue ones
(the chroma-key notes of the Codex image skill, commit 13dba916, read 2026-11-23).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from imagegen_magic.errors import Fix, OptionError, Problem, Setting
from imagegen_magic.facts.words import key_subjects

__all__ = ["KEY_COLORS", "KeyChoice", "choose_key", "key_clause", "parse_color", "second_key", "swap_backdrop_prompt"]

KEY_COLORS: dict[str, str] = {
    "green": "#00ff00",
    "magenta": "#ff00ff",
    "blue": "#0000ff",
    "cyan": "#00ffff",
    "red": "#ff0000",
}
"""Key colours by name, in the order in which they are tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyChoice:
    """The key colour taken (`#rrggbb`), and why, in a sentence; `clash` names words that no key avoids."""

    color: str
    reason: str
    clash: tuple[str, ...] = ()


def parse_color(text: str) -> str:
    """`#rrggbb` from a name (`green`) or a hex colour (`0f0`, `#00FF00`).

    Raises:
        OptionError: it is neither.
    """
    word = text.strip().lower()
    if word in KEY_COLORS:
        return KEY_COLORS[word]
    digits = word.removeprefix("#")
    if re.fullmatch(r"[0-9a-f]{3}", digits):
        digits = "".join(2 * digit for digit in digits)
    if not re.fullmatch(r"[0-9a-f]{6}", digits):
        problem = Problem(
            field="key_color",
            value=text,
            rule=f"a hex colour or one of {', '.join(KEY_COLORS)}",
            fix=Fix(Setting("--key-color", "#ff00ff")),
        )
        raise OptionError("the key colour could not be read", problems=(problem,))
    return f"#{digits}"


def choose_key(prompt: str, *, given: str | None = None, shares: Mapping[str, float] | None = None) -> KeyChoice:
    """The key colour for a subject: the given one, or the first that neither prompt nor references contain.

    Args:
        prompt: everything that describes the subject.
        given: the user's own choice, a name or a hex colour.
        shares: for each key colour's name the share (0 to 1) of reference-image pixels near it.

    Raises:
        OptionError: `given` is not a colour.
    """
    if given is not None and given != "auto":
        return KeyChoice(color=parse_color(given), reason=Fix("as asked for with ", Setting("--key-color")))
    words = set(re.findall(r"[a-z][a-z-]*", prompt.lower()))
    hits = {name: sorted(words & vocabulary) for name, vocabulary in key_subjects().items()}
    images = {name: (shares or {}).get(name, 0.0) for name in KEY_COLORS}
    for name, color in KEY_COLORS.items():
        if not hits[name] and images[name] < _SHARE_LIMIT:
            return KeyChoice(color=color, reason=_reason(name, hits, images))
    best = min(KEY_COLORS, key=lambda name: (len(hits[name]), images[name]))
    clash = tuple(dict.fromkeys(word for found in hits.values() for word in found))
    return KeyChoice(color=KEY_COLORS[best], reason="every key colour is in the subject; this one least", clash=clash)


_SHARE_LIMIT = 0.01


def _reason(name: str, hits: Mapping[str, list[str]], images: Mapping[str, float]) -> str:
    """Why the keys before `name` were passed over."""
    if name == "green":
        return "the default; nothing green is named in the prompt"
    why = [f"the prompt names {', '.join(hits[key])}" for key in KEY_COLORS if hits[key] and key != name]
    why += [f"a reference image is {images[key]:.0%} {key}" for key in KEY_COLORS if images[key] >= _SHARE_LIMIT]
    return f"{name}, because {'; '.join(why[:2])}"


def second_key(first: str) -> str:
    """A key colour far from `first` (`#rrggbb`), for the second frame of a two-backdrop extraction."""
    return KEY_COLORS["magenta"] if first == KEY_COLORS["green"] else KEY_COLORS["green"]


def key_clause(color: str) -> str:
    """The paragraph that asks for a flat backdrop of `color`, to be appended to a prompt."""
    return (
        f"Place the subject on one perfectly flat, solid {color} chroma-key background that will be removed afterwards. "
        f"The background is a single uniform {color} everywhere: no shadow, gradient, texture, reflection, floor or change of light. "
        "The subject stands free of every edge with generous padding and has crisp edges. "
        f"Nothing in the subject is {color} or close to it. No cast shadow, contact shadow or reflection, no watermark, "
        "and no text unless asked for above."
    )


def swap_backdrop_prompt(color: str) -> str:
    """The edit that changes only the backdrop, for the second frame of a two-backdrop extraction."""
    return (
        f"Change only the background: replace it with one perfectly flat, solid {color} chroma-key background. "
        "Keep the subject exactly as it is: same position, size, shape, colours, light and every edge pixel. "
        f"The background is a single uniform {color} everywhere, and it shows through whatever is transparent in the subject."
    )
