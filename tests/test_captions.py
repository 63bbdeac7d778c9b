"""What stands below a picture: notes, warnings, and the cells that a failed cut-out offers."""

from __future__ import annotations

import re

import pytest

from imagegen_magic.images.preview import contact_sheet
from imagegen_magic.jobs.captions import caption_html, caption_text


def test_a_minimal_caption_keeps_warnings(session):
    """What went wrong is never left out; what was decided on the way is."""
    result = session.generate("a red apple", size="2:3", transparent=True, key_color="red")
    short, long = (caption_text(result.caption_facts(minimal=minimal)) for minimal in (True, False))
    assert "did not pass its checks" in short
    assert "backdrop" not in short.split("\n")[0]
    assert len(long) > len(short)
    assert "--size 2:3 is" not in long  # the caption's first line has the size


def test_a_failed_cutout_offers_cells(session, simulator):
    """The offers are lines to run, for this very cell; none was sent by itself."""
    result = session.generate("a red apple", name="apple", size="1024x1024", transparent=True, key_color="red")
    head, *offers = result.warnings[-1].split("\n")
    assert "has the key's colour" in head
    lines = [line.strip() for line in offers if "%%" in line]
    assert lines[0] == '%%imagegen apple --size 1024x1024 --transparent chroma --key-color "#00ff00"'
    assert "--transparent difference" in lines[1]
    assert "--transparent native --model" in lines[2]
    assert len(simulator.record) == 1
    assert "<pre" in caption_html(result.caption_facts(minimal=True))


def test_a_sheet_leaves_few_places_empty(session):
    """Three pictures stand in a row, four in a square, five in three columns."""
    paths = [session.generate("a mug", size="1024x1024", quality="low").path] * 5
    shapes = [contact_sheet(paths[:n], labels="abcde", max_edge=600) for n in (1, 3, 4, 5)]
    assert [round(sheet.width / sheet.height) for sheet in shapes] == [1, 3, 1, 2]


@pytest.mark.parametrize(
    ("notebook", "link"),
    [("trips/paris.ipynb", "output/imagegen/a_mug.png"), ("paris.ipynb", "trips/output/imagegen/a_mug.png"),
     ("gone/paris.ipynb", None), ("trips/console-1", None), ("", None)],
)  # fmt: skip
def test_links_after_a_change_of_folder(session, folder, monkeypatch, notebook, link):
    """A link is relative to the notebook if Jupyter names it, wherever the kernel has gone since; else to the working folder."""
    (folder / "trips").mkdir()
    (folder / "elsewhere").mkdir()
    monkeypatch.setenv("JPY_SESSION_NAME", str(folder / notebook) if notebook else "")
    result = session.generate("a mug", quality="low", out_dir=str(folder / "trips/output/imagegen"), name="a_mug")
    monkeypatch.chdir(folder / "elsewhere")
    found = re.findall(r'href="([^"]*)"', result.display_items()[0][0]["text/html"])
    assert found[:1] == ([link] if link else [])
