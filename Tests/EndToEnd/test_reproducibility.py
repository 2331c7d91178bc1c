"""The same command gives the same numbers, and what is recorded does not change what is trained."""

import h5py
import numpy
from conftest import by_architecture, run_files, small, succeeds

# The clock, and the checksums that cover it.
CLOCK = {"seconds", "attempt_checksum", "status_time", "event_checksum"}


def contents(path) -> dict[str, bytes]:
    with h5py.File(path) as file:
        return {name: numpy.asarray(file[name][...]).tobytes() for name in file if file[name].dtype.kind != "O"}


def test_two_runs_of_one_command_agree_bit_by_bit(recorded, tmp_path):
    succeeds("grads", *small(out="runs"), cwd=tmp_path)
    for name in ("mismatch.csv", "mismatch.svg"):
        assert (tmp_path / "runs" / name).read_bytes() == (recorded / name).read_bytes()
    for architecture, path in by_architecture(tmp_path / "runs").items():
        first, second = contents(by_architecture(recorded)[architecture]), contents(path)
        assert first.keys() == second.keys()
        assert {name for name in first if first[name] != second[name]} <= CLOCK
        with h5py.File(path) as file, h5py.File(by_architecture(recorded)[architecture]) as other:
            assert file.attrs["run_id"] == other.attrs["run_id"]


def test_recording_less_or_more_changes_nothing(recorded, tmp_path):
    succeeds("grads", *small(out="less", every=4), cwd=tmp_path)
    succeeds("grads", *small(out="more", activations=True), cwd=tmp_path)
    for architecture, path in by_architecture(recorded).items():
        with h5py.File(path) as all_steps:
            with h5py.File(by_architecture(tmp_path / "less")[architecture]) as file:
                steps = file["step"][...]
                assert list(steps) == [0, 4, 8]
                for name in ("loss", "gradient_l1", "stem_gradient_sum_squares"):
                    assert (file[name][...] == all_steps[name][...][steps]).all()
                assert (file["scale_" + "final_layer_norm"][-1] == all_steps["scale_final_layer_norm"][-1]).all()
            with h5py.File(by_architecture(tmp_path / "more")[architecture]) as file:
                for name in ("loss", "gradient_l1", "stem_gradient_sum_squares"):
                    assert (file[name][...] == all_steps[name][...]).all()
                assert (file["activation_max_abs"][...] > 0).any()
                assert (file["activation_gradient_l1"][...] > 0).any()


def test_architectures_are_paired(recorded):
    """One seed gives every architecture the same batches, and the same embedding to look them up in."""
    hashes = set()
    for path in run_files(recorded):
        with h5py.File(path) as file:
            hashes.add((file.attrs["corpus_sha256"], int(file.attrs["seed"])))
    assert len(hashes) == 1


def test_another_seed_is_another_run(recorded, tmp_path):
    succeeds("grads", *small(out="other", seed=8, architectures="pre-ln"), cwd=tmp_path)
    (path,) = run_files(tmp_path)
    with h5py.File(path) as file, h5py.File(by_architecture(recorded)["pre-ln"]) as other:
        assert file.attrs["run_id"] != other.attrs["run_id"]
        assert (file["loss"][...] != other["loss"][...]).all()
