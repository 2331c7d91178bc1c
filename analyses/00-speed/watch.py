"""Times `nf-probe watch`: a long run, two hundred runs, a growing one, and what it costs the training beside it. Writes watch.md.

    make watch-speed                       # with Chromium, through scripts/watch-speed.sh
    make watch-speed ARGS="--only long"    # long, many, growing, idle, beside

Runs are made in --folder once, and stay there. What a page takes is timed in the page: from the click, or the address, until the picture
or the table is on the screen.
"""

import argparse
import contextlib
import http.client
import math
import os
import pathlib
import statistics
import subprocess
import sys
import threading
import time

import h5py

from compare import HERE, PROGRAM, flags, processor

sys.path.insert(0, str(HERE.parents[1] / "Tests/EndToEnd"))

from browser.pages import browser, expect, visit  # noqa: E402
from watching import Server, watching  # noqa: E402

LONG = dict(architecture="pre-ln", steps=100_000, layers=12, dim=8, heads=2, ffn_dim=8, vocab_size=16, sequence=4, batch=1)
MANY = dict(architectures="pre-ln", seeds=200, steps=100, layers=5, dim=12, heads=3, ffn_dim=20, vocab_size=32, sequence=8, batch=2)
BESIDE = dict(architecture="pre-ln", steps=1_000_000, layers=12, dim=192, heads=6, vocab_size=256, sequence=128, batch=8, threads=2)


class Table:
    """What was found, beside what is wanted."""

    def __init__(self):
        self.rows: list[tuple[str, str, str]] = []

    def add(self, what: str, goal: str, found: str):
        self.rows.append((what, goal, found))
        print(f"{what}: {found} ({goal})", flush=True)

    def text(self) -> str:
        head = f"{processor()}, {os.cpu_count()} cores. Load average at the end: {os.getloadavg()[0]:.1f}."
        lines = [head, "", "| what | wanted | found |", "|---|---|---|"]
        return "\n".join(lines + [f"| {' | '.join(row)} |" for row in self.rows]) + "\n"


def spread(seconds: list[float]) -> str:
    """Median and ends."""
    return f"{statistics.median(seconds):.2f} s [{min(seconds):.2f}, {max(seconds):.2f}]"


def timed(action) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def made(folder: pathlib.Path, name: str, command: str, values: dict) -> pathlib.Path:
    """The folder of runs; made unless it is there."""
    path = folder / name
    if not path.exists():
        subprocess.run([PROGRAM, command, *flags(values), f"--out={path}.new", "--quiet"], check=True, cwd=folder, stdout=subprocess.DEVNULL)
        os.rename(f"{path}.new", path)
    return path


def processes(server: Server) -> list[str]:
    own = str(server.process.pid)
    children = subprocess.run(["pgrep", "--parent", own], capture_output=True, text=True).stdout.split()
    return [own, *children]


def processor_seconds(server: Server) -> float:
    """Processor time of the server and what it has started."""
    ticks = 0
    for process in processes(server):
        fields = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def megabytes(server: Server) -> float:
    """Memory of its own (proportional set size) of the server and what it has started."""
    total = 0
    for process in processes(server):
        rollup = pathlib.Path(f"/proc/{process}/smaps_rollup").read_text()
        total += int(rollup.partition("\nPss:")[2].split()[0])
    return total * 1024 / 1e6


def drawn(page) -> float:
    """Seconds from the beginning of the page, its address entered, to the first picture."""
    milliseconds = page.evaluate(
        """async () => {
          while (!document.querySelector("#chart > svg")) await new Promise((done) => setTimeout(done, 4));
          return performance.now();
        }"""
    )
    return milliseconds / 1000


def choose_window(page, lower: int, upper: int) -> float:
    """Seconds until the table says so."""
    milliseconds = page.evaluate(
        """async ([window, text]) => {
          const start = performance.now();
          location.hash = "window=" + window;
          while (!document.querySelector("#table caption")?.textContent.includes(text)) await new Promise((done) => setTimeout(done, 4));
          return performance.now() - start;
        }""",
        [f"{lower}:{upper}", f"steps {lower} to {upper - 1}"],
    )
    return milliseconds / 1000


