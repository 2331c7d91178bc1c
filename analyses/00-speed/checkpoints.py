"""Times `nf-probe compare` against PyTorch (checkpoint_peer.py) on two checkpoints of the 1.3B model in float32: both sides in turn,
several rounds, files in the page cache. Writes checkpoints-raw.csv and checkpoints.md.

    ./run.sh checkpoints.py --folder /somewhere/with/11/GB

The folder gets the two files and keeps them; delete them afterwards.
"""

import argparse
import csv
import json
import multiprocessing
import os
import pathlib
import statistics
import subprocess
import sys
import time

import numpy

from compare import HERE, PROGRAM, processor

SIZES = {"1.3B": dict(layers=24, dim=2048, heads=32, vocabulary=51200), "125M": dict(layers=12, dim=768, heads=12, vocabulary=51200)}


def shapes(layers: int, dim: int, heads: int, vocabulary: int):
    """Names and shapes of a NormFormer decoder, in fairseq's names."""
    yield "decoder.embed_tokens.weight", (vocabulary, dim)
    for layer in range(layers):
        prefix = f"decoder.layers.{layer}."
        for name in ["q_proj", "k_proj", "v_proj", "out_proj"]:
            yield f"{prefix}self_attn.{name}.weight", (dim, dim)
            yield f"{prefix}self_attn.{name}.bias", (dim,)
        for name, width in [("self_attn_layer_norm", dim), ("attn_ln", dim), ("final_layer_norm", dim), ("ffn_layernorm", 4 * dim)]:
            yield f"{prefix}{name}.weight", (width,)
            yield f"{prefix}{name}.bias", (width,)
        yield f"{prefix}c_attn", (heads,)
        yield f"{prefix}fc1.weight", (4 * dim, dim)
        yield f"{prefix}fc1.bias", (4 * dim,)
        yield f"{prefix}fc2.weight", (dim, 4 * dim)
        yield f"{prefix}fc2.bias", (dim,)
    yield "decoder.layer_norm.weight", (dim,)
    yield "decoder.layer_norm.bias", (dim,)


def make(first: pathlib.Path, second: pathlib.Path, size: str) -> None:
    """Random weights, and the same with one percent of noise; written a tensor at a time."""
    header, offset = {}, 0
    for name, shape in shapes(**SIZES[size]):
        end = offset + 4 * int(numpy.prod(shape))
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    random = numpy.random.default_rng(0)
    with open(first, "wb") as a, open(second, "wb") as b:
        for file in (a, b):
            file.write(len(text).to_bytes(8, "little") + text)
        for _, shape in shapes(**SIZES[size]):
            values = 0.02 * random.standard_normal(int(numpy.prod(shape)), dtype=numpy.float32)
            a.write(values.tobytes())
            values += 0.0002 * random.standard_normal(values.size, dtype=numpy.float32)
            b.write(values.tobytes())


def run_ours(files: list[pathlib.Path], threads: int) -> tuple[float, int, float]:
    command = [PROGRAM, "compare", *files, "--by=change", "--rows=0", "--format=csv", f"--threads={threads}"]
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_CORETYPE"}
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    assert status == 0
    rows = list(csv.DictReader(output.splitlines()))
    squares = sum((float(row["relative_difference"]) * float(row["l2_a"])) ** 2 for row in rows)
    return seconds, usage.ru_maxrss * 1024, (squares / sum(float(row["l2_a"]) ** 2 for row in rows)) ** 0.5


def run_peer(files: list[pathlib.Path], threads: int, *flags: str) -> tuple[float, int, float]:
    command = [sys.executable, HERE / "checkpoint_peer.py", *files, f"--threads={threads}", *flags]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found["seconds"], found["peak_bytes"], found["relative_difference"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    parser.add_argument("--size", choices=SIZES, default="1.3B")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--float64", action="store_true", help="time PyTorch with float64 sums, too")
    parser.add_argument("--out", type=pathlib.Path, default=HERE)
    options = parser.parse_args()
    files = [options.folder / f"{options.size}-{name}.safetensors" for name in "ab"]
    if not all(path.exists() for path in files):
        # In a process of its own: a child's peak memory is never below what its parent had when it started the child.
        maker = multiprocessing.Process(target=make, args=(*files, options.size))
        maker.start()
        maker.join()
        assert maker.exitcode == 0
    rows = []
    for round_ in range(options.rounds):
        for threads in options.threads:
            results = {"nf-probe": run_ours(files, threads), "PyTorch float32": run_peer(files, threads)}
            if options.float64:
                results["PyTorch float64"] = run_peer(files, threads, "--float64")
            for side, result in results.items():
                rows.append([options.size, round_, threads, side, *result, os.getloadavg()[0]])
                print(*rows[-1], sep="\t", flush=True)
    write(rows, options)


def write(rows: list[list], options: argparse.Namespace) -> None:
    with open(options.out / "checkpoints-raw.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["size", "round", "threads", "side", "seconds", "peak_bytes", "relative_difference", "load"])
        writer.writerows(rows)
    gigabytes = sum((options.folder / f"{options.size}-{name}.safetensors").stat().st_size for name in "ab") / 1e9
    lines = [
        f"{processor()}, two files of {options.size} parameters in float32, {gigabytes:.1f} GB together, in the page cache; medians of "
        f"{options.rounds} rounds in turn, the smallest and largest in brackets. PyTorch's time is without its import. Each side at its "
        "best number of threads.", "",
        "| side | threads | seconds | peak MB | relative difference | times nf-probe's seconds |", "|---|---|---|---|---|---|",
    ]  # fmt: skip
    best = {}
    for side in dict.fromkeys(row[3] for row in rows):
        best[side] = min(
            options.threads, key=lambda threads: statistics.median(row[4] for row in rows if row[2:4] == [threads, side])
        )
    ours = [row[4] for row in rows if row[2:4] == [best["nf-probe"], "nf-probe"]]
    for side, threads in best.items():
        own = [row for row in rows if row[2:4] == [threads, side]]
        seconds = [row[4] for row in own]
        ratios = [theirs / mine for mine, theirs in zip(ours, seconds)]
        lines.append(
            f"| {side} | {threads} | {statistics.median(seconds):.2f} [{min(seconds):.2f}, {max(seconds):.2f}] "
            f"| {max(row[5] for row in own) / 1e6:,.0f} | {own[0][6]:.9f} "
            f"| {statistics.median(ratios):.1f} [{min(ratios):.1f}, {max(ratios):.1f}] |"
        )
    loads = [row[7] for row in rows]
    lines += ["", f"Load average while measuring: {min(loads):.1f} to {max(loads):.1f}."]
    (options.out / "checkpoints.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
