"""What a type checker says of the Python face: never run, checked by mypy --strict and by pyright."""

from __future__ import annotations

from typing import assert_type

import imagegen_magic
from imagegen_magic import BatchPlan, Gallery, GeneratedSprites, ImageResult, JobPreview, Task
from imagegen_magic.options.options import Options
from imagegen_magic.session import Session

assert_type(imagegen_magic.generate("a fox", size="square", quality="low", n=2, max_cost=0.5), ImageResult)
assert_type(imagegen_magic.edit("make it blue", "@hero", mask_box="0,0,50%,50%", protect=True), ImageResult)
assert_type(imagegen_magic.preview("a fox", transparent=True, web=[512, 1024]), JobPreview)
assert_type(imagegen_magic.start("a fox", reuse=True), Task[ImageResult])
assert_type(imagegen_magic.sprites("a fox", animation="walk", cell=(64, 64), export="atlas"), GeneratedSprites)
assert_type(imagegen_magic.run_batch(["a fox"], concurrency=3, quality="low"), Gallery)
assert_type(imagegen_magic.preview_batch(["a fox"], quality="low"), BatchPlan)
assert_type(Session().options({}).max_cost is None, bool)
assert_type(Session().options({}).concurrency, int)
assert_type(Options().size, str | None)

imagegen_magic.generate("a fox", qualty="low")  # type: ignore[call-arg]
imagegen_magic.generate("a fox", n="two")  # type: ignore[arg-type]
imagegen_magic.generate("a fox", if_exists="replace")  # type: ignore[arg-type]
imagegen_magic.generate("a fox", dry_run=True)  # type: ignore[call-arg]
imagegen_magic.generate("a fox", concurrency=3)  # type: ignore[call-arg]
