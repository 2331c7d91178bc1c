"""`nf-probe watch` over HTTP: what it serves, to whom, and what it makes of files that grow, break and go.

The page itself is tried in a browser by `make watch-check`.
"""

import csv
import io
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import xml.etree.ElementTree

import h5py
import numpy
import pytest
from conftest import PROGRAM, by_architecture, environment, refuses, run_files, small, succeeds
from watching import watching


@pytest.fixture(scope="module")
def server(recorded):
    """A server of the three small runs, which tests only read."""
    with watching(recorded, cwd=recorded.parent) as running:
        running.runs(architecture="NormFormer")
        yield running


def test_the_list_says_of_every_run_how_it_does(server, recorded):
    rows = {row["architecture"]: row for row in server.json("runs")["rows"]}
    assert set(rows) == {"Post-LN", "Pre-LN", "NormFormer"}
    for name, path in by_architecture(recorded).items():
        row = next(row for row in rows.values() if row["name"] == path.name)
        with h5py.File(path) as file:
            assert file.attrs["architecture"] == name
            assert row["step"] == int(file["step"][-1]) and row["stepCount"] == 12
            assert row["loss"] == pytest.approx(float(file["loss"][-50:].mean()), rel=1e-12)
            assert row["unigramEntropy"] == pytest.approx(float(file.attrs["unigram_entropy"]))
        assert row["standing"] == "finished" and row["seed"] == "7"


def test_the_view_is_the_mismatch_that_grads_shows(server, recorded, tmp_path):
    files = run_files(recorded)
    shown = succeeds("grads", *files, "--format=csv", "--operation=fc1.weight", "--statistic=rms", "--window=4:10", cwd=tmp_path).stdout
    choices = dict(op="fc1.weight", stat="rms", window="4:10")
    table = server.get("api/table.csv", **choices)
    assert table.getheader("Content-Disposition") == 'attachment; filename="table.csv"'
    own = {row["architecture"]: row for row in csv.DictReader(io.StringIO(table.text))}
    for row in csv.DictReader(io.StringIO(shown)):
        assert own[row["architecture"]]["early_late"] == row["early_late"]
        assert own[row["architecture"]]["slope"] == row["slope"]
    view = server.json("view", **choices, width=800)
    assert view["operation"] == "fc1.weight" and view["window"] == [4, 10] and view["steps"] == [0, 11]
    assert "fc2.weight" in view["operations"] and "<table>" in view["tables"][0]


def test_the_figure_has_the_recorded_numbers_and_is_saved_as_on_paper(server, recorded):
    view = server.json("view", width=1000)
    assert [panel["name"] for panel in view["figure"]["panels"]] == ["Post-LN", "Pre-LN", "NormFormer"]
    with h5py.File(by_architecture(recorded)["pre-ln"]) as file:
        tensor = [name.decode() if isinstance(name, bytes) else name for name in file["tensor"][:]].index("fc2.weight")
        wanted = file["gradient_l1"][:, 0, tensor]
    line = next(series for series in view["figure"]["panels"][1]["series"] if series["name"] == "0" and not series["upper"])
    assert line["y"] == pytest.approx(wanted.tolist())
    saved = server.get("api/figure.svg")
    root = xml.etree.ElementTree.fromstring(saved.text)
    assert root.get("width") == "183mm"
    points = list(csv.DictReader(io.StringIO(server.get("api/figure.csv").text)))
    assert [float(p["y"]) for p in points if p["panel"] == "Pre-LN" and p["series"] == "0"] == pytest.approx(wanted.tolist())


def test_weights_and_updates_are_shown_where_they_were_measured(server, recorded):
    """At every tenth step; lines have the points of these alone."""
    view = server.json("view", width=1000, stat="weight-rms")
    with h5py.File(by_architecture(recorded)["pre-ln"]) as file:
        tensor = list(file["tensor"].asstr()).index("fc2.weight")
        squares, count = file["weight_sum_squares"][:, 0, tensor], file["gradient_count"][0, tensor]
        wanted = (squares / count) ** 0.5
        steps = file["step"][:][~numpy.isnan(wanted)]
    line = next(series for series in view["figure"]["panels"][1]["series"] if series["name"] == "0" and not series["upper"])
    assert line["x"] == steps.tolist() and line["y"] == pytest.approx(wanted[~numpy.isnan(wanted)].tolist())
    for stat in ("update-rms", "update/weight"):
        assert server.json("view", width=1000, stat=stat)["figure"]["panels"]


@pytest.mark.parametrize(
    ("choices", "says"),
    [
        (dict(op="fc3.weight"), "fc3.weight.*did you mean"),
        (dict(stat="l3"), "stat is one of l1, l2, rms, mean"),
        (dict(window="9:3"), "step window"),
        (dict(window="500:600"), "has recorded none"),
        (dict(layers="0,99"), "layers 0 to 4"),
        (dict(runs="nonsense"), "no run"),
    ],
)
def test_wrong_choices_are_answered_in_words(server, choices, says):
    response = server.get("api/view", **choices)
    assert response.status == 422 and re.search(says, json.loads(response.text)["error"])


