"""The format that a file name asks for: `hero.jpg` is a JPEG."""

from __future__ import annotations

from pathlib import PurePath

from imagegen_magic.errors import Fix, Problem, Setting

from .options import Options

__all__ = ["FORMATS", "format_of", "out_problems", "with_format_of_name"]

FORMATS = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp", ".gif": "gif", ".svg": "svg"}

OTHER_FORMATS = frozenset({".avif", ".bmp", ".eps", ".heic", ".heif", ".ico", ".jp2", ".pdf", ".psd", ".tif", ".tiff"})


def format_of(name: str | None) -> str | None:
    """The format that a file name asks for by its suffix, or None.

    >>> format_of("hero.JPG")
    'jpeg'
    """
    return FORMATS.get(PurePath(name or "").suffix.lower())


def with_format_of_name(options: Options) -> Options:
    """The options with the format that the name of `out` asks for, if the line gave none."""
    form = format_of(options.out)
    if form is None or options.origins["output_format"] == "line":
        return options
    return options.changed("the name of out", output_format=form)


def out_problems(name: str | None, given: str | None, where: str = "") -> list[Problem]:
    """A fault if a file name contradicts the format that was given.

    >>> out_problems("hero.jpg", "png")[0].fix
    '--out hero.png, or --output-format jpeg'
    """
    form = format_of(name)
    suffix = PurePath(str(name or "")).suffix.lower()
    if suffix in OTHER_FORMATS:
        png = Fix(Setting("--out", PurePath(str(name)).with_suffix(".png").as_posix()))
        return [Problem(field="out", value=name, rule=f"the API makes no {suffix} files", fix=png, where=where)]
    if form is None or given is None or form == given or given not in FORMATS.values():
        return []
    rule = f"{given} data would stand in a file that is called {suffix}"
    other = PurePath(str(name)).with_suffix("." + given).as_posix()
    fix = Fix(Setting("--out", other), ", or ", Setting("--output-format", form))
    return [Problem(field="out", value=name, rule=rule, fix=fix, where=where)]
