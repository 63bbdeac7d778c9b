"""Damaged input of every kind, in process: whatever comes must end in an answer or in one of the package's errors.

    python benchmarks/fuzz.py [--answers 10000] [--lines 10000] [--files 4000] [--images 3000] [--stored 2000]
                              [--containers 5000] [--seed 1]

`answers` are bodies and streams of a server, `lines` magic lines, `files` batch files, `images` input images, `stored`
histories, sidecars, locks, configurations and profiles of a folder that anybody may have written, `containers` image files with
Content Credentials and XMP. Prints one row a kind, with
how many were taken whole (nothing was wrong with them, or it did not matter), and the places from which anything else escaped; ends with 1 if there were any, or if memory grew above the bound.
"""

from __future__ import annotations

import argparse
import base64
import collections
import contextlib
import io
import itertools
import json
import os
import random
import resource
import shlex
import shutil
import sys
import tempfile
import time
import traceback
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from imagegen_magic.batch.grids import parse_grid
from imagegen_magic.batch.rows import expand, read_body, read_source
from imagegen_magic.errors import ImagegenError
from imagegen_magic.facts.catalog import load_catalog
from imagegen_magic.images.masks import build_mask
from imagegen_magic.images.opening import read_input
from imagegen_magic.images.preview import preview, tile
from imagegen_magic.metadata.cbor import MetadataError
from imagegen_magic.metadata.inspection import provenance
from imagegen_magic.metadata.marking import mark_image
from imagegen_magic.metadata.xmp import Mark
from imagegen_magic.options.line import parse_line
from imagegen_magic.options.settings import resolve
from imagegen_magic.options.variables import fill_variables
from imagegen_magic.session import Session
from imagegen_magic.simulator import Response
from imagegen_magic.simulator.credentials import make_chain, signed
from imagegen_magic.store.folder import Store
from imagegen_magic.store.lockfile import lock_of
from imagegen_magic.wire.client import Clients

MARK = Mark(source_type="trainedAlgorithmicMedia", software="fuzz", sources=("ab" * 32,))
MEMORY_BOUND = 1500
"""Megabytes that the process may take at most: the deepest JSON is refused before it is built."""
FLAGS = [
    "--size", "--quality", "-n", "-q", "--output-format", "--background", "--mask-box", "--transparent", "--key-color", "--web",
    "--extra", "--out", "--partials", "--max-cost", "--deadline", "--image", "-r", "--frame-count", "--template", "--profile",
    "--style", "--reuse", "--no-reuse", "--moderation", "--output-compression", "--api-key", "--seed", "--grid", "--from",
]  # fmt: skip
WORDS = [
    "1024x1024", "auto", "", "-1", "1e9", "nan", "inf", "0", "high", "{{ x }}", "{{ 1/0 }}", "{{", "}}", "\x00", "\ud800", "🦊",
    "a" * 9000, "../../etc/passwd", "@last", "@1[9]", "16:9@2k", "3:1@4k", "1:99999", "'", '"', "\\", "--", "=", "x=y", "x=[1",
    "%s", "#ff00ff", "rgb(1,2,3)", "50%,50%,10%,10%", "0,0,0,0", "1,2,3", "CON", "a.png:role", "data:image/png;base64,AAAA",
]  # fmt: skip


def image() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.arange(16 * 16 * 3, dtype=np.uint8).reshape(16, 16, 3)).save(buffer, "PNG")
    return buffer.getvalue()


B64 = base64.b64encode(image()).decode()
USAGE = {
    "input_tokens": 10,
    "output_tokens": 196,
    "total_tokens": 206,
    "input_tokens_details": {"text_tokens": 10, "image_tokens": 0},
}
ODD = [
    None,
    True,
    -1,
    1.5,
    10**400,
    "",
    "x",
    [],
    {},
    [None],
    {"a": {}},
    float("nan"),
    "\ud800",
    B64,
    [B64],
    "Infinity",
    2**63,
    B64[:9],
]


