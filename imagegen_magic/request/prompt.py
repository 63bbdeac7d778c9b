"""From the text of a cell to the prompt that is sent: variables, labelled fields, use cases, roles.

The body alone is sent as typed. Only fields that the user asked for add lines, and `--show-prompt` shows them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from imagegen_magic.facts.words import hard_subjects, prompt_fields

__all__ = [
    "blank_rule",
    "compose_prompt",
    "hard_subject_words",
    "prompt_slug",
]


_UNSEEN = ("Cc", "Cf", "Mn", "Me", "Zl", "Zp", "Zs")
"""Categories of characters that show nothing by themselves: blanks, controls, zero-width ones, marks without a letter."""
_FILLERS = "\u115f\u1160\u2800\u3164\uffa0"
"""Letters by their category that show nothing: fillers of Hangul, the empty Braille cell."""
_MISSING = frozenset({"nan", "none", "null", "nat", "n/a", "#n/a", "<na>", "undefined"})
_SEPARATORS = frozenset(".\u2026-\u2013\u2014_=*~|+:#?\"'`")
"""What lines that stand between others, or in place of a text, are made of: `...`, `---`, `|---|`, `====`."""


def blank_rule(prompt: str) -> str | None:
    """Why a prompt names nothing that could be drawn; None for one that does.

    >>> blank_rule("\u200b "), blank_rule("nan"), blank_rule("a mug")
    ('the prompt is empty', 'this is how a missing value reads as text', None)
    """
    seen = "".join(c for c in prompt if unicodedata.category(c) not in _UNSEEN and c not in _FILLERS)
    if _SEPARATORS.issuperset(seen):
        return "the prompt is empty"
    return "this is how a missing value reads as text" if prompt.strip().lower() in _MISSING else None


def compose_prompt(
    body: str,
    fields: Mapping[str, object],
    *,
    roles: Sequence[str] = (),
    keep: Sequence[str] = (),
    clauses: Sequence[str] = (),
) -> str:
    """The prompt to send: the body as typed if nothing else is given, labelled lines otherwise.

    `roles` are the input images' roles in order (empty strings allowed); `keep` what must not change;
    `clauses` whole paragraphs to append (the chroma-key backdrop).
    """
    lines = [line for name in prompt_fields() if name in fields for line in _field_lines(name, fields[name])]
    lines += _role_lines(roles)
    lines += [f"Change only what is asked for; keep unchanged: {'; '.join(keep)}"] if keep else []
    if not lines:
        return "\n\n".join([body, *clauses]) if clauses else body
    first = [f"{prompt_fields()['use_case']}: {fields['use_case']}"] if fields.get("use_case") else []
    rest = [line for line in lines if line not in first]
    return "\n".join([*first, f"Request: {body.strip()}", *rest, *(f"\n{clause}" for clause in clauses)])


def _field_lines(name: str, value: object) -> list[str]:
    label = prompt_fields()[name]
    if value in (None, "", ()):
        return []
    if name == "text":
        texts = [value] if isinstance(value, str) else list(value) if isinstance(value, Iterable) else [str(value)]
        return [f'{label}: "{text}"' for text in texts]
    return [f"{label}: {value}"]


def _role_lines(roles: Sequence[str]) -> list[str]:
    """`Image 1: target` and so on, only if a role was given."""
    return [f"Image {number}: {role}" for number, role in enumerate(roles, 1) if role] if any(roles) else []


def hard_subject_words(prompt: str) -> list[tuple[str, str]]:
    """(word, kind) for every word that names something a single chroma key extracts badly."""
    words = set(_words(prompt))
    return [(word, kind) for kind, names in hard_subjects().items() for word in names if word in words]


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z][a-z-]*", text.lower())


MAX_SLUG_WORD = 20
"""Characters of one word of a file name: scripts without blanks write a sentence as one."""


def _plain_letter(letter: str) -> str:
    """A Latin letter without its accent, an emoji's name, anything else as it is."""
    if unicodedata.category(letter) == "So":
        return f" {unicodedata.name(letter, '')} "
    bare = unicodedata.normalize("NFKD", letter)[0]
    return bare if bare.isascii() else letter


def prompt_slug(prompt: str, limit: int = 40) -> str:
    """A short name made of the prompt's first words, in lower case with dashes; never empty.

    Latin letters lose their accents, other scripts stay as they are, and an emoji gives its name.

    >>> prompt_slug("Une crème brûlée 🦊"), prompt_slug("雪地里的狐狸")
    ('une-creme-brulee-fox-face', '雪地里的狐狸')
    """
    plain = "".join(_plain_letter(letter) for letter in unicodedata.normalize("NFKC", prompt))
    words = [word[:MAX_SLUG_WORD] for word in re.findall(r"[^\W_]+", plain.lower())]
    skipped = [word for word in words if word not in ("a", "an", "the", "of", "with", "and", "on", "in")]
    slug = ""
    for word in skipped or words:
        longer = f"{slug}-{word}" if slug else word
        if len(longer) > limit:
            break
        slug = longer
    return slug or "image"
