"""Writes verdicts.md, and its summary into README.md, from the claims.csv of every recipe.

    python analyses/verdicts.py            # after results of record have changed
"""

import csv
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
VERDICTS = ["holds", "does not hold", "undecided"]
BEGIN, END = "<!-- verdicts: written by verdicts.py -->\n", "<!-- end of verdicts -->\n"


def recipes() -> dict[str, list[dict[str, str]]]:
    """The claims of each recipe that has results and claims something."""
    found = {}
    for path in sorted(HERE.glob("*/results/claims.csv")):
        with open(path, newline="") as file:
            if claims := list(csv.DictReader(file)):
                found[path.parts[-3]] = claims
    return found


def effect(claim: dict[str, str]) -> str:
    """Effect, interval and bound, to four digits."""
    if not claim["effect"]:
        return f"not measured ({claim['bound']})"
    text = f"{float(claim['effect']):.4g}"
    if claim["effect_low"]:
        text += f" [{float(claim['effect_low']):.4g}, {float(claim['effect_high']):.4g}]"
    return f"{text} ({claim['bound']})"


def page(found: dict[str, list[dict[str, str]]]) -> str:
    lines = [
        "# Verdicts", "",
        "Every claim of every recipe, as its results of record have it, at the sizes that two cores train in minutes. In parentheses the bound that the whole",
        "interval has to keep to. The last column is what a verdict would still take, estimated from the spread between seeds and the time of the runs that were made, on the",
        "machine and under the load of then; empty where a recipe has not been run since such prices are estimated. Written by `verdicts.py`.",
    ]  # fmt: skip
    for name, claims in found.items():
        lines += ["", f"## [{name}]({name})", "", "| claim | verdict | effect | seeds | would take |", "|---|---|---|---|---|"]
        for claim in claims:
            said = claim["claim"] if claim["verdict"] == "undecided" else f"**{claim['claim']}**"
            lines.append(f"| {said} | {claim['verdict']} | {effect(claim)} | {claim['seeds']} | {claim.get('price') or ''} |")
    return "\n".join(lines) + "\n"


def summary(found: dict[str, list[dict[str, str]]]) -> str:
    lines = ["| recipe | holds | does not hold | undecided |", "|---|---|---|---|"]
    total = dict.fromkeys(VERDICTS, 0)
    for name, claims in found.items():
        counts = {verdict: sum(claim["verdict"] == verdict for claim in claims) for verdict in VERDICTS}
        assert sum(counts.values()) == len(claims), f"{name} has other verdicts"
        for verdict, count in counts.items():
            total[verdict] += count
        lines.append(f"| [{name}](verdicts.md#{name}) | {' | '.join(str(count or '') for count in counts.values())} |")
    lines.append(f"| all | {' | '.join(map(str, total.values()))} |")
    return "\n".join(lines) + "\n"


def texts() -> dict[pathlib.Path, str]:
    """What each file should hold."""
    found = recipes()
    readme = (HERE / "README.md").read_text()
    before, rest = readme.split(BEGIN)
    _, after = rest.split(END)
    return {HERE / "verdicts.md": page(found), HERE / "README.md": f"{before}{BEGIN}{summary(found)}{END}{after}"}


if __name__ == "__main__":
    for path, text in texts().items():
        path.write_text(text)
