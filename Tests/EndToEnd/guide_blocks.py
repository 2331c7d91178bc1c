"""The commands of the guides, found by the HTML comments above their code blocks, which no reader of a page sees.

    <!-- run -->             the block below is run by the tests, as it stands
    <!-- run: status 3 -->   it ends with this exit status
    <!-- run: torch -->      it is run where PyTorch is installed (notebooks-export/tests)
    <!-- file: run.yaml -->  the block below is the content of this file
    <!-- setup ... -->       these lines are run before, to make what the guide takes for granted
    <!-- makes: a.csv -->    what was run so far has left these files (patterns may stand for several)
"""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

MARK = re.compile(r"<!--\s*(?P<kind>run|file|setup|makes)\b:?(?P<rest>.*?)-->\s*?\n", re.S)
BLOCK = re.compile(r"\s*```(?P<language>\w*)\n(?P<text>.*?)^```$", re.S | re.M)


@dataclass(frozen=True)
class Step:
    """One thing to do with a guide."""

    line: int
    kind: str
    """`sh` and `python` are run, `file` is written, `makes` is checked."""
    text: str
    status: int = 0
    name: str = ""
    needs_torch: bool = False


def steps(guide: Path) -> Iterator[Step]:
    """What to do with a guide, in its order."""
    text = guide.read_text(encoding="utf-8")
    for mark in MARK.finditer(text):
        line = text.count("\n", 0, mark.start()) + 1
        kind, rest = mark["kind"], mark["rest"].strip()
        if kind == "setup":
            yield Step(line, "sh", rest)
        elif kind == "makes":
            yield Step(line, "makes", rest)
        elif block := BLOCK.match(text, mark.end()):
            if kind == "file":
                yield Step(line, "file", block["text"], name=rest)
            else:
                status = re.search(r"status (\d+)", rest)
                yield Step(line, block["language"], block["text"], int(status[1]) if status else 0, needs_torch="torch" in rest)
        else:
            raise ValueError(f"{guide}:{line}: no code block stands below {mark[0].strip()}")


def do(step: Step, folder: Path, environment: Mapping[str, str]) -> None:
    """Does one thing in a folder.

    Raises:
        AssertionError: it did not come out as the guide has it.
    """
    if step.kind == "file":
        path = folder / step.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(step.text, encoding="utf-8")
    elif step.kind == "makes":
        missing = [pattern for pattern in step.text.split() if not list(folder.glob(pattern))]
        assert not missing, f"line {step.line}: there is no {', '.join(missing)}"
    else:
        interpreter = {"sh": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-c"]}[step.kind]
        result = subprocess.run(
            [*interpreter, step.text], cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=120,
        )  # fmt: skip
        said = f"line {step.line}: exit status {result.returncode}\n{step.text}\n{result.stderr[-3000:]}"
        assert result.returncode == step.status, said
        assert not re.search("fatal error|stack dump|Traceback", result.stderr), said