def long(table: Table, chromium, folder: pathlib.Path, rounds: int):
    path = made(folder, "long", "train", LONG)
    size = sum(file.stat().st_size for file in path.glob("*.h5")) / 1e6
    pages = []
    for _ in range(rounds):
        with watching(path, cwd=folder) as server:
            server.wait(lambda rows: rows[0].get("step") == LONG["steps"] - 1, seconds=60)
            context = chromium.new_context(viewport={"width": 1280, "height": 900})
            page = context.new_page()
            page.goto(server.address, wait_until="commit")
            pages.append(drawn(page))
            context.close()
    table.add(f"100,000 steps, {size:.0f} MB: from the address to the first picture", "1 s", spread(pages))
    with watching(path, cwd=folder) as server, visit(chromium, server.address) as one:
        expect(one.page.locator("#table table").first).to_be_visible()
        time.sleep(15)  # The findings, beside it.
        for length in (1_000, 10_000, 50_000, 99_000):
            places = [(997 * number) % (100_000 - length) for number in range(1, 2 * rounds)]
            answers = [timed(lambda: server.json("view", window=f"{place}:{place + length}", width=900)) for place in places]
            shown = [choose_window(one.page, place + 1, place + 1 + length) for place in places]
            table.add(f"another window of {length:,} steps: the answer; the table on the page", "0.2 s", f"{spread(answers)}; {spread(shown)}")
        table.add("memory after these", "150 MB", f"{megabytes(server):.0f} MB")


def many(table: Table, chromium, folder: pathlib.Path, rounds: int):
    path = made(folder, "many", "grads", MANY)
    names, whole, pages = [], [], []
    for _ in range(rounds):
        start = time.perf_counter()
        with watching(path, cwd=folder) as server:
            rows = server.json("runs")["rows"]
            assert len(rows) == 200
            names.append(time.perf_counter() - start)
            server.wait(lambda rows: len(rows) == 200, seconds=60)
            whole.append(time.perf_counter() - start)
        start = time.perf_counter()
        with watching(path, cwd=folder) as server:
            context = chromium.new_context(viewport={"width": 1280, "height": 900})
            page = context.new_page()
            page.goto(server.address)
            page.evaluate(
                """async () => {
                  const all = () => document.querySelectorAll("#list .standing.finished").length;
                  while (all() !== 200) await new Promise((done) => setTimeout(done, 10));
                }"""
            )
            pages.append(time.perf_counter() - start)
            context.close()
    table.add("200 runs, from the command on: their names; all that the list says of them", "1 s", f"{spread(names)}; {spread(whole)}")
    table.add("200 runs, from the command on: the whole list on the page", "1 s", spread(pages))


