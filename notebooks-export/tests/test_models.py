"""Models of many libraries are recorded without an option, and what a column says a tensor is, it is."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from attaching import many_parameters
from torch import Tensor, nn

import nf_probe
from cases import CHOSEN, Case, case_of, elements
from conftest import gradients
from nf_probe.measuring.layout import Part
from roles import is_affine, lies_along, same, same_set, watch


@pytest.fixture(params=CHOSEN)
def case(request: pytest.FixtureRequest) -> Case:
    return case_of(request.param)


def test_every_tensor_is_recorded_as_autograd_has_it(case: Case, tmp_path: Path) -> None:
    model, architecture = case.made.module, case.architecture
    with nf_probe.Recorder(tmp_path / "run.h5", model) as recorder:
        case.made.loss(model).backward()
        recorder.step()
        expected: dict[int, list[Tensor]] = {}
        for part in case.layout.parts:
            gradient = case.parameters[part.parameter].grad
            if gradient is not None:
                own = elements(part, gradient)
                assert own.numel() == part.element_count
                expected.setdefault(part.cell, []).append(own.clone())
        model.zero_grad(set_to_none=True)
    names = case.layout.gradients
    full = [f"{layer}.{tensor}" for layer in names.layer_names for tensor in names.tensor_names]
    found = {sum_name: gradients(tmp_path / "run.h5", sum_name) for sum_name in ("l1", "sum_squares")}
    for cell, tensors in expected.items():
        name = [*full, *names.stem_tensor_names][cell]
        l1 = sum(float(tensor.abs().sum()) for tensor in tensors)
        squares = sum(float(tensor.square().sum()) for tensor in tensors)
        assert found["l1"][name][0] == pytest.approx(l1, rel=1e-6, abs=1e-300), name
        assert found["sum_squares"][name][0] == pytest.approx(squares, rel=1e-6, abs=1e-300), name
    # Every element once.
    total = sum(p.numel() for p in case.parameters.values())
    assert sum(names.element_counts) + sum(names.stem_element_counts) == total
    assert (case.placing.adapter, case.layout.stack) == (architecture.adapter, architecture.stack)
    assert len(names.layer_names) == architecture.layers
    assert architecture.roles <= set(names.tensor_names)
    assert case.placing.notes == []


def _blocks(model: nn.Module) -> list[nn.Module]:
    """The modules that are repeated: lists of at least two modules of one kind, the outermost."""
    found: list[nn.Module] = []

    def visit(module: nn.Module) -> None:
        children = list(module.children())
        is_list = isinstance(module, (nn.ModuleList, nn.ModuleDict, nn.Sequential))
        if is_list and len(children) > 1 and len({type(child) for child in children}) == 1:
            found.extend(children)
            return
        for child in children:
            visit(child)

    visit(model)
    return found


def test_every_matrix_of_a_repeated_block_is_in_a_layer(case: Case) -> None:
    inside = {id(p) for block in _blocks(case.made.module) for p in block.parameters() if p.dim() > 1}
    assert inside or case.name in ("cnn", "numberless")
    by_parameter = {part.parameter: part for part in case.layout.parts}
    for name, parameter in case.parameters.items():
        if id(parameter) in inside:
            placed = by_parameter[name].placed
            assert placed is not None and placed.place.layer is not None, name


def _owner(part: Part) -> str:
    return part.parameter.rpartition(".")[0]


def _tensors(case: Case, stack: str, layer: int) -> dict[str, Part]:
    return {name: part for own, at, name, part in case.roles() if (own, at) == (stack, layer)}


def _layers(case: Case) -> list[tuple[str, int]]:
    return sorted({(stack, layer) for stack, layer, _, _ in case.roles()})


def _by_output(part: Part, values: Tensor) -> Tensor:
    """`(output, input)` of a projection's part."""
    assert part.placed is not None
    return values.T if part.placed.is_transposed else values.flatten(0, -2)


