"""A recipe as SVG text: the subject's outlines, filled with simple gradients."""

from __future__ import annotations

from .figures import figure_parts
from .parts import Part, shade, to_hex
from .recipe import Recipe
from .stamp import LABEL
from .styles import read_style
from .wording import read_prompt

__all__ = ["vector"]

_PLATE = (
    '<g transform="translate(0 98)"><rect x="-40" y="-7.5" width="80" height="15" rx="4" fill="#faf6ec"/>'
    f'<text text-anchor="middle" y="3.5" font-family="sans-serif" font-size="10" fill="#3e3a46">{LABEL}</text></g>'
)


def vector(recipe: Recipe) -> bytes:
    """The subject of a recipe as an SVG file, stamped; the backdrop is a plain rectangle, or none."""
    width, height = recipe.width, recipe.height
    scale, x, y = 0.00375 * min(width, height), width / 2, height * 0.505
    wanted = read_prompt(recipe.prompt, recipe.figure)
    parts = figure_parts(recipe, wanted, read_style(wanted.look))
    fill = recipe.backdrop if recipe.backdrop.startswith("#") else "#e9e4dc"
    ground = "" if recipe.backdrop == "none" else f'<rect width="{width}" height="{height}" fill="{fill}"/>'
    gradients = "".join(_gradient(number, part) for number, part in enumerate(parts) if part.form != "flat")
    paths = "".join(_path(number, part) for number, part in enumerate(parts))
    text = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
        f"<!-- imagegen_magic simulator --><defs>{gradients}</defs>{ground}"
        f'<g transform="translate({x:g} {y:g}) scale({scale:g})">{paths}{_PLATE}</g></svg>'
    )
    return text.encode()


def _gradient(number: int, part: Part) -> str:
    light, dark = to_hex(shade(part.colour, 1.12)), to_hex(shade(part.colour, 0.72))
    stops = f'<stop offset="0.25" stop-color="{light}"/><stop offset="1" stop-color="{dark}"/>'
    return f'<linearGradient id="g{number}" x2="0.6" y2="1">{stops}</linearGradient>'


def _path(number: int, part: Part) -> str:
    colour = to_hex(part.colour) if part.form == "flat" else f"url(#g{number})"
    end = "" if part.width else "Z"
    lines = "".join(f"M{' '.join(f'{x:.1f},{y:.1f}' for x, y in outline)}{end}" for outline in part.outlines)
    paint = (
        f'fill="none" stroke="{to_hex(part.colour)}" stroke-width="{part.width:g}"'
        if part.width
        else f'fill="{colour}"'
    )
    opacity = f' opacity="{part.opacity:g}"' if part.opacity < 1 else ""
    blur = f' filter="blur({part.blur:g})"' if part.blur else ""
    rule = "evenodd" if part.holes else "nonzero"
    return (
        f'<path d="{lines}" {paint} fill-rule="{rule}" stroke-linecap="round" stroke-linejoin="round"{opacity}{blur}/>'
    )
