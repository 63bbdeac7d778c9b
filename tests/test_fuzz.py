"""A few hundred damaged inputs of each kind, the same in every run; `benchmarks/fuzz.py` tries thousands."""

from __future__ import annotations

import gzip
import importlib.util
import warnings
from pathlib import Path

import pytest

from imagegen_magic.errors import OptionError
from imagegen_magic.wire.spool_body import decoded

SPEC = importlib.util.spec_from_file_location("fuzz", Path(__file__).parents[1] / "benchmarks" / "fuzz.py")
fuzz = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(fuzz)


@pytest.mark.parametrize(
    ("kind", "count"),
    [("answers", 150), ("lines", 400), ("files", 200), ("images", 150), ("stored", 40), ("containers", 400)],
)
def test_everything_ends_in_an_answer_or_a_card(folder, kind, count):
    """Nothing else escapes, whatever a server, a line, a file or a folder holds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert list(fuzz.run(kind, count, 7, folder)) == []


@pytest.mark.parametrize(
    ("encoding", "pieces", "whole"),
    [
        ("gzip", [b'{"a"', b": 1}"], b'{"a": 1}'),
        ("gzip", [b"{", b'"a": 1}'], b'{"a": 1}'),
        ("gzip", [gzip.compress(b"x" * 99)[:9], gzip.compress(b"x" * 99)[9:]], b"x" * 99),
        ("", [b"\x1f\x8bplain"], b"\x1f\x8bplain"),
    ],
)
def test_a_wrong_content_encoding_loses_nothing(encoding, pieces, whole):
    """Some gateways say gzip and send plain bytes."""
    assert b"".join(decoded(pieces, encoding)) == whole


def test_a_broken_submitted_batch_is_a_card(session, folder):
    """It is not passed over: its jobs could be paid for again."""
    place = folder / "output/imagegen/batches"
    place.mkdir(parents=True)
    (place / "x.json").write_text("[" * 100_000)
    with pytest.raises(OptionError, match="can't be read"):
        session.batches.table()
