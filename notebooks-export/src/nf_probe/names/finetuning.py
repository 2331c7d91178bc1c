"""Names of what fine-tuning adds to a model: low-rank adapters beside the projections that they adapt."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_ADDITION = re.compile(r"(?P<host>.+)\.(?P<part>(?:lora|ia3|hada|lokr|oft|boft|vera|randlora)_\w+)(?:\.(?P<set>\w+))?")
_BASE = re.compile(r"(?:\.base_layer)+(?=\.|$)")
"""Stands once for every kind of adapter that a layer has."""
_SAVED = re.compile(r"\.modules_to_save\.\w+\.")


@dataclass(frozen=True)
class HostName:
    """A parameter's name, in terms of the model that was there before."""

    host: str
    """The parameter that is added to, or the parameter itself."""
    addition: str = ""
    """What is added, e.g. `.lora_A.weight`; empty for the model's own parameters."""

    def named(self, host_name: str) -> str:
        """The name of this parameter where its host has another one."""
        if not self.addition:
            return host_name
        return host_name.removesuffix(".weight").removesuffix(".bias") + self.addition


def host_names(names: Iterable[str]) -> dict[str, HostName]:
    """The host of every parameter, by name. With adapters of several names in a model, additions keep them."""
    found = {name: _ADDITION.fullmatch(name.removesuffix(".weight").removesuffix(".bias")) for name in names}
    sets = {match["set"] for match in found.values() if match}
    hosts = {}
    for name, match in found.items():
        if match is None:
            hosts[name] = HostName(_SAVED.sub(".", _BASE.sub("", name)))
            continue
        kind = next((kind for kind in (".weight", ".bias") if name.endswith(kind)), "")
        own_set = f".{match['set']}" if len(sets) > 1 else ""
        host = _BASE.sub("", match["host"])
        hosts[name] = HostName(f"{host}.weight", f".{match['part']}{own_set}{kind}")
    return hosts
