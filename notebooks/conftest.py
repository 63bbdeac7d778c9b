"""For `pytest --nbval notebooks`: no key and no setting of the machine reaches a notebook's kernel."""

from __future__ import annotations

import os

for name in list(os.environ):
    if name.startswith(("IMAGEGEN_", "OPENAI_")):
        del os.environ[name]
