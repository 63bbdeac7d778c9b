"""Other names of the commands: those that they have in a notebook, and words that people try."""

from __future__ import annotations

__all__ = ["MEANT", "NOTEBOOK_NAMES", "NOTEBOOK_ONLY"]

NOTEBOOK_NAMES = {"cutout": "remove-chroma-key", "batch": "generate-batch"}
"""Commands that have another name here than in a notebook."""
NOTEBOOK_ONLY = frozenset({"profile", "show", "recall", "lineage", "compare", "jobs", "why", "panel"})
"""Commands that there are not here."""
MEANT = {
    **NOTEBOOK_NAMES, "cut": "remove-chroma-key", "make": "generate", "create": "generate", "run": "generate",
    "show": "history", "list": "history", "costs": "cost", "serve": "simulate",
}  # fmt: skip
"""Words that people try, each with the command that does it."""
