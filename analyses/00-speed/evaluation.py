"""Times `nf-probe evaluate` against PyTorch (evaluation_peer.py): the same weights and the same answers of unequal lengths, both in turn,
several rounds. Writes evaluation-raw.csv and evaluation.md.

    ./run.sh evaluation.py

Of answers to one question nf-probe reads the context once, which evaluation harnesses do not, so tokens are counted as these read them; contexts
of their own show the passes alone. Both sides say themselves how long the passes took; PyTorch has had a batch to warm up before.
"""

import argparse
import csv
import itertools
import json
import pathlib
import random
import re
import statistics
import subprocess
import sys
import tempfile

from compare import ENVIRONMENT, HERE, PROGRAM, flags, processor

MODELS = {
    "width 192": dict(layers=12, dim=192, heads=6, vocab_size=256),
    "125M": dict(layers=12, dim=768, heads=12, vocab_size=50257),
}
EXAMPLES = {"width 192": 150, "125M": 20}
CHOICES = 4
KINDS = {"one context": True, "contexts of their own": False}
"""Whether the answers to a question have the same context, as in most tasks, or each its own: then nothing can be read once for all."""
LENGTHS = (20, 240)
"""Of contexts; answers have a quarter of that."""


def checkpoint(folder: pathlib.Path, model: dict) -> pathlib.Path:
    """Weights as they are after one update."""
    command = [PROGRAM, "train", "--architecture=pre-ln", "--steps=1", "--batch=1", "--sequence=256", "--quiet", *flags(model)]
    subprocess.run([*command, f"--out={folder}"], check=True, capture_output=True, env=ENVIRONMENT)
    (found,) = [path for path in folder.rglob("step-*.safetensors") if ".state." not in path.name]
    return found


def task(path: pathlib.Path, count: int, vocabulary: int, seed: int, is_shared: bool) -> int:
    """Writes a task of random tokens, and returns how many a model reads."""
    draw = random.Random(seed)

    def tokens(lower: int, upper: int) -> list[int]:
        return [draw.randrange(vocabulary) for _ in range(draw.randint(lower, upper))]

    head = {
        "nf_probe_task": 1,
        "kind": "tokens",
        "task": "winogrande",
        "name": "lengths",
        "shots": 0,
        "vocabulary_size": vocabulary,
    }
    lines, read = [json.dumps(head)], 0
    for index in range(count):
        contexts = [tokens(*LENGTHS)] * CHOICES if is_shared else [tokens(*LENGTHS) for _ in range(CHOICES)]
        choices = []
        for context in contexts:
            answer = tokens(LENGTHS[0] // 4, LENGTHS[1] // 4)[: 256 - len(context)]
            choices.append({"context": context, "completion": answer, "bytes": len(answer)})
            read += len(context) + len(answer) - 1
        lines.append(json.dumps({"id": str(index), "label": 0, "choices": choices, "unconditional": []}))
    path.write_text("\n".join(lines) + "\n")
    return read


def run_ours(weights: pathlib.Path, path: pathlib.Path, threads: int, out: pathlib.Path) -> tuple[float, list[float]]:
    command = [PROGRAM, "evaluate", weights, f"--task={path}", f"--threads={threads}", f"--out={out}", "--overwrite"]
    said = subprocess.run(command, check=True, capture_output=True, text=True, env=ENVIRONMENT).stderr
    seconds = float(re.search(r" in ([0-9.]+) s$", said, flags=re.MULTILINE)[1])
    with open(out / "examples.csv", newline="") as file:
        return seconds, [float(row["log_likelihood"]) for row in csv.DictReader(file)]


def run_peer(weights: pathlib.Path, path: pathlib.Path, threads: int, model: dict, head: str) -> tuple[float, list[float]]:
    command = [sys.executable, HERE / "evaluation_peer.py", weights, path, f"--threads={threads}", f"--head={head}",
               f"--layers={model['layers']}", f"--heads={model['heads']}"]  # fmt: skip
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, env=ENVIRONMENT).stdout)
    return found["seconds"], found["log_likelihoods"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--models", nargs="*", default=list(MODELS))
    parser.add_argument("--kinds", nargs="*", default=list(KINDS))
    parser.add_argument("--out", type=pathlib.Path, default=HERE / "-".join(processor().lower().split()))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        checkpoints = {size: checkpoint(folder / size.replace(" ", "-"), MODELS[size]) for size in options.models}
        for size, kind in itertools.product(options.models, options.kinds):
            model, weights = MODELS[size], checkpoints[size]
            many = folder / "many.jsonl"
            tokens = task(many, EXAMPLES[size], model["vocab_size"], 0, KINDS[kind])
            for round_ in range(options.rounds):
                seconds, ours = run_ours(weights, many, options.threads, folder / "out")
                rows.append([size, kind, round_, "nf-probe", tokens / seconds])
                print(*rows[-1], sep="\t", flush=True)
                for head in ("all", "asked"):
                    seconds, theirs = run_peer(weights, many, options.threads, model, head)
                    # Two float32 passes in another order.
                    assert all(abs(one - other) < 1e-3 * abs(other) for one, other in zip(ours, theirs, strict=True))
                    rows.append([size, kind, round_, f"PyTorch, logits {head}", tokens / seconds])
                    print(*rows[-1], sep="\t", flush=True)
    write(rows, options)


def write(rows: list[list], options: argparse.Namespace) -> None:
    with open(options.out / "evaluation-raw.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["model", "answers", "round", "side", "tokens_per_second"])
        writer.writerows(rows)
    lines = [
        f"{processor()}, {options.threads} threads, float32; {CHOICES} answers an example, sequences of {LENGTHS[0]} to 256 tokens, each counted whole "
        f"on both sides, padding not; medians of {options.rounds} rounds in turn, the ratios' smallest and largest in brackets.", "",
        "| model | answers have | PyTorch makes | nf-probe tokens/s | PyTorch tokens/s | ratio |", "|---|---|---|---|---|---|",
    ]  # fmt: skip
    for size, kind in dict.fromkeys((row[0], row[1]) for row in rows):
        own = [row for row in rows if row[:2] == [size, kind]]
        ours = [row[4] for row in own if row[3] == "nf-probe"]
        for head, words in {"all": "all logits", "asked": "the answers' logits alone"}.items():
            theirs = [row[4] for row in own if row[3] == f"PyTorch, logits {head}"]
            ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
            lines.append(
                f"| {size} | {kind} | {words} | {statistics.median(ours):,.0f} | {statistics.median(theirs):,.0f} | "
                f"{statistics.median(ratios):.2f} [{min(ratios):.2f}, {max(ratios):.2f}] |"
            )
    (options.out / "evaluation.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
