"""The simulator's certificate chain as files."""

from __future__ import annotations

from imagegen_magic.simulator.credentials import make_chain


def write_chain(folder, organisation="Test Studio"):
    """(chain, key, root) as PEM files in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    made = make_chain(organisation)
    files = {"chain.pem": made.chain, "key.pem": made.key, "root.pem": made.root}
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return tuple(folder / name for name in files)
