"""Run files of gradient norms that were logged elsewhere: `python -m nf_probe.importing --help`."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

from ..errors import UsageError
from ..exitstatus import exit_status
from ..names.places import adapter_names
from ..runfile.manifest import Contract
from .imported import Naming, Norms, Statement, import_run
from .series import Log, LogError, read_logs
from .sizes import checkpoint_shapes, listed_shapes, shapes_of
from .tags import (
    LEARNING_RATE_TAGS,
    LOSS_TAGS,
    VALIDATION_TAGS,
    find_gradient_tags,
    first_of,
    whole_gradient_tag,
)

_LABELS = [label.name for label in dataclasses.fields(Contract)]
_EXAMPLES = """\
examples:
  python -m nf_probe.importing runs/lightning --checkpoint model.safetensors --out run.h5
  python -m nf_probe.importing wandb_export.csv --norm l2 --shapes shapes.json --out run.h5
  nf-probe grads run.h5 --statistic l2

A run file needs to know how many elements each tensor has. Where there is no checkpoint, the training script can tell:
  json.dump({name: list(p.shape) for name, p in model.named_parameters()}, open("shapes.json", "w"))
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; its exit status."""
    options = _parser().parse_args(arguments)
    return exit_status("nf_probe.importing", lambda: _run(options))


def _run(options: argparse.Namespace) -> None:
    if options.out.exists() and not options.overwrite:
        raise LogError(f"{options.out} exists already; say --overwrite, or choose another --out")
    if any(source.exists() and options.out.exists() and source.samefile(options.out) for source in options.source):
        raise UsageError(f"{options.out} is the source itself; choose another --out")
    log = read_logs(options.source, run=options.run, step_column=options.step_column)
    norms = _norms(log, options)
    file = options.checkpoint or options.shapes
    known = checkpoint_shapes(file) if options.checkpoint else listed_shapes(file)
    shapes = shapes_of(dict.fromkeys(tag.parameter for tag in norms.gradients), known, file)
    naming = Naming(options.names, options.pattern, dict(options.rename))
    imported = import_run(
        log, norms, shapes, options.out, naming=naming, statement=_statement(options),
        sources=[source.name for source in options.source], replacing=options.overwrite,
    )  # fmt: skip
    for note in imported.notes:
        print(f"nf_probe.importing: {note}", file=sys.stderr)
    kinds = sorted({tag.norm for tag in norms.gradients})
    print(
        f"{options.out}: {imported.steps} steps, {imported.layers} layers, {imported.parameters} tensors, "
        f"norms {' '.join(kinds)}, names of {imported.names}"
    )
    for name, tag in vars(norms).items():
        if name != "gradients":
            print(f"  {name.replace('_', ' ')}: {'not known' if tag is None else tag}")
    statistic = next((kind for kind in ("l1", "l2") if kind in kinds), None)
    if statistic:
        print(f"nf-probe grads {options.out} --statistic {statistic}")


def _norms(log: Log, options: argparse.Namespace) -> Norms:
    tags = list(log.series)
    if not tags:
        raise LogError("the source holds no scalars at all")
    gradients = find_gradient_tags(tags, norm=options.norm, pattern=options.tag)
    if not gradients:
        shown = ", ".join(tags[:40]) + (f" and {len(tags) - 40} more" if len(tags) > 40 else "")
        raise LogError(
            "no tag is a gradient norm of a parameter (grad_2.0_norm/NAME, gradients/NAME, grad_norm/NAME, ...); say "
            f"which are with --tag REGEX. The tags are {shown}"
        )

    def chosen(option: str, given: str | None, guess: str | None) -> str | None:
        if given is not None and given not in log.series:
            raise UsageError(f"--{option}: there is no tag '{given}'; the tags without gradient norms are {others}")
        return given or guess

    taken = {tag.tag for tag in gradients}
    rest = [tag for tag in tags if tag not in taken]
    others = ", ".join(rest[:40]) or "none"
    return Norms(
        gradients,
        chosen("loss-tag", options.loss_tag, first_of(LOSS_TAGS, rest)),
        chosen("lr-tag", options.lr_tag, first_of(LEARNING_RATE_TAGS, rest)),
        chosen("total-tag", options.total_tag, whole_gradient_tag(rest)),
        chosen("validation-tag", options.validation_tag, first_of(VALIDATION_TAGS, rest)),
    )


def _statement(options: argparse.Namespace) -> Statement:
    contract = Statement().contract
    if options.objective:
        contract = dataclasses.replace(Contract.language_model(options.objective), accumulation="unknown")
    contract = dataclasses.replace(contract, **dict(options.contract))
    return Statement(contract, options.architecture, options.seed)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m nf_probe.importing", epilog=_EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
        description="A run file of per-parameter gradient norms that were logged to TensorBoard, W&B or CSV.",
    )  # fmt: skip
    add = parser.add_argument
    add("source", nargs="+", type=Path, help="event files, folders of them, CSV files of one run")
    add("--out", required=True, type=Path, metavar="RUN.h5", help="the run file")
    sizes = parser.add_mutually_exclusive_group(required=True)
    sizes.add_argument("--checkpoint", type=Path, metavar="FILE", help="safetensors that tell the parameters' sizes")
    sizes.add_argument("--shapes", type=Path, metavar="FILE", help="JSON that does: {name: shape or element count}")
    add("--norm", choices=["l1", "l2", "max"], help="which norm it is, where tags do not say so")
    add("--tag", metavar="REGEX", help="whole tags of gradient norms, with groups `name` and perhaps `norm`")
    add("--loss-tag", metavar="TAG", help="the training loss (guessed, like the next three)")
    add("--lr-tag", metavar="TAG", help="the learning rate")
    add("--total-tag", metavar="TAG", help="the whole gradient's L2 norm before clipping")
    add("--validation-tag", metavar="TAG", help="the loss on held-out text")
    add("--run", help="which run of a CSV export of several")
    add("--step-column", metavar="NAME", help="the CSV column of the optimizer step")
    names = parser.add_mutually_exclusive_group()
    names.add_argument("--names", choices=adapter_names(), metavar="ADAPTER", help="whose names the parameters have")
    names.add_argument("--pattern", metavar="REGEX", help="parameter names, with groups `layer` and `tensor`")
    add(
        "--rename",
        type=_pair,
        action="append",
        default=[],
        metavar="OLD=NEW",
        help="a name within a layer, to fairseq's",
    )
    add("--architecture", default="imported", help="what tables call the run, e.g. pre-ln")
    add("--seed", type=int, help="runs that differ only in it are taken together")
    add(
        "--objective", choices=["causal", "masked"],
        help="states that norms are of the mean token loss in nats over the global batch, before clipping",
    )  # fmt: skip
    add(
        "--contract", type=_label, action="append", default=[], metavar="LABEL=TEXT",
        help=f"states one thing: {', '.join(_LABELS)}",
    )  # fmt: skip
    add("--overwrite", action="store_true", help="replaces an existing run file")
    return parser


def _pair(text: str) -> tuple[str, str]:
    old, separator, new = text.partition("=")
    if not (old and separator and new):
        raise argparse.ArgumentTypeError(f"'{text}' is not of the form OLD=NEW")
    return old, new


def _label(text: str) -> tuple[str, str]:
    label, value = _pair(text)
    if label not in _LABELS:
        raise argparse.ArgumentTypeError(f"there is no label '{label}'; there are {', '.join(_LABELS)}")
    return label, value


if __name__ == "__main__":
    sys.exit(main())
