"""Many cut-outs on any executor: one thread, pools, and a cluster."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from multiprocessing import get_context

import numpy as np
import pytest
from PIL import Image

from imagegen_magic.errors import CutoutError
from imagegen_magic.matting.cutout import cutout_many


@contextmanager
def dask_executor():
    """The executor of a cluster with two worker processes on this machine."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1") as cluster,
        Client(cluster) as client,
    ):
        yield client.get_executor()


EXECUTORS = {
    "none": nullcontext,
    "threads": lambda: ThreadPoolExecutor(2),
    "processes": lambda: ProcessPoolExecutor(2, mp_context=get_context("spawn")),
    "dask": dask_executor,
}


@pytest.fixture
def pictures(folder):
    """Ten keyed pictures, the last two of one name; a text file and a missing file among them."""
    paths = [folder / f"{number}.png" for number in range(8)] + [folder / "a/x.png", folder / "b/x.png"]
    for number, path in enumerate(paths):
        image = np.zeros((64, 64, 3), np.uint8)
        image[..., 1] = 255
        image[20:44, 20:44] = (200, 40, 10 * number)
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(image).save(path)
    (folder / "text.png").write_text("no picture")
    return [*paths[:3], folder / "text.png", *paths[3:], folder / "missing.png"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize("kind", EXECUTORS)
def test_any_executor(kind, pictures, folder):
    """Paths in the order of the files, failures at their places, two files of one name apart."""
    with EXECUTORS[kind]() as executor:
        found = cutout_many(pictures, out_dir="cut", executor=executor)
    names = ["0.png", "1.png", "2.png", None, *(f"{n}.png" for n in range(3, 8)), "x.png", "x-2.png", None]
    assert [None if isinstance(one, CutoutError) else one.name for one in found] == names
    assert "not a picture" in str(found[3])
    assert "no such file" in str(found[-1])
    for path, number in zip([one for one in found if not isinstance(one, CutoutError)], range(10), strict=True):
        pixels = np.asarray(Image.open(path))
        assert pixels[0, 0, 3] == 0
        assert tuple(pixels[32, 32]) == (200, 40, 10 * number, 255), path.name


def test_a_folder_that_can_not_be_written(pictures, folder):
    """A file that can't be written is that file's failure."""
    (folder / "cut").mkdir()
    (folder / "cut/0.png").mkdir()
    found = cutout_many(pictures[:2], out_dir=folder / "cut")
    assert "is a folder" in str(found[0])
    assert found[1].name == "1.png"