def test_queries_and_keys_are_where_the_scores_have_them(case: Case) -> None:
    """The scores of the last position for the first two depend on the query of the one and the keys of the others: the
    derivative by a matrix has rows along what went into it there. Values change no score."""
    attentions = [
        (stack, layer, prefix)
        for stack, layer in _layers(case)
        for prefix in ("self_attn", "encoder_attn")
        if f"{prefix}.out_proj.weight" in _tensors(case, stack, layer)
    ]
    if not attentions:
        pytest.skip("the model has no attention that a table knows")
    for (stack, layer, prefix), scores in zip(_in_order(case, attentions), case.seen.scores, strict=True):
        tensors = _tensors(case, stack, layer)
        parts = {name: p for name, p in tensors.items() if name.startswith(f"{prefix}.")}
        # A model with adapters does not train what they adapt.
        chosen = [n for n in dict.fromkeys(p.parameter for p in parts.values()) if case.parameters[n].requires_grad]
        # Of the first of two rows, all heads.
        own_scores = scores[0] if scores.dim() == 4 else scores[: len(scores) // 2]
        # What some models subtract of all scores of a position says nothing.
        score = (own_scores[:, -1, 0] - own_scores[:, -1, 1]).sum()
        slopes = torch.autograd.grad(
            score, [case.parameters[name] for name in chosen], retain_graph=True, allow_unused=True
        )
        slope = dict(zip(chosen, slopes, strict=True))
        for name, part in parts.items():
            kind = name.removeprefix(f"{prefix}.").split(".")
            at = {"q_proj": [-1], "q_b_proj": [-1], "q_a_proj": [-1], "k_proj": [0, 1]}.get(kind[0])
            if part.parameter not in slope:
                continue
            gradient = slope[part.parameter]
            own = None if gradient is None else elements(part, gradient)
            if kind[0] in ("v_proj", "out_proj"):
                assert own is None or not own.any(), name
            elif at is not None and case.parameters[part.parameter].dim() > 1:
                assert own is not None, name
                assert lies_along(_by_output(part, own), case.seen.inputs[_owner(part)][0][0, at]), name
            elif kind[0] == "q_proj":
                assert own is not None and own.any(), name


def _in_order(case: Case, attentions: list[tuple[str, int, str]]) -> list[tuple[str, int, str]]:
    """In the order of the forward pass; a vision tower comes before its language model."""
    order = {name: index for index, name in enumerate(case.seen.inputs)}

    def position(attention: tuple[str, int, str]) -> int:
        stack, layer, prefix = attention
        owner = _owner(_tensors(case, stack, layer)[f"{prefix}.out_proj.weight"])
        # PyTorch's own attention does not call its projections.
        return order.get(owner, order.get(owner.rpartition(".")[0], 0))

    return sorted(attentions, key=position)


def test_norms_stand_where_their_roles_say(case: Case) -> None:
    checked = 0
    for stack, layer in _layers(case):
        tensors = _tensors(case, stack, layer)
        for name, part in tensors.items():
            role = name.removesuffix(".weight")
            if name.endswith(".weight") and role in _NORMS:
                given, made = (found[_owner(part)][0] for found in (case.seen.inputs, case.seen.outputs))
                assert _stands(case, tensors, role, given, made), f"{stack} {layer} {name}"
                checked += 1
    has_norms = any(role.removesuffix(".weight") in _NORMS for role in case.architecture.roles)
    assert checked or not has_norms


_NORMS = {
    "self_attn_layer_norm": "self_attn", "encoder_attn_layer_norm": "encoder_attn", "final_layer_norm": "ffn",
    "attn_ln": "self_attn", "ffn_ln": "ffn", "self_attn.q_layer_norm": "self_attn.q_proj",
    "self_attn.k_layer_norm": "self_attn.k_proj",
}  # fmt: skip


def _stands(case: Case, tensors: dict[str, Part], role: str, given: Tensor, made: Tensor) -> bool:
    entries, branch = _sublayer(case, tensors, _NORMS[role])
    if role.endswith(("q_layer_norm", "k_layer_norm")):
        part = tensors[f"{_NORMS[role]}.weight"]
        projected = case.seen.outputs[_owner(part)][0]
        if part.cuts:
            width = given.numel() // projected[..., 0].numel()
            return any(same_set(given, piece) for piece in projected.split(width, dim=-1))
        return same_set(given, projected)
    if role in ("attn_ln", "ffn_ln"):
        return any(same(given, output) for output in branch)
    # Before the branch it gives what that takes; behind the sum it takes the branch's output and what passed it by.
    if any(same(made, entry) for entry in entries):
        return True
    return any(
        same(given, output + passed)
        for output in branch for passed in [entries[0]]
        if output.shape == passed.shape == given.shape
    )  # fmt: skip


def _sublayer(case: Case, tensors: dict[str, Part], sublayer: str) -> tuple[list[Tensor], list[Tensor]]:
    """What a sublayer takes, and what it gives."""
    if sublayer == "ffn":
        into, out = ["fc1.weight", "fc_gate.weight", "router.weight"], ["fc2.weight", "experts.fc2.weight"]
    else:
        into = [f"{sublayer}.{name}_proj.weight" for name in ("q", "q_a", "kv_a")]
        out = [f"{sublayer}.out_proj.weight"]
    owners = [_owner(tensors[name]) for name in into if name in tensors]
    entries = [tensor for owner in owners for tensor in case.seen.inputs[owner]]
    ends = [_owner(tensors[name]) for name in out if name in tensors]
    # What a mixture gives has its shared experts in it.
    ends += [owner.rpartition(".")[0] for owner in ends]
    return entries, [tensor for owner in ends for tensor in case.seen.outputs[owner]]


def test_gates_and_values_and_outputs_of_ffns(case: Case) -> None:
    """The FFN's output is affine in the values' projection and in the last one, and not in the gate's."""
    layers = [(s, n) for s, n in _layers(case) if {"fc2.weight", "experts.fc2.weight"} & _tensors(case, s, n).keys()]
    if not layers:
        pytest.skip("the model has no FFN that a table knows")
    for stack, layer in (layers[0], layers[-1]):
        tensors = _tensors(case, stack, layer)
        for experts in ("", "experts.", "shared_experts."):
            last = tensors.get(f"{experts}fc2.weight")
            if last is None:
                continue
            for kind in ("fc_gate", "fc1", "fc2"):
                part = tensors.get(f"{experts}{kind}.weight")
                if part is None:
                    continue

                def output(last: Part = last) -> Tensor:
                    return watch(case.made.module, case.made.loss).outputs[_owner(last)][0]

                is_affine_in_it = is_affine(output, case.parameters[part.parameter], _mask(case, part))
                if kind != "fc1" or f"{experts}fc_gate.weight" in tensors:
                    assert is_affine_in_it == (kind != "fc_gate"), f"{stack} {layer} {experts}{kind}"


def _mask(case: Case, part: Part) -> Tensor:
    parameter = case.parameters[part.parameter]
    mask = torch.zeros(parameter.shape, dtype=torch.bool)
    elements(part, mask).fill_(True)
    return mask


def test_ten_thousand_parameters(tmp_path: Path) -> None:
    """How long attaching to them takes is measured by `benchmarks/attaching.py`."""

    model = many_parameters()
    assert len(list(model.parameters())) > 9_900
    nf_probe.Recorder(tmp_path / "run.h5", model).close()
    with nf_probe.open(tmp_path / "run.h5") as run:
        assert run.layer_count == 97 and "experts.fc2.weight" in run.tensors
