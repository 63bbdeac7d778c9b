"""One form as many jobs: a prompt a line, `{red|blue}` in a prompt, and a grid of sizes, qualities and models."""

from __future__ import annotations

import itertools
import re

from imagegen_magic.errors import Command, Fix, OptionError, Problem

from .form import Form

__all__ = ["MAX_JOBS", "expand"]

MAX_JOBS = 64
"""More jobs at once are a batch cell's business."""
_CHOICE = re.compile(r"\{([^{}|]*(?:\|[^{}|]*)+)\}")


def expand(form: Form) -> list[Form]:
    """Each job that the form asks for, prompts first, then the grid's combinations; one for an ordinary form.

    Raises:
        OptionError: there are more than `MAX_JOBS`.

    >>> [f.prompt for f in expand(Form(prompt="a {red|blue} mug", wildcards=True))]
    ['a red mug', 'a blue mug']
    """
    prompts = [line.strip() for line in form.prompt.splitlines() if line.strip()] if form.lines else [form.prompt]
    pieces = [_CHOICE.split(prompt) if form.wildcards else [prompt] for prompt in prompts or [""]]
    combinations = 1
    for values in form.grid.values():
        combinations *= len(values)
    count = combinations * sum(_count(parts) for parts in pieces)
    if count > MAX_JOBS:
        rule = f"{count} jobs at once; the panel takes {MAX_JOBS}"
        problem = Problem(field="prompt", rule=rule, fix=Fix("take some away, or use a ", Command("batch"), " cell"))
        raise OptionError("too many jobs", problems=(problem,))
    grid = [dict(zip(form.grid, chosen, strict=True)) for chosen in itertools.product(*form.grid.values())]
    return [form.with_values(prompt, **values) for parts in pieces for prompt in _filled(parts) for values in grid]


def _count(parts: list[str]) -> int:
    """How many prompts a split prompt stands for: its odd parts are choices."""
    count = 1
    for choices in parts[1::2]:
        count *= choices.count("|") + 1
    return count


def _filled(parts: list[str]) -> list[str]:
    options = [part.split("|") if number % 2 else [part] for number, part in enumerate(parts)]
    return ["".join(chosen) for chosen in itertools.product(*options)]
