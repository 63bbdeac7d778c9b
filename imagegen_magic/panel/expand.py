"""One form as many jobs: a prompt a line, `{red|blue}` in a prompt, and a grid of sizes, qualities and models."""

from __future__ import annotations

import itertools

from imagegen_magic.batch.choices import SPELLING, count_choices, expand_choices
from imagegen_magic.errors import Command, Fix, OptionError, Problem

from .form import Form

__all__ = ["MAX_JOBS", "expand"]

MAX_JOBS = 64
"""More jobs at once are a batch cell's business."""


def expand(form: Form) -> list[Form]:
    """Each job that the form asks for, prompts first, then the grid's combinations; one for an ordinary form.

    Raises:
        OptionError: there are more than `MAX_JOBS`, or a choice is never closed.

    >>> [f.prompt for f in expand(Form(prompt="a {red|blue} mug", wildcards=True))]
    ['a red mug', 'a blue mug']
    """
    prompts = [line.strip() for line in form.prompt.splitlines() if line.strip()] if form.lines else [form.prompt]
    prompts = prompts or [""]
    combinations = 1
    for values in form.grid.values():
        combinations *= len(values)
    try:
        count = combinations * sum(count_choices(prompt) if form.wildcards else 1 for prompt in prompts)
    except ValueError as error:
        problem = Problem(field="prompt", rule=str(error), fix=SPELLING)
        raise OptionError("the choices can't be read", problems=(problem,)) from None
    if count > MAX_JOBS:
        rule = f"{count} jobs at once; the panel takes {MAX_JOBS}"
        problem = Problem(field="prompt", rule=rule, fix=Fix("take some away, or use a ", Command("batch"), " cell"))
        raise OptionError("too many jobs", problems=(problem,))
    grid = [dict(zip(form.grid, chosen, strict=True)) for chosen in itertools.product(*form.grid.values())]
    filled = [text for prompt in prompts for text in (expand_choices(prompt) if form.wildcards else [prompt])]
    return [form.with_values(prompt, **values) for prompt in filled for values in grid]
