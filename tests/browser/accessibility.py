"""axe-core over a part of the page."""

from __future__ import annotations

from pathlib import Path

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"


def serious_findings(page, scope):
    """What axe-core finds in a part of the page and calls serious or critical, a line each."""
    assert AXE.is_file(), "npm install --prefix tests/browser brings axe-core"
    if not page.evaluate("() => 'axe' in window"):
        page.add_script_tag(path=str(AXE))
    found = page.evaluate("scope => axe.run(scope, {resultTypes: ['violations']})", scope)["violations"]
    return [
        f"{v['id']} ({v['impact']}): {v['help']} — {[n['target'] for n in v['nodes']][:4]} {v['nodes'][0]['failureSummary'][:200]}"
        for v in found
        if v["impact"] in ("serious", "critical")
    ]
