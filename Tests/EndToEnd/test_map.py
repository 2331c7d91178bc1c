"""The map of the house holds: each target of Sources imports only what this table lets it, and everything it names lies below it.

A new target, or a new arrow between two, gets its line here. An arrow that would run upwards has no place in the table.
"""

import pathlib
import re

import pytest

SOURCES = pathlib.Path(__file__).resolve().parents[2] / "Sources"

# Target: what it may import of ours. From the bottom to the top; each names only targets above its own line.
MAP = {
    # C
    "CChecksums": "",
    "CHDF5": "",
    "COneDNN": "",
    "COpenBLAS": "",
    "CProcessor": "",
    # Values and tools that know of nothing else.
    "BuildInfo": "",
    "Text": "",
    "Architecture": "Text",
    "Randomness": "",
    "Checksums": "CChecksums",
    "RunData": "",
    "FileAccess": "",
    "Isolation": "",
    # One thing each.
    "Statistics": "Randomness",
    "Kernels": "Architecture COneDNN COpenBLAS CProcessor Randomness RunData",
    "HDF5": "CHDF5",
    "Charts": "Text",
    "Corpus": "Architecture Checksums FileAccess Randomness RunData",
    "Checkpoints": "Architecture Checksums FileAccess RunData",
    "RunFile": "Checksums HDF5 RunData",
    "TensorBoard": "Checksums",
    # What is made of them.
    "Transformer": "Architecture Kernels Randomness RunData",
    "Documents": "Charts Statistics Text",
    "Training": "Architecture Corpus Kernels Randomness RunData Transformer",
    # Numbers about runs and checkpoints.
    "Analysis": "Architecture Charts Documents RunData Statistics Text",
    "Comparison": "Analysis Architecture Charts Checkpoints Documents Kernels RunData Statistics Text",
    # Runs and checkpoints that others may have damaged.
    "RunReading": "Analysis Checkpoints Documents FileAccess Isolation RunData RunFile Text",
    "Export": "Analysis Charts Documents FileAccess RunData RunFile RunReading Statistics TensorBoard Text",
    # What models are worth: losses on a text, tasks.
    "Evaluation": "Charts Corpus Documents FileAccess Kernels Randomness Statistics Text Transformer",
    # Models that learn a task.
    "FineTuning": (
        "Architecture Charts Documents Evaluation FileAccess Kernels Randomness RunData Statistics Text Training Transformer"
    ),
    # Runs planned, made, gone on with; grids and recipes of them.
    "Experiments": (
        "Analysis Architecture BuildInfo Charts Checkpoints Checksums Corpus Documents Evaluation FileAccess FineTuning Isolation"
        " Kernels RunData RunFile RunReading Statistics Text Training Transformer"
    ),
    # Runs while they grow, as a page.
    "Watch": "Analysis Charts Checksums Documents Isolation RunData RunFile Text",
    # The commands: what a user says, what several of them do, and they themselves.
    "CommandOptions": (
        "Analysis Architecture Charts Checkpoints Checksums Comparison Corpus Documents Evaluation Experiments FileAccess FineTuning Isolation Kernels RunData RunFile Text Training Transformer"
    ),
    "CommandSupport": (
        "Analysis Architecture Charts Checkpoints CommandOptions Comparison Corpus Documents Evaluation Experiments FileAccess FineTuning Isolation Kernels RunData RunFile RunReading Statistics Text Training Transformer"
    ),
    "NFProbeCommands": (
        "Analysis Architecture Charts Checkpoints CommandOptions CommandSupport Comparison Corpus Documents Evaluation Experiments Export FileAccess FineTuning Isolation Kernels RunData RunFile RunReading Text Training Transformer Watch"
    ),
    "nf-probe": "NFProbeCommands",
}

# Packages of others, and who may use them: arguments are parsed by the commands alone, YAML there and
# where architectures are read.
PACKAGES = {
    "ArgumentParser": "CommandOptions CommandSupport NFProbeCommands",
    "Yams": "Architecture CommandOptions Experiments NFProbeCommands",
    "FlyingFox": "Watch",
    "FlyingSocks": "Watch",
    "RealModule": "Analysis Charts Comparison Evaluation Experiments FineTuning Kernels Randomness RunData Statistics Training Transformer",
}

IMPORT = re.compile(
    r"^\s*(?:@\w+(?:\(\w+\))?\s+)*(?:public |package |internal |fileprivate |private )?import (?:\w+ )?(\w+)", re.M
)


def wrong_arrows(sources: pathlib.Path) -> list[str]:
    """Imports that the map does not have, as `Analysis -> RunFile (Analysis/Table.swift)`."""
    found = []
    for file in sorted(sources.rglob("*.swift")):
        target = file.relative_to(sources).parts[0]
        for name in IMPORT.findall(file.read_text()):
            allowed = MAP.get(target, "").split() + [package for package, users in PACKAGES.items() if target in users.split()]
            if (name in MAP or name in PACKAGES) and name not in allowed:
                found.append(f"{target} -> {name} ({file.relative_to(sources)})")
    return found


def test_every_target_is_on_the_map():
    assert {folder.name for folder in SOURCES.iterdir() if folder.is_dir()} == set(MAP)


def test_arrows_point_down():
    above = set()
    for target, names in MAP.items():
        upwards = [f"{target} -> {name}" for name in names.split() if name not in above]
        assert upwards == []
        above.add(target)


def test_imports_follow_the_map():
    assert wrong_arrows(SOURCES) == []


@pytest.mark.parametrize(
    ("line", "arrow"),
    [
        ("import NFProbeCommands", "Charts -> NFProbeCommands"),
        ("@testable import RunFile", "Charts -> RunFile"),
        ("private import struct RunData.StepRecord", "Charts -> RunData"),
        ("import ArgumentParser", "Charts -> ArgumentParser"),
    ],
)
def test_an_arrow_that_runs_back_is_named(tmp_path, line, arrow):
    (tmp_path / "Charts").mkdir()
    (tmp_path / "Charts/Figure.swift").write_text(f"import Text\n{line}\n")
    assert wrong_arrows(tmp_path) == [f"{arrow} (Charts/Figure.swift)"]
