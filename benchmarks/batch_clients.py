"""One client a process, for `batch.py`: the same requests, the same images on disk, process start included.

    python benchmarks/batch_clients.py ours|command|script|bare URL JOBS CONCURRENCY FOLDER

- `ours` is `run_batch`, `command` the command line's `generate-batch`;
- `script` is what people write: the SDK's asynchronous client and a semaphore;
- `bare` is an asynchronous HTTP client without the SDK.
"""

# ruff: noqa: PLC0415 - each client pays for its own imports only

from __future__ import annotations

import json
import sys
from pathlib import Path


def ours(url: str, jobs: int, concurrency: int, folder: Path) -> None:
    """Our Python API."""
    from imagegen_magic import run_batch

    prompts = [f"mug {n}" for n in range(jobs)]
    run_batch(prompts, base_url=url, out_dir=str(folder), concurrency=concurrency, size="1024x1024", quality="low")


def command(url: str, jobs: int, concurrency: int, folder: Path) -> None:
    """Our command line, which reads the jobs from a file."""
    from imagegen_magic.cli import main

    source = folder / "jobs.jsonl"
    source.write_text("".join(json.dumps({"prompt": f"mug {n}"}) + "\n" for n in range(jobs)))
    options = ("--base-url", url, "--concurrency", str(concurrency), "--size", "1024x1024", "--quality", "low")
    main(["generate-batch", "--input", str(source), "--out-dir", str(folder), "--quiet", *options])


def script(url: str, jobs: int, concurrency: int, folder: Path) -> None:
    """A script with the SDK's asynchronous client: nothing is checked, recorded or synced to disk."""
    import asyncio
    import base64

    from openai import AsyncOpenAI

    async def run() -> None:
        client, places = AsyncOpenAI(base_url=url, api_key="none"), asyncio.Semaphore(concurrency)

        async def one(number: int) -> None:
            async with places:
                print(f"[job {number}/{jobs}] starting", file=sys.stderr)
                result = await client.images.generate(
                    model="gpt-image-2", prompt=f"mug {number}", size="1024x1024", quality="low", n=1
                )
                print(f"[job {number}/{jobs}] completed", file=sys.stderr)
            assert result.data
            (folder / f"{number:03d}.png").write_bytes(base64.b64decode(result.data[0].b64_json or ""))

        await asyncio.gather(*(one(number) for number in range(jobs)))

    asyncio.run(run())


def bare(url: str, jobs: int, concurrency: int, folder: Path) -> None:
    """An asynchronous HTTP client."""
    import asyncio
    import base64

    import httpx2

    async def run() -> None:
        places = asyncio.Semaphore(concurrency)
        limits = httpx2.Limits(max_connections=concurrency)
        async with httpx2.AsyncClient(timeout=60, limits=limits) as client:

            async def one(number: int) -> None:
                body = {"model": "gpt-image-2", "prompt": f"mug {number}", "size": "1024x1024", "quality": "low"}
                async with places:
                    answer = (await client.post(f"{url}/images/generations", json=body)).json()
                (folder / f"{number:03d}.png").write_bytes(base64.b64decode(answer["data"][0]["b64_json"]))

            await asyncio.gather(*(one(number) for number in range(jobs)))

    asyncio.run(run())


CLIENTS = {"ours": ours, "command": command, "script": script, "bare": bare}

if __name__ == "__main__":
    which, url, jobs, concurrency, folder = sys.argv[1:]
    CLIENTS[which](url, int(jobs), int(concurrency), Path(folder))
