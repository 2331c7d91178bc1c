"""Runs as Parquet: the same numbers as `nf-probe export` has."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pandas
import pytest
from pyarrow import parquet

import nf_probe
from conftest import Run
from nf_probe import parquet as writing
from nf_probe.parquet import main

SIZES = ["--layers=3", "--dim=8", "--heads=2", "--sequence=16", "--batch=2", "--steps=9", "--snapshot-every=3"]
KEYS = ["step", "layer", "tensor", "statistic"]


@pytest.fixture(scope="module")
def run_file(tmp_path_factory: pytest.TempPathFactory, nf_probe_command: Run) -> Path:
    folder = tmp_path_factory.mktemp("run")
    corpus = folder / "corpus.txt"
    corpus.write_text("to be or not to be, that is the question; " * 50)
    options = ["--corpus", corpus, "--hold-out=0.2", "--validate-every=4", "--activations", "--out", folder / "out"]
    nf_probe_command("train", *SIZES, "--architecture=normformer", *options)
    (found,) = (folder / "out").glob("*.h5")
    return found


def exported(run_file: Path, nf_probe_command: Run, folder: Path) -> pandas.DataFrame:
    path = folder / "run.csv"
    nf_probe_command("export", run_file, "--csv", path)
    return pandas.read_csv(path, dtype={"run": str}, converters={"value": float})


def in_order(table: pandas.DataFrame) -> pandas.DataFrame:
    table = table.assign(layer=table.layer.fillna(-1).astype(int), tensor=table.tensor.astype(object).fillna(""))
    table["statistic"] = table.statistic.astype(object)
    return table.sort_values(KEYS).reset_index(drop=True)


def test_the_table_has_every_number_of_the_export(
    run_file: Path, tmp_path: Path, nf_probe_command: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Several row groups, as of a long run.
    monkeypatch.setattr(writing, "_ROW_GROUP", 1000)
    out = tmp_path / "run.parquet"
    assert main([str(run_file), str(out)]) == 0
    assert parquet.ParquetFile(out).num_row_groups > 3
    table = parquet.read_table(out).to_pandas()
    assert list(table.columns) == ["run", "step", "layer", "tensor", "statistic", "value"]

    csv = exported(run_file, nf_probe_command, tmp_path)
    validations = table[table.statistic == "validation_loss"]
    steps, others = in_order(table), in_order(csv)
    assert len(steps) == len(others) > 3000
    assert set(table.run.astype(str)) == set(csv.run)
    for key in KEYS:
        assert (steps[key] == others[key]).all(), key
    np.testing.assert_array_equal(steps.value, others.value)
    with h5py.File(run_file) as file:
        assert len(validations) and list(validations.step) == list(file["validation_step"])
        np.testing.assert_array_equal(validations.value, file["validation_loss"])
    facts = json.loads(parquet.read_schema(out).metadata[b"nf_probe"])
    assert facts["architecture"] == "normformer" and facts["reduction"] == "mean"


def test_scales_have_an_element_each(run_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "run.parquet"
    assert main([str(run_file), str(out), "--scales"]) == 0
    table = parquet.read_table(out).to_pandas()
    with nf_probe.open(run_file) as run:
        wanted = run.scales("ffn_layernorm")
    found = table[table.statistic == "scale_ffn_layernorm"].set_index(["step", "layer", "element"]).value
    assert len(found) == wanted.size and len(np.unique(wanted)) > 10
    for snapshot in wanted.snapshot.values:
        for layer in range(3):
            row = wanted.sel(snapshot=snapshot, layer=layer).values
            np.testing.assert_array_equal(found[snapshot, layer].sort_index(), row.astype(float))
    assert table[table.statistic == "loss"].element.isna().all()


def test_a_damaged_step_is_left_out_and_told(
    run_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = tmp_path / "damaged.h5"
    shutil.copy(run_file, damaged)
    with h5py.File(damaged, "r+") as file:
        file["loss"][4] = 1.0
    assert main([str(damaged), str(tmp_path / "x.parquet")]) == 0
    assert "1 damaged steps" in capsys.readouterr().err
    table = parquet.read_table(tmp_path / "x.parquet").to_pandas()
    losses = table[table.statistic == "loss"]
    assert list(losses.step) == [0, 1, 2, 3, 5, 6, 7, 8]


def test_existing_files_stay_unless_told(run_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there = tmp_path / "there.parquet"
    there.write_bytes(b"x")
    assert main([str(run_file), str(there)]) == 1
    assert "--overwrite" in capsys.readouterr().err and there.read_bytes() == b"x"
    assert main([str(run_file), str(there), "--overwrite"]) == 0
    assert len(parquet.read_table(there)) > 0
    copy = tmp_path / "copy.h5"
    shutil.copy(run_file, copy)
    assert main([str(copy), str(copy), "--overwrite"]) == 1
    assert "run file itself" in capsys.readouterr().err and copy.read_bytes() == run_file.read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"there.parquet", "copy.h5"}


@pytest.mark.parametrize(
    ("source", "out", "message"),
    [("missing.h5", "x.parquet", "no such file"), ("text.h5", "x.parquet", "text.h5"), ("", "no/x.parquet", "no/x")],
)
def test_what_cannot_be_done_is_told(
    run_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], source: str,
    out: str, message: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("text.h5").write_text("no run")
    assert main([source or str(run_file), out]) == 1
    assert message in capsys.readouterr().err
    assert not Path(out).exists()


def test_it_runs_as_a_module_and_without_pyarrow_says_what_to_install(run_file: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "nf_probe.parquet", str(run_file), str(tmp_path / "x.parquet")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.endswith(" rows\n")
    code = "import sys; sys.modules['pyarrow'] = None; sys.meta_path.insert(0, type('F', (), "
    code += "{'find_spec': staticmethod(lambda name, *_: None)})); from nf_probe.parquet import main; "
    code += f"sys.exit(main({[str(run_file), str(tmp_path / 'y.parquet')]!r}))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 1 and "nf-probe[parquet]" in result.stderr
