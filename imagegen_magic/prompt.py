"""From the text of a cell to the prompt that is sent: variables, labelled fields, use cases, roles.

The body alone is sent as typed. Only fields that the user asked for add lines, and `--show-prompt` shows them.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from .errors import OptionError, Problem

__all__ = [
    "FIELD_LABELS",
    "UseCase",
    "compose_prompt",
    "fill_variables",
    "hard_subject_words",
    "lift_variables",
    "load_use_cases",
    "prompt_slug",
    "restore_variables",
]

FIELD_LABELS: dict[str, str] = {
    "use_case": "Use case",
    "scene": "Scene",
    "subject": "Subject",
    "style": "Style",
    "composition": "Composition",
    "lighting": "Lighting",
    "palette": "Palette",
    "materials": "Materials",
    "text": "Text, verbatim",
    "constraints": "Constraints",
    "avoid": "Avoid",
}
"""Prompt fields in the order of their lines, with the label that each line carries."""

_VARIABLE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_MARK = re.compile("\x02(\\d+)\x03")


@dataclass(frozen=True, slots=True, kw_only=True)
class UseCase:
    """One use-case slug: when to take it, tips, and flags to start from."""

    slug: str
    kind: str
    when: str
    tips: tuple[str, ...]
    template: str


@cache
def load_use_cases() -> dict[str, UseCase]:
    """Every use case by its slug."""
    import tomllib  # noqa: PLC0415 - loading the extension stays light
    from importlib.resources import files  # noqa: PLC0415 - the same

    data = tomllib.loads(files("imagegen_magic").joinpath("use_cases.toml").read_text(encoding="utf-8"))
    return {
        slug: UseCase(slug=slug, kind=kind, when=entry["when"], tips=tuple(entry["tips"]), template=entry["template"])
        for kind, entries in data.items()
        for slug, entry in entries.items()
    }


def fill_variables(text: str, variables: Mapping[str, object]) -> str:
    """`text` with every `{{ expr }}` replaced by the expression's value; all other braces stay.

    Raises:
        OptionError: an expression fails; one problem each, with near names for an undefined one.
    """
    lifted, values = lift_variables(text, variables)
    return str(restore_variables(lifted, values)) if values else text


def lift_variables(text: str, variables: Mapping[str, object]) -> tuple[str, tuple[object, ...]]:
    """`text` with a one-word mark in place of every `{{ expr }}`, and the values in their order.

    A magic line is split into words between this and `restore_variables`, so that a value may hold spaces
    and quotes, or be an object that is not text at all (a picture, an array).

    Raises:
        OptionError: as `fill_variables`.
    """
    problems: list[Problem] = []
    values: list[object] = []

    def lift(match: re.Match[str]) -> str:
        expression = match[1].strip()
        try:
            # The expression is the user's own code, from the user's own cell.
            values.append(eval(expression, dict(variables)))  # noqa: S307
        except Exception as error:  # noqa: BLE001 - whatever the user's expression raises is a problem to show
            problems.append(_variable_problem(expression, error, variables))
        return f"\x02{len(values) - 1}\x03"

    lifted = _VARIABLE.sub(lift, text)
    if problems:
        raise OptionError("the {{ }} variables could not be filled in", problems=tuple(problems))
    return lifted, tuple(values)


def restore_variables(text: str, values: Sequence[object]) -> object:
    """`text` with its marks replaced: the value itself where a mark is the whole text, its `str` otherwise."""
    whole = _MARK.fullmatch(text)
    if whole:
        return values[int(whole[1])]
    return _MARK.sub(lambda mark: str(values[int(mark[1])]), text)


def _variable_problem(expression: str, error: Exception, variables: Mapping[str, object]) -> Problem:
    if isinstance(error, (NameError, KeyError)) and expression.split(".", maxsplit=1)[0].isidentifier():
        near = difflib.get_close_matches(expression.split(".", maxsplit=1)[0], list(variables), n=3, cutoff=0.7)
        known = [name for name in near if not name.startswith("_")]
        fix = (
            f"did you mean {' or '.join(known)}?"
            if known
            else "define it in a cell above, or pass --raw to send braces as they are"
        )
        return Problem(field="{{ " + expression + " }}", rule="this name is not defined", fix=fix)
    return Problem(
        field="{{ " + expression + " }}",
        rule=f"{type(error).__name__}: {error}",
        fix="correct the expression, or pass --raw",
    )


def compose_prompt(
    body: str,
    fields: Mapping[str, object],
    *,
    roles: Sequence[str] = (),
    keep: Sequence[str] = (),
    clauses: Sequence[str] = (),
) -> str:
    """The prompt to send: the body as typed where nothing else is given, labelled lines otherwise.

    `roles` are the input images' roles in order (empty strings allowed); `keep` what must not change;
    `clauses` whole paragraphs to append (the chroma-key backdrop).
    """
    lines = [line for name in FIELD_LABELS if name in fields for line in _field_lines(name, fields[name])]
    lines += _role_lines(roles)
    lines += [f"Change only what is asked for; keep unchanged: {'; '.join(keep)}"] if keep else []
    if not lines:
        return "\n\n".join([body, *clauses]) if clauses else body
    first = [f"{FIELD_LABELS['use_case']}: {fields['use_case']}"] if fields.get("use_case") else []
    rest = [line for line in lines if line not in first]
    return "\n".join([*first, f"Request: {body.strip()}", *rest, *(f"\n{clause}" for clause in clauses)])


def _field_lines(name: str, value: object) -> list[str]:
    label = FIELD_LABELS[name]
    if value in (None, "", ()):
        return []
    if name == "text":
        texts = [value] if isinstance(value, str) else list(value) if isinstance(value, Iterable) else [str(value)]
        return [f'{label}: "{text}"' for text in texts]
    return [f"{label}: {value}"]


def _role_lines(roles: Sequence[str]) -> list[str]:
    """`Image 1: target` and so on, only where a role was given."""
    return [f"Image {number}: {role}" for number, role in enumerate(roles, 1) if role] if any(roles) else []


_HARD_WORDS: dict[str, tuple[str, ...]] = {
    "hair, fur or feathers": (
        "hair",
        "hairy",
        "fur",
        "furry",
        "feather",
        "feathers",
        "fluffy",
        "beard",
        "mane",
        "whiskers",
        "fuzzy",
    ),
    "smoke or vapour": (
        "smoke",
        "smoky",
        "steam",
        "fog",
        "mist",
        "cloud",
        "clouds",
        "vapor",
        "vapour",
        "flame",
        "flames",
        "fire",
    ),
    "glass or liquid": (
        "glass",
        "crystal",
        "bottle",
        "liquid",
        "water",
        "splash",
        "bubble",
        "bubbles",
        "ice",
        "jar",
        "lens",
        "wine",
    ),
    "a translucent thing": (
        "translucent",
        "transparent",
        "veil",
        "lace",
        "gauze",
        "tulle",
        "x-ray",
        "hologram",
        "ghost",
        "jelly",
    ),
    "a reflective thing": ("chrome", "mirror", "reflective", "metallic", "shiny", "glossy", "polished", "reflection"),
    "a soft shadow": ("shadow", "shadows", "glow", "glowing", "halo", "bokeh", "blur", "blurred"),
}


def hard_subject_words(prompt: str) -> list[tuple[str, str]]:
    """(word, kind) for every word that names something a single chroma key extracts badly."""
    words = set(_words(prompt))
    return [(word, kind) for kind, names in _HARD_WORDS.items() for word in names if word in words]


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z][a-z-]*", text.lower())


def prompt_slug(prompt: str, limit: int = 40) -> str:
    """A short name made of the prompt's first words: lower-case ASCII letters, digits and dashes; never empty."""
    words = re.findall(r"[a-z0-9]+", prompt.lower())
    skipped = [word for word in words if word not in ("a", "an", "the", "of", "with", "and", "on", "in")]
    slug = ""
    for word in skipped or words:
        longer = f"{slug}-{word}" if slug else word
        if len(longer) > limit:
            break
        slug = longer
    return slug or "image"