def damaged(data: bytes, chance: random.Random, most: int = 10) -> bytes:
    """Some bytes changed, cut, inserted or taken out, at one to `most` places."""
    out = bytearray(data)
    for _ in range(chance.randint(1, most)):
        place = chance.randrange(len(out)) if out else 0
        kind = chance.random()
        if kind < 0.5 and out:
            out[place] = chance.randrange(256)
        elif kind < 0.65:
            del out[place:]
        elif kind < 0.85:
            out[place:place] = chance.randbytes(chance.randint(1, 8))
        else:
            del out[place : place + chance.randint(1, 40)]
    return bytes(out)


def altered(value: Any, chance: random.Random) -> Any:
    """JSON data with one of its parts replaced by something odd."""
    if isinstance(value, dict) and value and chance.random() < 0.8:
        name = chance.choice(list(value))
        if chance.random() < 0.15:
            return {key: item for key, item in value.items() if key != name}
        return {**value, name: altered(value[name], chance)}
    if isinstance(value, list) and value and chance.random() < 0.8:
        place = chance.randrange(len(value))
        return [*value[:place], altered(value[place], chance), *value[place + 1 :]]
    return chance.choice(ODD)


def nested(depth: int) -> bytes:
    return b'{"data":' + b"[" * depth + b"]" * depth + b"}"


# answers


class Answering:
    """In place of the simulator: gives the answer that it holds."""

    def __init__(self) -> None:
        self.answer = Response(200, {}, [b""])

    def handle(self, request: object, *, timeout: float | None = None) -> Response:
        return self.answer


def body(chance: random.Random) -> Response:
    """A plain answer or an error, of a server that is mad, mean or merely different."""
    whole: dict[str, Any] = {
        "created": 1,
        "data": [{"b64_json": B64}],
        "usage": USAGE,
        "size": "1024x1024",
        "quality": "low",
    }
    error = {"error": {"message": "no", "type": "invalid_request_error", "code": "x", "param": None}}
    status = chance.choice([200] * 6 + [400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 307])
    data = altered(whole if status == 200 else error, chance)
    text = json.dumps(data, default=str).encode("utf-8", "surrogatepass")
    if chance.random() < 0.4:
        text = damaged(text, chance)
    if chance.random() < 0.02:
        text = nested(chance.choice([50, 1000, 40_000, 200_000]))
    headers = {
        "content-type": chance.choice(
            ["application/json", "text/html", "application/json; charset=utf-16", "", "image/png"]
        )
    }
    headers |= {"x-request-id": chance.choice(["req_1", "x" * 5000])}
    if status in (429, 503):
        headers["retry-after"] = chance.choice(["0", "-1", "1e9", "x", "Fri, 31 Dec 99999 23:59:59 GMT", "nan", "0.01"])
    if chance.random() < 0.03:
        headers["content-encoding"] = "gzip"
    return Response(status, headers, _cut(text, chance))


def stream(chance: random.Random) -> Response:
    """Server-sent events with odd fields, orders, line ends and pictures under other names."""
    events: list[dict[str, Any]] = [
        {"type": "image_generation.partial_image", "partial_image_index": 0, "b64_json": B64},
        {"type": "image_generation.completed", "b64_json": B64, "usage": USAGE, "size": "1024x1024"},
        {"type": "error", "error": {"message": "no", "code": "x"}},
        {"type": "response.other", "result": {"image": B64}},
    ]
    chosen = [
        altered(chance.choice(events), chance) if chance.random() < 0.6 else chance.choice(events)
        for _ in range(chance.randint(0, 4))
    ]
    end = chance.choice(["\n", "\r\n", "\r"])
    text = "".join(
        f"event: {chance.choice(['x', 'error', 'image_generation.completed'])}{end}data: {json.dumps(event, default=str)}{end}{end}"
        for event in chosen
    ).encode("utf-8", "surrogatepass")
    if chance.random() < 0.3:
        text = damaged(text, chance)
    return Response(200, {"content-type": "text/event-stream"}, _cut(text, chance))


def _cut(text: bytes, chance: random.Random) -> list[bytes]:
    step = chance.choice([1 << 20, 1 << 20, 997])
    return [text[i : i + step] for i in range(0, len(text), step)] or [b""]


