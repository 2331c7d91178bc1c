"""Times nf-probe against PyTorch (peer.py): both in turn, several rounds, on this machine. Writes raw.csv and table.md to a
folder named after the processor.

    ./run.sh            # makes a virtual environment with PyTorch, then runs this

nf-probe's side records the gradient statistics of every tensor at every step to a run file; PyTorch's records nothing.
"""

import argparse
import csv
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
PROGRAM = pathlib.Path(os.environ.get("NF_PROBE", HERE.parents[1] / ".build/release/nf-probe"))

MODELS = {
    "125M": dict(layers=12, dim=768, heads=12, vocab_size=50257, sequence=256, batch=4),
    "width 192": dict(layers=12, dim=192, heads=6, vocab_size=256, sequence=128, batch=8),
}
STEPS = {"125M": 4, "width 192": 40}
# What Llama's block has at each size beside the three of the paper: a third of the heads for keys and values, SwiGLU of 8/3 of the width.
LLAMA = {"125M": dict(kv_heads=4, ffn_dim=2048), "width 192": dict(kv_heads=2, ffn_dim=512)}
# Neither side is told which kernels to take.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("OPENBLAS_", "MKL_", "ONEDNN_"))}


def flags(values: dict) -> list[str]:
    return [f"--{name.replace('_', '-')}={value}" for name, value in values.items()]


def run_ours(model: dict, architecture: str, steps: int, threads: int, bfloat16: bool) -> tuple[float, int]:
    command = [PROGRAM, "bench", "--json", f"--architecture={architecture}", f"--pairs={max(5, steps)}", "--clip=1",
               f"--threads={threads}", *flags(model), *(["--precision=bf16"] if bfloat16 else [])]  # fmt: skip
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, env=ENVIRONMENT).stdout)
    if bfloat16 and found["productFormat"] != "bfloat16":
        print("nf-probe: no native products here; bfloat16 is rounded", file=sys.stderr)
    return found["stepSeconds"][1], found["peakBytes"]


def run_peer(model: dict, architecture: str, steps: int, threads: int, bfloat16: bool) -> tuple[float, int]:
    command = [sys.executable, HERE / "peer.py", f"--architecture={architecture}", f"--steps={steps}",
               f"--threads={threads}", *flags(model), *(["--bfloat16"] if bfloat16 else [])]  # fmt: skip
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, env=ENVIRONMENT).stdout)
    return statistics.median(found["seconds"]), found["peak_bytes"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--models", nargs="*", default=list(MODELS))
    parser.add_argument("--architectures", nargs="*", default=["pre-ln", "normformer", "llama"])
    parser.add_argument("--out", type=pathlib.Path, default=HERE / "-".join(processor().lower().split()))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for name in options.models:
        model, steps = MODELS[name], STEPS[name]
        tokens = model["sequence"] * model["batch"]
        for architecture in options.architectures:
            model = {**MODELS[name], **(LLAMA[name] if architecture == "llama" else {})}
            for round_ in range(options.rounds):
                for side, (seconds, peak) in {
                    "nf-probe float32": run_ours(model, architecture, steps, options.threads, False),
                    "nf-probe bfloat16": run_ours(model, architecture, steps, options.threads, True),
                    "PyTorch float32": run_peer(model, architecture, steps, options.threads, False),
                    "PyTorch bfloat16": run_peer(model, architecture, steps, options.threads, True),
                }.items():
                    rows.append([name, architecture, round_, side, seconds, tokens / seconds, peak])
                    print(*rows[-1], sep="\t", flush=True)
    write(rows, options)


def write(rows: list[list], options: argparse.Namespace) -> None:
    with open(options.out / "raw.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["model", "architecture", "round", "side", "step_seconds", "tokens_per_second", "peak_bytes"])
        writer.writerows(rows)
    lines = [
        f"{processor()}, {options.threads} threads; medians of {options.rounds} rounds in turn, the ratios' smallest and "
        "largest in brackets. nf-probe records every gradient; PyTorch records nothing.", "",
        "| model | architecture | format | nf-probe tokens/s | PyTorch tokens/s | ratio | peak MB, PyTorch's |",
        "|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for name, architecture in dict.fromkeys((row[0], row[1]) for row in rows):
        for format_ in ["float32", "bfloat16"]:
            ours, theirs = (
                [row for row in rows if row[:2] == [name, architecture] and row[3] == f"{side} {format_}"]
                for side in ["nf-probe", "PyTorch"]
            )
            ratios = [mine[5] / other[5] for mine, other in zip(ours, theirs)]
            cells = [name, architecture, format_, *(f"{statistics.median(row[5] for row in side):,.0f}" for side in (ours, theirs))]
            cells.append(f"{statistics.median(ratios):.2f} [{min(ratios):.2f}, {max(ratios):.2f}]")
            cells.append(" / ".join(f"{max(row[6] for row in side) / 1e6:,.0f}" for side in (ours, theirs)))
            lines.append("| " + " | ".join(cells) + " |")
    (options.out / "table.md").write_text("\n".join(lines) + "\n")


def processor() -> str:
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.processor()


if __name__ == "__main__":
    main()
