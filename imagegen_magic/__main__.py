"""`python -m imagegen_magic`: the command line."""

from __future__ import annotations

from imagegen_magic.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