def answers(chance: random.Random, folder: Path) -> Callable[[int], None]:
    stub = Answering()
    place = {"out_dir": str(folder / "out")}
    session = Session(
        defaults=lambda: {"backend": "simulator", "retries": 0, "deadline": 5, **place},
        clients=Clients(simulator=stub),  # type: ignore[arg-type]
    )

    def one(number: int) -> None:
        streamed = number % 2 == 1
        place["out_dir"] = str(folder / f"out{number // 100}")  # each plan reads the folder's history: it stays short
        stub.answer = stream(chance) if streamed and chance.random() < 0.9 else body(chance)
        session.generate("a mug", size="1024x1024", quality="low", **({"partial_images": 1} if streamed else {}))

    return one


# lines, files, images, what is stored


GOOD_LINES = [
    ("generate", "hero --size 1024x1024 --quality low -n 2"),
    (
        "generate",
        "--model gpt-image-2.5-sunburst --size 16:9@2k --quality xhigh --output-format webp --output-compression 80",
    ),
    ("generate", "--transparent --key-color #ff00ff --use-case logo-brand --style 'flat art' --palette 'red, gold'"),
    (
        "generate",
        "--model gpt-image-2.6-sunburst --output-format gif --frame-count 9 --frame-duration-ms 100 --size 384x384",
    ),
    ("generate", "poster --text SALE --font bold --layout centred --avoid people --template 'A poster of {prompt}'"),
    ("generate", "--out pages/{slug}-{i}.jpg --if-exists version --web 512 --alt 'a mug' --max-cost 0.50"),
    (
        "generate",
        "--reuse --partials 1 --timeout 60 --deadline 120 --retries 2 --retry-ambiguous 1 --session-max-cost 5",
    ),
    ("generate", "--ref a.png:style --ref @hero --ref photo --size 1024x1024"),
    ("edit", "-i a.png --mask-box 10%,10%,50%,50% --protect --quality low"),
    ("edit", "-i a.png:photo -i photo:coat --keep pose --keep face --input-fidelity high --model gpt-image-1.5"),
    ("edit", "-i a.png --mask mask.png --size 1024x1024 --background opaque --moderation low"),
    ("edit", "-i photo --markup drawn.png --model gpt-image-2.6-sunburst --complexity low"),
    ("batch", "--grid style=flat,photo --grid size=square,wide --concurrency 4 --ipm 20 --max-cost 2"),
    ("batch", "--from jobs.jsonl --skip-invalid --fail-fast --via direct --wildcards"),
]
"""Lines that ask for something, of every group of options."""
PROMPTS = ["A red mug.", "a {{ x }} mug", "A poster.\n\nText: SALE", "ein Becher, 赤いマグ 🦊", "--style flat\nA mug."]
BAD_PROMPTS = [
    "",
    " \n ",
    "\x00",
    "é" * 40_000,
    "{{",
    "{{ 1/0 }}",
    "{{ missing }}",
    "\ud800",
    "<script>",
    "sk-" + "a" * 40,
]


def changed_line(words: list[str], chance: random.Random) -> list[str]:
    """A line with one thing changed: a value, a flag, a letter, the order, something left out or said twice."""
    out, place = list(words), chance.randrange(len(words))
    kind = chance.randrange(8)
    if kind <= 2:
        out[place] = chance.choice(WORDS) if not out[place].startswith("--") or kind else chance.choice(FLAGS)
    elif kind == 3:
        out[place] = damaged(out[place].encode("utf-8", "surrogatepass"), chance).decode("utf-8", "replace")
    elif kind == 4:
        del out[place]
    elif kind == 5:
        out += [out[place], chance.choice(WORDS)]
    elif kind == 6:
        out[place:place] = [chance.choice(FLAGS), chance.choice(WORDS)]
    else:
        chance.shuffle(out)
    return out