def test_the_page_needs_nothing_but_this_server(server):
    page = server.get()
    assert page.status == 200 and "<title>nf-probe watch</title>" in page.text
    policy = page.getheader("Content-Security-Policy")
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';") and "unsafe" not in policy
    assert page.getheader("X-Content-Type-Options") == "nosniff" and page.getheader("Referrer-Policy") == "no-referrer"
    for name in re.findall(r'(?:src|href)="([^"#]+)"', page.text):
        part = server.get(name)
        assert part.status == 200 and part.text
        assert not re.search(r"https?://(?!www\.w3\.org)", part.text)
    assert not re.search(r"<script(?! src)|<style| style=| on\w+=", page.text)


def test_news_come_as_events(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        text = b""
        while b"]" not in text.partition(b"data: ")[2]:
            text += connection.recv(4096)
    assert b"text/event-stream" in text and b'"rows"' in text


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd", "/..%2f..%2fetc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/api/../../etc/passwd",
        "/pre-ln-seed7.h5", "/api/%2fetc%2fpasswd", "/api/pre-ln-seed7.h5", "/api/view/../../x.h5", "/Package.swift",
    ],
)  # fmt: skip
def test_no_file_is_served_but_the_page(server, path):
    answer = server.raw(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 404") and b"root:" not in answer and b"HDF" not in answer


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "127.0.0.1.evil.example"}, 421),
        ({"Host": "localhost@evil.example"}, 421),
        ({"Host": "localhost:80:x"}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 200),
        ({"Host": "localhost:9999"}, 200),
        ({"Host": "[::1]:8080"}, 200),
    ],
)
def test_pages_of_others_cannot_read_it(server, headers, status):
    for path in ("", "api/runs", "watch.js"):
        assert server.get(path, headers=headers).status == status


def test_it_only_reads(server):
    assert server.get("api/runs", method="POST").status == 405
    assert server.get("api/runs", method="DELETE").status == 405


def test_loopback_has_both_addresses(server):
    if not os.path.exists("/proc/net/if_inet6") or "00000001 01" not in pathlib.Path("/proc/net/if_inet6").read_text():
        pytest.skip("this machine has no ::1")
    assert server.get("api/runs", host="::1").status == 200


@pytest.mark.parametrize("arguments", [("--host=127.0.0.1", "--token"), ("--host=0.0.0.0",)])
def test_without_the_token_nothing_is_served(recorded, arguments):
    with watching(recorded, *arguments, cwd=recorded) as server:
        assert re.fullmatch(r"[0-9a-f]{32}", server.token)
        for path in ("", "api/runs", "api/view", "api/events", "watch.js", "icon.svg"):
            assert server.get(path, token=False).status == 403
            wrong = server.token[:-1] + ("0" if server.token[-1] != "0" else "1")
            assert server.get(path, token=False, headers={}).status == server.get(f"{path}?token={wrong}", token=False).status == 403
        page = server.get(headers={"Host": "proxy.example"})
        assert page.status == 200
        for name in re.findall(r'(?:src|href)="([^"#]+)"', page.text):
            assert f"token={server.token}" in name and server.get(name, token=False).status == 200


def test_a_prefix_of_a_proxy_does_not_matter(server):
    assert server.get("user/me/proxy/8080/").status == 200
    assert server.get("user/me/proxy/8080/watch.js").status == 200
    assert server.get("user/me/proxy/8080/api/runs").status == 200


def test_malformed_requests_leave_it_serving(server):
    """A few here, ten thousand with slow connections beside them in `make watch-check`."""
    for request in [b"\0" * 100, b"GET\r\n\r\n", b"GET / HTTP/9\r\n\r\n", b"x" * 7000, b"GET /" + b"a" * 6000 + b" HTTP/1.1\r\n\r\n",
                    b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n", b"\xff\xfe" * 50 + b"\r\n\r\n",
                    b"GET /api/view?op=%ff%00%zz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"]:  # fmt: skip
        server.raw(request)
    assert server.get("api/view").status == 200


