"""The site: pages of this folder, with what is made from the package itself written first."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from made import make_all  # noqa: E402 - after the path

import imagegen_magic  # noqa: E402 - after the path

for name in [name for name in os.environ if name.startswith(("IMAGEGEN_", "OPENAI_", "JPY_"))]:
    del os.environ[name]  # the pages are the same on every machine
os.environ["IMAGEGEN_BACKEND"] = "simulator"
profile = tempfile.TemporaryDirectory()  # kernels without a person's own startup files, and quiet
settings = Path(profile.name) / "profile_default" / "ipython_kernel_config.py"
settings.parent.mkdir()
settings.write_text("c.IPKernelApp.log_level = 40", encoding="utf-8")
os.environ["IPYTHONDIR"] = profile.name
make_all(HERE)

project = "imagegen_magic"
author = "The imagegen_magic authors"
copyright = f"2026, {author}"  # noqa: A001 - Sphinx's name
release = version = imagegen_magic.__version__
REPOSITORY = "https://github.com/imagegen-magic/imagegen_magic"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_design",
    "sphinx_copybutton",
    "made.mathml",
]
html_math_renderer = "mathml"
exclude_patterns = ["made", "measured", "README.md"]
suppress_warnings = [
    "misc.highlighting_failure",  # a %%imagegen cell is prose, not Python
    "ref.python",  # `bytes` is the built-in, whatever property has that name too
]

myst_enable_extensions = ["attrs_block", "attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_dmath_allow_digits = myst_dmath_allow_space = False  # "$0.03 to $0.06" is money
myst_heading_anchors = 3
myst_url_schemes = {"http": None, "https": None, "source": {"url": REPOSITORY + "/blob/main/{{path}}"}}

# Cells of the pages run on the simulator at each build; the notebooks come with their outputs.
nb_execution_mode = "force"
nb_execution_excludepatterns = ["gallery/*"]
nb_execution_in_temp = True
nb_execution_cache_path = str(HERE.parent / "build" / "jupyter-cache")
nb_execution_timeout = 60
nb_execution_raise_on_error = False  # a warning, which names the cell, and fails the build
nb_execution_show_tb = True
nb_merge_streams = True

default_role = "code"  # docstrings are written with single backticks
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 80
napoleon_numpy_docstring = False

smartquotes = False  # `--flag` keeps its dashes
html_theme = "furo"
html_title = f"imagegen_magic {release}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
copybutton_exclude = ".linenos, .gp"
html_theme_options = {
    "source_repository": REPOSITORY,
    "source_branch": "main",
    "source_directory": "docs/",
    "top_of_page_buttons": [],
    "light_css_variables": {"color-brand-primary": "#0b6e4f", "color-brand-content": "#0b6e4f", "color-brand-visited": "#0b6e4f"},
    "dark_css_variables": {"color-brand-primary": "#5fd3a7", "color-brand-content": "#5fd3a7", "color-brand-visited": "#5fd3a7"},
}  # fmt: skip


def whole_sentence(app: Any, what: str, name: str, item: Any, options: Any, lines: list[str]) -> None:
    """Undoes what Napoleon makes of an attribute's docstring with a colon, "The number: `@17`": a type and a text."""
    if what in ("attribute", "property", "data") and lines and (mark := re.match(r":type: (.*)", lines[-1])):
        del lines[-2:]
        lines[0] = f"{mark[1]}: {lines[0]}"


def as_written() -> None:
    """Takes away the signatures that name every option, which a kernel's Tab wants: options have a page of their own."""
    names = (
        "generate",
        "edit",
        "edit_animation",
        "preview",
        "preview_batch",
        "run_batch",
        "sprites",
        "start",
        "start_sprites",
    )
    for name in names:
        vars(getattr(imagegen_magic, name)).pop("__signature__", None)


def setup(app: Any) -> None:
    """Captions link the file beside the notebook, which a site does not have: its name stays, the link goes."""
    as_written()
    app.connect("autodoc-process-docstring", whole_sentence, priority=600)  # after Napoleon
    link = re.compile(r'<a href="output/[^"]*"[^>]*>(.*?)</a>')

    def unlink(app: Any, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
        if "body" in context:
            context["body"] = link.sub(r"\1", context["body"])

    app.connect("html-page-context", unlink)
