"""What is known about a run before its first step; it is written once and never changes."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import google_crc32c

UNKNOWN = "unknown"
"""A label that nobody stated. Two unknowns are not known to be equal, so commands refuse to compare them."""


@dataclass(frozen=True)
class Contract:
    """What the gradients of a run are gradients of, and where in the step they were read.

    The fields are attributes of the run file. What a training script does not state stays `unknown`, never a guess.
    """

    loss: str = UNKNOWN
    """The differentiated loss, e.g. `token negative log-likelihood`."""
    reduction: str = UNKNOWN
    """`mean` or `sum` over the tokens that `scope` names."""
    scope: str = UNKNOWN
    """`global batch` is all micro-batches of all workers."""
    unit: str = UNKNOWN
    """`nats` or `bits`."""
    gradient_scale: str = "1"
    """The factor that the recorded gradients still carry."""
    measured_at: str = "before clipping, before weight decay"
    """Where in the step the gradients are read."""
    accumulation: str = "float64"
    """The floating-point type that the sums were accumulated in."""
    objective: str = UNKNOWN
    """`causal` or `masked`."""

    @classmethod
    def language_model(cls, objective: str) -> Contract:
        """The contract of nf-probe's own training: the mean token loss in nats over the global batch."""
        return cls("token negative log-likelihood", "mean", "global batch", "nats", objective=objective)

    @property
    def labels(self) -> dict[str, str]:
        """The labels by their attributes' names, in file order."""
        return {
            "loss": self.loss, "reduction": self.reduction, "scope": self.scope, "unit": self.unit,
            "gradient_scale": self.gradient_scale, "measured_at": self.measured_at,
            "accumulation": self.accumulation, "objective": self.objective,
        }  # fmt: skip


@dataclass(frozen=True)
class Machine:
    """The program and the machine that recorded a run."""

    program: str
    cpu: str
    blas: str
    threads: int

    @property
    def summary(self) -> str:
        """One line of it all, for one attempt at a run."""
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        return f"{self.program}; {self.blas}; {threads}; {self.cpu}"


@dataclass(frozen=True)
class Corpus:
    """The text that a run learns from, and the floors that its loss is read against."""

    name: str = UNKNOWN
    sha256: str = UNKNOWN
    token_count: int | None = None
    vocabulary_size: int = 0
    unigram_entropy: float = float("nan")
    """Nats a token; a model that has learned token frequencies alone reaches it. Not a number where unknown."""
    entropy_rate: float | None = None
    """Nats a token that no model can go below, where that is known."""


@dataclass(frozen=True)
class Scale:
    """A learned gain or scale whose values are kept in snapshots."""

    name: str
    """Name in a run file after `scale_`."""
    axis: str
    """`model_element`, `ffn_element` or `head`."""


@dataclass(frozen=True)
class GradientLayout:
    """The columns of every gradient variable: a full `(layer, tensor)` grid, and the tensors outside the layers."""

    layer_names: tuple[str, ...]
    tensor_names: tuple[str, ...]
    stem_tensor_names: tuple[str, ...]
    element_counts: tuple[int, ...]
    """`(layer, tensor)`, layer-major; 0 where a layer has no such tensor."""
    stem_element_counts: tuple[int, ...]
    is_zero_by_construction: tuple[bool, ...]
    """`(layer, tensor)`: only rounding noise is measured there."""
    stem_is_zero_by_construction: tuple[bool, ...]


@dataclass(frozen=True)
class ExpertLayout:
    """The columns of the sums by expert: a full `(layer, expert)` grid."""

    count: int = 0
    """Experts of a layer, at most; 0 where they are not measured."""
    element_counts: tuple[int, ...] = ()
    """`(layer, expert)`, layer-major, of all its tensors together; 0 where a layer has no such expert."""


@dataclass(frozen=True)
class OutputLayout:
    """The operations whose outputs are measured; none where they are not."""

    operation_names: tuple[str, ...] = ()
    """Within a layer, in the order of the forward pass: a full `(layer, operation)` grid."""
    stem_operation_names: tuple[str, ...] = ()
    """After the layers."""

    @property
    def is_measured(self) -> bool:
        """Whether there is any."""
        return bool(self.operation_names)


@dataclass(frozen=True)
class Manifest:
    """The facts of a run that its file begins with."""

    run_id: str
    """16 hexadecimal digits."""
    architecture: str
    configuration: Mapping[str, object]
    contract: Contract
    seed: int
    corpus: Corpus
    machine: Machine
    gradients: GradientLayout
    model_dim: int
    ffn_dim: int
    head_count: int
    started_at: str
    scales: tuple[Scale, ...] = ()
    has_loss_scale: bool = False
    experts: ExpertLayout = ExpertLayout()
    has_parameters: bool = False
    """Whether sums of weights and updates are recorded."""
    has_noise: bool = False
    """Whether sums by parts of the batch are recorded."""
    outputs: OutputLayout = OutputLayout()
    configuration_json: str = field(init=False)

    def __post_init__(self) -> None:
        text = json.dumps(self.configuration, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
        object.__setattr__(self, "configuration_json", text)

    @property
    def scale_list(self) -> str:
        """The scales as one attribute: `ffn_layernorm:ffn_element c_attn:head`."""
        return " ".join(f"{scale.name}:{scale.axis}" for scale in self.scales)

    @property
    def checksum(self) -> int:
        """CRC-32C of everything above: strings as UTF-8 and a NUL, numbers as eight little-endian bytes."""
        return int(google_crc32c.value(b"".join(self._parts())))

    def _parts(self) -> Iterable[bytes]:
        def texts(*values: str) -> bytes:
            return b"".join(value.encode() + b"\0" for value in values)

        def integers(*values: int) -> bytes:
            return struct.pack(f"<{len(values)}q", *values)

        corpus, machine, gradients = self.corpus, self.machine, self.gradients
        yield texts(self.run_id, self.architecture, self.configuration_json, self.started_at)
        yield texts(*self.contract.labels.values())
        yield struct.pack("<Q", self.seed)
        yield texts(corpus.name, corpus.sha256)
        yield integers(-1 if corpus.token_count is None else corpus.token_count, corpus.vocabulary_size)
        rate = float("inf") if corpus.entropy_rate is None else corpus.entropy_rate
        yield struct.pack("<2d", corpus.unigram_entropy, rate)
        yield texts(machine.program, machine.cpu, machine.blas)
        yield integers(machine.threads, self.model_dim, self.ffn_dim, self.head_count)
        stem_operations = self.outputs.stem_operation_names
        for names in (
            gradients.layer_names, gradients.tensor_names, gradients.stem_tensor_names, self.outputs.operation_names,
            (self.scale_list,), *([stem_operations] if stem_operations else []),
        ):  # fmt: skip
            yield integers(len(names)) + texts(*names)
        if self.has_loss_scale:
            yield texts("loss_scale")
        if self.has_parameters:
            yield texts("weights", "updates")
        if self.has_noise:
            yield texts("noise")
        if self.outputs.is_measured:
            yield texts("moments")
        yield integers(*gradients.element_counts, *gradients.stem_element_counts)
        yield bytes(gradients.is_zero_by_construction + gradients.stem_is_zero_by_construction)
