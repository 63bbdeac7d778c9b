"""Checks the links of the built site: every page, file and anchor of its own that a page names is there.

    python docs/made/links.py site

Links to elsewhere are not fetched: only their form is checked.
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """The links and anchors of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            if name == "id" and value:
                self.anchors.add(value)
            elif name in ("href", "src") and value:
                self.links.add(value)


def faults(site: Path) -> list[str]:
    """What is wrong with the links of the site, a line each."""
    pages = {path.resolve(): Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    found = []
    for path, page in pages.items():
        for link in sorted(page.links):
            reason = _fault(path, link, pages)
            if reason:
                found.append(f"{path.relative_to(site.resolve())}: {link}: {reason}")
    return found


def _fault(path: Path, link: str, pages: dict[Path, Page]) -> str:
    parts = urlsplit(link)
    if parts.scheme in ("data", "mailto"):
        return ""
    if parts.scheme or parts.netloc:
        return "" if parts.scheme in ("http", "https") and "." in parts.netloc and " " not in link else "no such form"
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not target.is_file():
        return "no such file"
    if parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
        return "no such anchor"
    return ""


def main() -> int:
    """1 where a link leads nowhere."""
    wrong = faults(Path(sys.argv[1]))
    print("\n".join(wrong) or "every link leads somewhere")  # noqa: T201 - its output
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
