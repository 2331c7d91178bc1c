"""Which operation is shown where none is asked for, by a pattern, or where layers have different tensors."""

import shutil

import h5py
import pytest
from conftest import refuses, run_files, succeeds

LLAMA = {"fc1.weight": "mlp.gate_proj.weight", "fc2.weight": "mlp.down_proj.weight"}


def renamed(source, target, names: dict[str, str], without: dict[str, list[int]] | None = None):
    """A copy of a run whose tensors are called otherwise and, in some layers, are not there."""
    shutil.copy(source, target)
    with h5py.File(target, "r+") as file:
        tensors = [name.decode() for name in file["tensor"][...]]
        for tensor, layers in (without or {}).items():
            column = tensors.index(tensor)
            for layer in layers:
                file["gradient_count"][layer, column] = 0
        file["tensor"][...] = [names.get(name, name) for name in tensors]
    return target


@pytest.fixture(scope="module")
def models(recorded, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    source = next(path for path in run_files(recorded) if "pre-ln" in path.name)
    renamed(source, folder / "llama.h5", LLAMA)
    # A dense first layer, then others: its FFN is in one layer alone.
    renamed(source, folder / "deepseek.h5", {"fc1.weight": "experts.down_proj"}, {"fc2.weight": [1, 2, 3, 4], "fc1.weight": [0]})
    return folder


def test_the_last_large_matrix_of_a_layer_is_shown_and_said(models):
    result = succeeds("grads", "llama.h5", cwd=models)
    assert "Gradient mismatch of mlp.down_proj.weight" in result.stdout
    assert "no layer has fc2.weight: shown is mlp.down_proj.weight" in result.stderr
    for arguments in (
        ["export", "llama.h5", "--format=pgfplots", "--out=figure.tex", "--overwrite"],
        ["export", "llama.h5", "--format=notebook", "--out=book.ipynb", "--overwrite"],
        ["report", "llama.h5", "--out=report", "--overwrite"],
    ):
        assert "shown is mlp.down_proj.weight" in succeeds(*arguments, cwd=models).stderr
    assert "Gradient mismatch of mlp.down_proj.weight" in (models / "report/report.html").read_text()
    assert "mlp.down_proj.weight" in (models / "book.ipynb").read_text()
    # The same numbers as under the other name.
    named = succeeds("grads", "llama.h5", "--operation=mlp.down_proj.weight", cwd=models)
    assert named.stdout == result.stdout and "shown is" not in named.stderr


def test_a_pattern_stands_for_one_operation(models):
    result = succeeds("grads", "llama.h5", "--operation=*down_proj*", cwd=models)
    assert "Gradient mismatch of mlp.down_proj.weight" in result.stdout
    assert "*down_proj* stands for mlp.down_proj.weight" in result.stderr
    for command in (["grads"], ["report", "--out=none"], ["export", "--format=pgfplots", "--out=none.tex"]):
        refuses(
            *command, "llama.h5", "--operation=*_proj.weight", cwd=models,
            mentions=[r"'\*_proj.weight' stands for 6 operations", "mlp.gate_proj.weight", "name one"],
        )  # fmt: skip


def test_the_nearest_name_comes_first(models):
    refuses(
        "grads", "llama.h5", "--operation=down_proj", cwd=models,
        mentions=[r"did you mean mlp.down_proj.weight\?", "nearest first: mlp.down_proj.weight, "],
    )  # fmt: skip
    refuses("grads", "--operation=fc3.weight", cwd=models, mentions=["--operation", r"did you mean fc[12].weight\?"])


def test_layers_with_different_tensors_have_a_defined_answer(models, recorded):
    result = succeeds("grads", "deepseek.h5", cwd=models)
    assert "few layers have fc2.weight: shown is experts.down_proj" in result.stderr
    assert "undefined" not in result.stdout
    # Asked for all the same: what there is, and why there is no mismatch.
    dense = succeeds("grads", "deepseek.h5", "--operation=fc2.weight", cwd=models).stdout
    assert "only layer 0 has the tensor: there is no mismatch between layers" in dense
    experts = succeeds("grads", "deepseek.h5", "--operation=experts.down_proj", cwd=models).stdout
    assert "layer 0 without the tensor; first and last are taken among the others" in experts
    assert "undefined" not in experts
    other = next(path for path in run_files(recorded) if "normformer" in path.name)
    for arguments in (["ratio", "deepseek.h5", other], ["report", "deepseek.h5", other, "--out=mixed"]):
        succeeds(*arguments, cwd=models)


def test_the_paper_s_lines_are_of_its_own_operation(models):
    refuses("grads", "llama.h5", "--paper", "--svg=x.svg", cwd=models, mentions=["--paper", "fc2.weight"])