def lines(chance: random.Random, folder: Path) -> Callable[[int], None]:
    """Good lines with one or two things changed, planned whole against files and variables that are there."""
    home = folder / "lines"
    home.mkdir()
    colours = Image.fromarray(np.linspace(0, 255, 1024 * 1024 * 3).reshape(1024, 1024, 3).astype(np.uint8))
    clear = colours.convert("RGBA")
    clear.paste((0, 0, 0, 0), (100, 100, 500, 500))
    for name in ("a.png", "mask.png", "drawn.png"):
        (colours if name == "a.png" else clear).save(home / name)
    (home / "jobs.jsonl").write_text('{"prompt": "a mug"}\n{"prompt": "a cup", "n": 2}\n')
    os.chdir(home)
    session = Session(
        defaults=lambda: {"backend": "simulator", "out_dir": str(home / "out")},
        clients=Clients(simulator=Answering()),  # type: ignore[arg-type]
    )
    variables = {"x": 5, "photo": colours.resize((256, 256)), "df": [1, 2], "bad": object()}

    def one(number: int) -> None:
        command, text = chance.choice(GOOD_LINES)
        words = shlex.split(text)
        for _ in range(chance.choice([0, 1, 1, 1, 2, 3])):
            words = changed_line(words, chance) if words else words
        line = " ".join(map(shlex.quote, words)) if chance.random() < 0.8 else " ".join(words)
        parsed = parse_line(line, command, variables=variables)
        prompt = chance.choice(PROMPTS if chance.random() < 0.8 else BAD_PROMPTS)
        if command == "batch":
            values = {name: value for name, value in parsed.values.items() if name not in ("source", "grid")}
            rows = expand(
                read_body(prompt),
                wildcards=bool(values.get("wildcards")),
                grid=parse_grid(parsed.values.get("grid")),
            )
            session.batches.plan(rows, values, name=parsed.name, variables=variables)
            return
        job = session.plan(fill_variables(prompt, variables), parsed.values, command=command, name=parsed.name, problems=parsed.problems,
                           variables=variables)  # fmt: skip
        str(session.preview_of(job).table())
        session.clients.get(job.options).arguments(job.request)

    return one


def files(chance: random.Random, folder: Path) -> Callable[[int], None]:
    rows = [
        {"prompt": "a mug", "n": 2, "size": "square", "fields": {"style": "flat"}},
        {"prompt": "b", "image": "a.png"},
    ]
    seeds = [
        ("x.jsonl", "\n".join(map(json.dumps, rows))), ("x.csv", 'prompt,n\na mug,2\n"b",\n'), ("x.txt", 'a\n# b\n{"prompt": "c"}\n'),
    ]  # fmt: skip
    session = Session(
        defaults=lambda: {"backend": "simulator", "out_dir": str(folder / "files")},
        clients=Clients(simulator=Answering()),
    )  # type: ignore[arg-type]

    def one(number: int) -> None:
        name, text = chance.choice(seeds)
        data = damaged(text.encode(), chance)
        if name == "x.jsonl" and chance.random() < 0.5:
            data = json.dumps(altered(rows[0], chance), default=str).encode("utf-8", "surrogatepass")
        if chance.random() < 0.01:
            data = b'{"prompt": "a", "extra": ' + b"[" * 100_000 + b"}"
        path = folder / name
        path.write_bytes(data)
        session.batches.plan(read_source(path), {"skip_invalid": True})

    return one


IMAGE_FORMS = (
    "PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP", "PPM", "ICO", "TGA", "JPEG2000", "AVIF", "DDS", "SGI", "PCX", "QOI", "EPS",
)  # fmt: skip


def good_images() -> list[bytes]:
    """Small images of every kind that people have: forms, modes, EXIF orientations, profiles, animations, text chunks."""
    pixels = np.linspace(0, 255, 48 * 64 * 3).reshape(48, 64, 3).astype(np.uint8)
    colours = Image.fromarray(pixels)
    texts = PngInfo()
    texts.add_itxt("prompt", "a mug")
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    kinds: list[tuple[Image.Image, str, dict[str, Any]]] = [(colours, form, {}) for form in IMAGE_FORMS]
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        kinds += [(colours, form, {"exif": exif.tobytes()}) for form in ("JPEG", "PNG", "WEBP")]
    kinds += [(colours.convert(mode), "PNG", {}) for mode in ("1", "L", "LA", "P", "RGBA", "I;16")]
    kinds += [(colours.convert(mode), "TIFF", {"compression": "tiff_lzw"}) for mode in ("CMYK", "LAB", "RGBA")]
    kinds += [
        (colours.convert("CMYK"), "JPEG", {}),
        (colours, "JPEG", {"progressive": True}),
        (colours, "WEBP", {"lossless": True}),
    ]
    kinds += [(colours, form, {"icc_profile": profile}) for form in ("PNG", "JPEG", "WEBP")]
    kinds += [
        (colours, form, {"save_all": True, "append_images": [colours.rotate(180)]})
        for form in ("GIF", "PNG", "WEBP", "TIFF")
    ]
    kinds += [(colours, "PNG", {"pnginfo": texts})]
    out = []
    for image, form, how in kinds:
        buffer = io.BytesIO()
        image.save(buffer, form, **how)
        out.append(buffer.getvalue())
    return out