@contextlib.contextmanager
def training(folder: pathlib.Path, values: dict):
    """A training, killed at the end, and its file."""
    subprocess.run(["rm", "-rf", folder / "growing"], check=True)
    command = [PROGRAM, "train", *flags(values), f"--out={folder / 'growing'}", "--quiet"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        while not list((folder / "growing").glob("*.h5")):
            time.sleep(0.02)
        yield next((folder / "growing").glob("*.h5"))
    finally:
        process.kill()
        process.wait()


def recorded_seconds(path: pathlib.Path) -> list[float]:
    with h5py.File(path, swmr=True) as file:
        return file["seconds"][: len(file["step"])].tolist()


def growing(table: Table, chromium, folder: pathlib.Path, _: int):
    """How long ago the newest step that the page does not show has ended: what a reader waits at most."""
    with training(folder, {**BESIDE, "threads": 1}) as path, watching(folder / "growing", cwd=folder) as server:
        with visit(chromium, server.address) as one:
            shown = []
            for _ in range(300):
                text = one.page.inner_text("#list")
                if "step " in text:
                    shown.append((time.time(), int(text.partition("step ")[2].split()[0])))
                time.sleep(0.1)
        # When each step ended: back from the last one that was written, whose file was changed right after it.
        seconds, end = recorded_seconds(path), os.stat(path).st_mtime
    ends = {len(seconds) - 1: end}
    for step in range(len(seconds) - 1, 0, -1):
        ends[step - 1] = ends[step] - seconds[step]
    lags = [max(0.0, now - ends[step + 1]) for now, step in shown if step + 1 in ends]
    table.add("a growing run: seconds since the end of the first step that is not on the page", "3 s", spread(lags))


def share(server: Server, seconds: float) -> str:
    before = processor_seconds(server)
    time.sleep(seconds)
    return f"{100 * (processor_seconds(server) - before) / seconds:.2f} % of a core, {megabytes(server):.0f} MB"


def idle(table: Table, chromium, folder: pathlib.Path, _: int):
    for name, what in (("long", "the long run"), ("many", "200 runs")):
        with watching(folder / name, cwd=folder) as server:
            server.wait(lambda rows: True, seconds=60)
            time.sleep(3)
            table.add(f"without news and without a page, {what}", "1 %, 150 MB", share(server, 30))
            with visit(chromium, server.address):
                time.sleep(20)
                table.add(f"without news, a page open, {what}", "1 %, 150 MB", share(server, 30))


def follow(server: Server, is_over: threading.Event):
    """A page on another machine: hears the news, and asks for the view and the findings as often as the page does."""
    connection = http.client.HTTPConnection(server.host, server.port, timeout=30)
    connection.request("GET", "/api/events")
    news, due = connection.getresponse(), {"view": 0.0, "findings": 0.0}
    while not is_over.is_set():
        try:
            line = news.readline()
        except TimeoutError:  # It stands still.
            continue
        if not line.startswith(b"data:"):
            continue
        for path in due:
            if (now := time.monotonic()) >= due[path]:
                with contextlib.suppress(TimeoutError):
                    server.json(path)
                work = time.monotonic() - now
                due[path] = now + (max(1, min(2, 200 * work), min(15, 100 * work)) if path == "view" else max(10, 20 * work))


@contextlib.contextmanager
def page_elsewhere(server: Server):
    is_over = threading.Event()
    reader = threading.Thread(target=follow, args=(server, is_over), daemon=True)
    reader.start()
    yield
    is_over.set()


def beside(table: Table, chromium, folder: pathlib.Path, rounds: int):
    """The server stands still and goes on in turn; each step belongs to the turn in which it ended."""
    pages = {"a page elsewhere": lambda server: page_elsewhere(server), "a page in a browser of this machine": lambda server: visit(chromium, server.address)}
    for name, page in pages.items():
        one_beside(table, name, page, folder, rounds)


def one_beside(table: Table, name: str, page, folder: pathlib.Path, rounds: int):
    with training(folder, BESIDE) as path, watching(folder / "growing", cwd=folder) as server:
        with page(server):
            time.sleep(10)
            marks = [recorded_steps(path)]
            # Short turns: a machine's speed drifts by more than what is looked for within a minute.
            for turn in range(60 * rounds):
                stop(server, turn % 4 in (0, 3))
                time.sleep(4)
                marks.append(recorded_steps(path))
            stop(server, False)
            seconds = recorded_seconds(path)
            # The first step of a turn may have begun in the turn before.
            turns = [statistics.mean(seconds[a + 1 : b]) for a, b in zip(marks, marks[1:])]
            ratios = []
            for alone, beside_one, beside_two, alone_again in zip(*(turns[start::4] for start in range(4))):
                ratios += [100 * (beside_one / alone - 1), 100 * (beside_two / alone_again - 1)]
            table.add(f"a step of the training beside a server with {name}, {len(ratios)} pairs in turn", "1 %", shift(ratios))
            table.add("the server meanwhile", "", share(server, 20))


def shift(differences: list[float]) -> str:
    """The median of all pairs' means and its 95 % interval, which no single slow turn moves (Hodges and Lehmann 1963)."""
    count = len(differences)
    means = sorted((a + b) / 2 for number, a in enumerate(differences) for b in differences[number:])
    left_out = count * (count + 1) / 4 - 1.96 * math.sqrt(count * (count + 1) * (2 * count + 1) / 24)
    place = max(0, math.floor(left_out))
    return f"{statistics.median(means):+.2f} % [{means[place]:+.2f}, {means[-1 - place]:+.2f}]"


def recorded_steps(path: pathlib.Path) -> int:
    with h5py.File(path, swmr=True) as file:
        return len(file["step"])


def stop(server: Server, stands: bool):
    for process in processes(server):
        subprocess.run(["kill", "-STOP" if stands else "-CONT", process], check=True)


MEASURES = dict(long=long, many=many, growing=growing, idle=idle, beside=beside)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    parser.add_argument("--only", nargs="*", choices=MEASURES, default=list(MEASURES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=pathlib.Path, help="the file that gets the table")
    options = parser.parse_args()
    options.folder = options.folder.resolve()  # The program is started in it.
    options.folder.mkdir(parents=True, exist_ok=True)
    table = Table()
    with browser() as chromium:
        for name in options.only:
            MEASURES[name](table, chromium, options.folder, options.rounds)
    if options.out:
        options.out.write_text(table.text())


if __name__ == "__main__":
    main()
