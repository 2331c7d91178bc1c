"""What `nf-probe compare A B` prints, as somebody would write it with PyTorch and safetensors: one tensor at a time, buffers reused.

Sums in float32 as PyTorch adds them (in blocks), or with --float64 in float64, which nf-probe always does. Prints one JSON object.
"""

import argparse
import json
import math
import resource
import time

import torch
from safetensors import safe_open


def row(a: torch.Tensor, b: torch.Tensor, buffer: torch.Tensor, dtype: torch.dtype) -> dict:
    """The columns of one tensor. `buffer` has room for the difference."""
    a, b = a.flatten(), b.flatten()
    l1_a, l1_b = (torch.linalg.vector_norm(x, 1, dtype=dtype).item() for x in (a, b))
    l2_a, l2_b = (torch.linalg.vector_norm(x, dtype=dtype).item() for x in (a, b))
    if dtype == torch.float64:
        product = sum(torch.dot(x.double(), y.double()).item() for x, y in zip(a.split(1 << 16), b.split(1 << 16)))
    else:
        product = torch.dot(a, b).item()
    difference = torch.sub(b, a, out=buffer[: a.numel()])
    l2_difference = torch.linalg.vector_norm(difference, dtype=dtype).item()
    largest, where = difference.abs_().max(0)
    unchanged = torch.eq(a.view(torch.int32), b.view(torch.int32)).sum().item()
    return dict(
        l1_a=l1_a, l1_b=l1_b, l2_a=l2_a, l2_b=l2_b, rms_a=l2_a / math.sqrt(a.numel()), rms_b=l2_b / math.sqrt(b.numel()),
        log10_l2_ratio=math.log10(l2_b / l2_a) if l2_a and l2_b else math.nan,
        relative_difference=l2_difference / l2_a if l2_a else math.nan,
        cosine=product / (l2_a * l2_b) if l2_a and l2_b else math.nan, max_difference=largest.item(),
        max_difference_index=where.item(), unchanged=unchanged / a.numel(), elements=a.numel(),
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--float64", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    dtype = torch.float64 if options.float64 else torch.float32
    start = time.perf_counter()
    with safe_open(options.files[0], "pt") as first, safe_open(options.files[1], "pt") as second:
        names = list(first.keys())
        largest = max(math.prod(first.get_slice(name).get_shape()) for name in names)
        buffer = torch.empty(largest)
        rows = {name: row(first.get_tensor(name), second.get_tensor(name), buffer, dtype) for name in names}
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    difference = math.sqrt(sum((r["relative_difference"] * r["l2_a"]) ** 2 for r in rows.values() if r["l2_a"]))
    whole = difference / math.sqrt(sum(r["l2_a"] ** 2 for r in rows.values()))
    print(
        json.dumps(
            {"seconds": seconds, "peak_bytes": peak, "torch": torch.__version__, "relative_difference": whole, "rows": len(rows)}
        )
    )


if __name__ == "__main__":
    main()