def changed_image(data: bytes, chance: random.Random) -> bytes:
    """An image with one thing changed, past the signature: one byte, a length, one chunk; else damaged anywhere."""
    kind = chance.randrange(6)
    if data.startswith(b"\x89PNG") and kind <= 2:
        return _changed_png(data, chance)
    out = bytearray(data)
    place = chance.randrange(min(8, len(out) - 1), len(out))
    if kind == 3:
        out[place] ^= 1 << chance.randrange(8)
    elif kind == 4:
        out[place : place + 4] = chance.choice([b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff", b"\x00\x00\xff\xff"])
    elif kind == 5:
        return damaged(data, chance)
    else:
        del out[place : place + chance.randint(1, 200)]
    return bytes(out)


def _changed_png(data: bytes, chance: random.Random) -> bytes:
    """A PNG with one chunk changed, moved, doubled or left out, its checksum right again: decoders read on."""
    chunks, place = [], 8
    while place < len(data):
        size = int.from_bytes(data[place : place + 4])
        chunks.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + size]))
        place += size + 12
    number = chance.randrange(len(chunks))
    name, content = chunks[number]
    kind = chance.randrange(5)
    if kind <= 1 and content:
        changed = bytearray(content)
        changed[chance.randrange(len(changed))] = chance.choice([0, 1, 2, 3, 6, 8, 16, 127, 255])
        chunks[number] = (name, bytes(changed))
    elif kind == 2:
        del chunks[number]
    elif kind == 3:
        chunks.insert(chance.randrange(len(chunks)), chunks[number])
    else:
        chunks[number] = (name, content[: len(content) // 2])
    body = (len(c).to_bytes(4) + n + c + zlib.crc32(n + c).to_bytes(4) for n, c in chunks)
    return data[:8] + b"".join(body)


def images(chance: random.Random, folder: Path) -> Callable[[int], None]:
    """Good images with one thing changed, read as inputs, previews, masks and stored results."""
    seeds = good_images()
    target, path = read_input(seeds[0]), folder / "x.png"
    readers: itertools.cycle[Callable[[bytes], object]] = itertools.cycle(
        [
            read_input,
            lambda data: preview(path),
            lambda data: tile(path, 64),
            lambda data: build_mask(target, source=data),
            lambda data: provenance(path),
        ]
    )

    def one(number: int) -> None:
        data = changed_image(chance.choice(seeds), chance)
        path.write_bytes(data)
        next(readers)(data)

    return one


def stored(chance: random.Random, folder: Path) -> Callable[[int], None]:
    home = folder / "stored"
    out = home / "output/imagegen"
    made = Session(defaults=lambda: {"backend": "simulator", "out_dir": str(out)}).generate(
        "a mug", size="1024x1024", quality="low"
    )
    lock = lock_of(Store(out)).to_json().encode()
    history = (out / "history.jsonl").read_bytes()
    sidecar = made.path.with_name(made.path.name + ".json").read_bytes()
    project = b'[tool.imagegen_magic]\nquality = "low"\n[tool.imagegen_magic.profiles.a]\nstyle = "x"\nn = 2\n'
    models = b'default = "m"\n[[model]]\nid = "m"\nlike = "gpt-image-2"\nprices = { text_input = 5 }\n'

    def changed(data: bytes) -> bytes:
        if data[:1] == b"{" and chance.random() < 0.5:
            return json.dumps(altered(json.loads(data), chance), default=str).encode("utf-8", "surrogatepass")
        return nested(chance.choice([1000, 100_000])) if chance.random() < 0.02 else damaged(data, chance)

    def one(number: int) -> None:
        (out / "history.jsonl").write_bytes(history + changed(history) + b"\n")
        (out / (made.path.name + ".json")).write_bytes(changed(sidecar))
        (home / "pyproject.toml").write_bytes(changed(project) if number % 3 == 0 else project)
        (out / "profiles.json").write_bytes(changed(b'{"b": {"style": "y"}}'))
        (home / "models.toml").write_bytes(changed(models))
        (home / "imagegen.lock").write_bytes(changed(lock))
        fresh = Session(defaults=lambda: {"backend": "simulator", "out_dir": str(out)})
        fresh.home = home
        for read in (
            fresh.library.history.records, lambda: fresh.library.recall("@last"), lambda: fresh.find_result("@last"),
            lambda: resolve({"profile": chance.choice("ab"), "out_dir": str(out)}, folder=home), lambda: load_catalog(home / "models.toml"),
            lambda: fresh.library.lineage("@1"), lambda: fresh.library.recall(str(made.path)), fresh.library.history.rebuild,
            lambda: fresh.generate("a mug", size="1024x1024", quality="low", replay=True),
        ):  # fmt: skip
            try:
                read()
            except ImagegenError as error:
                str(error)

    return one


def containers(chance: random.Random, folder: Path) -> Callable[[int], None]:
    """Signed and marked files of every format, damaged: read, judged by the C2PA library, marked again."""
    chain = make_chain()
    seeds = []
    for form in ("PNG", "JPEG", "WEBP", "GIF"):
        buffer = io.BytesIO()
        Image.fromarray(np.arange(24 * 24 * 3, dtype=np.uint8).reshape(24, 24, 3)).save(buffer, form)
        marked = mark_image(buffer.getvalue(), MARK)
        seeds += [marked, signed(marked, chain)]

    def one(number: int) -> None:
        data = damaged(seeds[number % len(seeds)], chance, most=2)
        assert provenance(data).describe()
        with contextlib.suppress(MetadataError):
            mark_image(data, MARK)

    return one


KINDS = {
    "answers": answers, "lines": lines, "files": files, "images": images, "stored": stored, "containers": containers,
}  # fmt: skip


def place_of(error: BaseException) -> str:
    """The last of our lines that it passed."""
    ours = [f for f in traceback.extract_tb(error.__traceback__) if f"imagegen_magic{os.sep}" in f.filename]
    where = f"{ours[-1].filename.rpartition('imagegen_magic' + os.sep)[2]}:{ours[-1].lineno}" if ours else "?"
    return f"{type(error).__name__} at {where}: {str(error)[:80]}"


def run(kind: str, count: int, seed: int, folder: Path, through: list[int] | None = None) -> Iterator[str]:
    """Every place from which something escaped, once each time; the numbers of what was taken whole join `through`."""
    through = [] if through is None else through
    one = KINDS[kind](random.Random(f"{kind} {seed}"), folder)
    for number in range(count):
        try:
            one(number)
            through.append(number)
        except ImagegenError as error:
            if not str(error).strip():
                yield "an error without words"
        except (KeyboardInterrupt, MemoryError):
            raise
        except BaseException as error:  # noqa: BLE001 - what is looked for
            yield place_of(error)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for kind, count in {
        "answers": 10_000,
        "lines": 10_000,
        "files": 4000,
        "images": 3000,
        "stored": 2000,
        "containers": 5000,
    }.items():
        parser.add_argument(f"--{kind}", type=int, default=count)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    folder = Path(tempfile.mkdtemp(prefix="imagegen-fuzz-"))
    total = 0
    try:
        for kind in KINDS:
            begun = time.perf_counter()
            through: list[int] = []
            escaped = collections.Counter(run(kind, getattr(asked, kind), asked.seed, folder, through))
            total += escaped.total()
            print(
                f"{kind:8} {getattr(asked, kind):6} tried  {len(through):5} taken  {escaped.total():4} escaped  {time.perf_counter() - begun:5.0f} s",
                flush=True,
            )
            for place, count in escaped.most_common(20):
                print(f"    {count:4} x {place}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {peak:.0f} MB (bound {MEMORY_BOUND})")
    return 1 if total or peak > MEMORY_BOUND else 0


if __name__ == "__main__":
    sys.exit(main())
