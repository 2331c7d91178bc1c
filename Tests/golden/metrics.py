#!/usr/bin/env python3
"""Writes metrics.json: scikit-learn's and SciPy's metrics of answers that Swift's tests are held against (requirements-metrics.txt)."""

import json
import pathlib
import random
import warnings

from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

FILE = pathlib.Path(__file__).resolve().parent / "metrics.json"


def classes(name: str, count: int, labels: list[int], answers: list[int]) -> dict:
    case = {"name": name, "classes": count, "labels": labels, "answers": answers}
    case["accuracy"] = float(accuracy_score(labels, answers))
    case["matthews"] = float(matthews_corrcoef(labels, answers))
    if count == 2:
        case["f1"] = float(f1_score(labels, answers, zero_division=0))
    return case


def scores(name: str, x: list[float], y: list[float]) -> dict:
    return {
        "name": name, "x": x, "y": y, "pearson": float(pearsonr(x, y).statistic), "spearman": float(spearmanr(x, y).statistic),
    }  # fmt: skip


def main() -> None:
    warnings.simplefilter("ignore")
    source = random.Random("nf-probe metrics")

    def draw(count: int, n: int) -> list[int]:
        return [int(source.random() * count) for _ in range(n)]

    labels = draw(2, 50)
    noisy = [label if source.random() < 0.8 else 1 - label for label in labels]
    three = draw(3, 60)
    x = [source.random() * 5 for _ in range(40)]
    y = [value + source.random() * 2 for value in x]
    rounded = [round(value) for value in x]
    found = {
        "classes": [
            classes("two classes", 2, labels, noisy),
            classes("all right", 2, labels, labels),
            classes("all wrong", 2, labels, [1 - label for label in labels]),
            classes("always the first", 2, labels, [0] * 50),
            classes("always the second", 2, labels, [1] * 50),
            classes("labels of one class", 2, [0] * 10, draw(2, 10)),
            classes("neither right nor said", 2, [0] * 10, [0] * 10),
            classes("three classes", 3, three, [c if source.random() < 0.6 else int(source.random() * 3) for c in three]),
            classes("one example", 2, [1], [1]),
        ],
        "scores": [
            scores("numbers", x, y),
            scores("ties", [float(value) for value in rounded], y),
            scores("ties on both sides", [float(value) for value in rounded], [float(round(value)) for value in y]),
            scores("a line falling", x, [-2 * value + 1 for value in x]),
            scores("two pairs", [1.0, 2.0], [3.0, 1.0]),
            scores("far from zero", [1e6 + value for value in x], [1e6 + value for value in y]),
        ],
    }
    FILE.write_text("{\n" + ",\n".join(
        f"{json.dumps(kind)}: [\n" + ",\n".join("  " + json.dumps(case) for case in cases) + "\n]" for kind, cases in found.items()
    ) + "\n}\n")  # fmt: skip


if __name__ == "__main__":
    main()