def test_a_run_is_followed_from_its_first_step_to_its_kill(tmp_path):
    folder = tmp_path / "runs"
    folder.mkdir()
    with watching(folder, cwd=tmp_path) as server:
        assert server.json("runs")["rows"] == []
        assert server.get("api/view").status == 422
        training = subprocess.Popen(
            [PROGRAM, "train", *small(steps=100_000, architecture="pre-ln", out="runs/one", quiet=True)], cwd=tmp_path,
            env=environment(), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            row = server.wait(lambda rows: (rows[0].get("step") or 0) > 0)[0]
            assert row["standing"] == "running" and row["name"] == "one/pre-ln-seed7.h5"
            first = server.json("view")["steps"][1]
            server.wait(lambda rows: rows[0]["step"] > first)
            assert server.json("view")["steps"][1] > first
            assert row["secondsLeft"] > 0 and row["tokensPerSecond"] > 0
        finally:
            training.kill()
            training.communicate()
        row = server.wait(lambda rows: rows[0]["standing"] == "killed")[0]
        assert server.json("view")["steps"][1] == row["step"]


def test_files_that_are_damaged_replaced_and_deleted_are_lines_of_the_list(recorded, tmp_path):
    folder = tmp_path / "runs"
    folder.mkdir()
    sound, damaged = folder / "sound.h5", folder / "damaged.h5"
    shutil.copy(by_architecture(recorded)["pre-ln"], sound)
    damaged.write_bytes(sound.read_bytes()[:20_000])
    (folder / "text.h5").write_text("no run")
    os.mkfifo(folder / "pipe.h5")
    (folder / "link.h5").symlink_to(by_architecture(recorded)["post-ln"])
    with watching(folder, cwd=tmp_path) as server:
        rows = {row["name"]: row for row in server.runs(name="sound.h5")}
        # A link that leads out of the folder leads nowhere.
        assert set(rows) == {"sound.h5", "damaged.h5", "text.h5", "pipe.h5"}
        assert "cut off" in rows["damaged.h5"]["problem"] and "not an HDF5 file" in rows["text.h5"]["problem"]
        assert server.json("view")["figure"]["panels"][0]["name"] == "Pre-LN"
        os.replace(shutil.copy(by_architecture(recorded)["normformer"], tmp_path / "other.h5"), sound)
        server.runs(architecture="NormFormer")
        assert server.json("view")["figure"]["panels"][0]["name"] == "NormFormer"
        sound.unlink()
        row = next(row for row in server.runs(problem="the file is gone") if row["name"] == "sound.h5")
        assert row["problem"] == "the file is gone"


def test_a_reading_process_that_dies_is_replaced(recorded, tmp_path):
    with watching(recorded, cwd=tmp_path) as server:
        server.runs(architecture="NormFormer")
        for number in (signal.SIGSEGV, signal.SIGKILL):
            found = subprocess.run(["pgrep", "--parent", str(server.process.pid)], capture_output=True, text=True).stdout.split()
            assert len(found) >= 1
            for child in found:
                os.kill(int(child), number)
            assert server.get("api/view").status == 200
            assert not any(row.get("problem") for row in server.runs(architecture="NormFormer"))


def test_names_with_markup_are_text(recorded, tmp_path):
    folder = tmp_path / "runs"
    folder.mkdir()
    name = "<img src=x onerror=alert(1)>.h5"
    shutil.copy(by_architecture(recorded)["pre-ln"], folder / name)
    with watching(folder, cwd=tmp_path) as server:
        assert server.runs(name=name)[0]["name"] == name
        server.json("view", op="<b>fc2</b>")["error"].index("<b>fc2</b>")
    # What is markup in the page, the table and the figure, is escaped: the architecture's name comes out of the file.
    with h5py.File(folder / name, "r+") as file:
        file.attrs["architecture"] = "<script>alert(1)</script>"
    with watching(folder, cwd=tmp_path) as server:
        server.runs(name=name)
        view = server.json("view")
        for part in (view["tables"][0], view["figure"]["svg"]):
            assert "<script" not in part and "&lt;script&gt;" in part


def test_it_ends_on_interruption_and_says_what_is_wrong(recorded, tmp_path):
    with watching(recorded, cwd=tmp_path) as server:
        refuses("watch", recorded, f"--port={server.port}", "--no-open", cwd=tmp_path, mentions=[f"port {server.port}", "in use"])
        assert server.stop(signal.SIGINT) == 130
    with watching(recorded, cwd=tmp_path) as server:
        assert server.stop(signal.SIGTERM) == 143
    refuses("watch", "nowhere", cwd=tmp_path, mentions=["nowhere does not exist"])
    refuses("watch", cwd=tmp_path, mentions=["run or folder"])
    refuses("watch", recorded, "--port=0", cwd=tmp_path, mentions=["--port must be between"])
    refuses("watch", recorded, "--host=not.an.address", "--no-open", cwd=tmp_path, mentions=["no address of this machine"])


def test_a_watched_run_can_go_on(tmp_path):
    """A file that somebody looks at is not locked: an interrupted run goes on with it, and is followed again."""
    options = small(steps=100_000, architecture="pre-ln", out="runs", checkpoint_every=20, quiet=True)
    with watching(tmp_path, cwd=tmp_path) as server:
        for words in (["train", *options], ["train", "--resume", "runs", "--quiet"]):
            training = subprocess.Popen(
                [PROGRAM, *words], cwd=tmp_path, env=environment(), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
            )
            try:
                before = server.json("runs")["rows"]
                seen = before[0]["step"] if before else 0
                server.wait(lambda rows, seen=seen: rows[0]["standing"] == "running" and (rows[0].get("step") or 0) > seen + 60)
                assert server.get("api/view").status == 200
            finally:
                training.kill()
                training.communicate()
            server.wait(lambda rows: rows[0]["standing"] == "killed")
