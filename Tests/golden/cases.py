"""The golden cases: every architecture, every addition alone and together, sizes that are multiples of nothing."""

from dataclasses import replace

from model import Configuration

SMALL = dict(layers=2, dim=6, heads=2, ffn_dim=11, vocab_size=13, sequence=5, batch=2)
DEEP = dict(layers=3, dim=10, heads=5, ffn_dim=14, vocab_size=17, sequence=7, batch=1)
WIDE = dict(layers=2, dim=12, heads=3, ffn_dim=11, vocab_size=17, sequence=5, batch=3)
ONE_TOKEN = dict(SMALL, sequence=1, batch=3)

NORMFORMER = dict(scale_attn=True, scale_fc=True, scale_heads="paper", scale_resids="ffn")
ARCHITECTURES = {
    "post-ln": Configuration(placement="post-ln"),
    "pre-ln": Configuration(placement="pre-ln"),
    "normformer": Configuration(placement="pre-ln", **NORMFORMER),
}
ADDITIONS = {
    "scale-attn": dict(scale_attn=True),
    "scale-fc": dict(scale_fc=True),
    "scale-heads-paper": dict(scale_heads="paper"),
    "scale-heads-fairseq": dict(scale_heads="fairseq"),
    "scale-heads-fairseq-2021": dict(scale_heads="fairseq-2021"),
    "scale-resids-ffn": dict(scale_resids="ffn"),
    "scale-resids-both": dict(scale_resids="both"),
    "qkv-norm": dict(qkv_norm=True),
    "geglu": dict(geglu=True),
}
EVERYTHING = dict(NORMFORMER, scale_resids="both", qkv_norm=True, geglu=True)


def all_cases() -> dict[str, Configuration]:
    cases = {}
    for name, architecture in ARCHITECTURES.items():
        cases[name] = replace(architecture, **DEEP)
        cases[f"{name}-wide"] = replace(architecture, **WIDE)
        cases[f"{name}-one-token"] = replace(architecture, **ONE_TOKEN)
        cases[f"{name}-rms"] = replace(architecture, norm="rms", **SMALL)
        cases[f"{name}-masked"] = replace(architecture, objective="masked", **SMALL)
    for placement in ("post-ln", "pre-ln"):
        for name, addition in ADDITIONS.items():
            cases[f"{placement}-{name}"] = replace(ARCHITECTURES[placement], **SMALL, **addition)
        # What is left when only the norms' kind changes under every addition at once.
        cases[f"{placement}-everything"] = replace(ARCHITECTURES[placement], **SMALL, **EVERYTHING)
        cases[f"{placement}-everything-rms-masked"] = replace(
            ARCHITECTURES[placement], norm="rms", objective="masked", **SMALL, **EVERYTHING
        )
    normformer = ARCHITECTURES["normformer"]
    cases["normformer-fairseq"] = replace(normformer, **dict(WIDE, batch=1), scale_heads="fairseq")
    cases["normformer-fairseq-2021"] = replace(normformer, **dict(WIDE, batch=1), scale_heads="fairseq-2021")
    cases["normformer-scale-resids-both"] = replace(normformer, **SMALL, scale_resids="both")
    cases["normformer-qkv-norm"] = replace(normformer, **SMALL, qkv_norm=True)
    cases["normformer-geglu"] = replace(normformer, **SMALL, geglu=True)
    cases["normformer-one-head"] = replace(normformer, **dict(SMALL, layers=1, heads=1))
    cases["normformer-heads-of-one"] = replace(normformer, **dict(SMALL, layers=1, heads=6))
    cases["everything-one-token"] = replace(ARCHITECTURES["pre-ln"], **ONE_TOKEN, **EVERYTHING)
    return cases
