#!/bin/sh
# Installs the wheel as a new user would, and uses all of it: check-wheel.sh FOLDER_OF_WHEELS CHECK_SCRIPT [torch]. Runs in a bare system.
set -eu
wheels=$1
check=$2
here=/tmp/wheel-check
rm -rf "$here" && mkdir "$here" && cd "$here"
python3 -m venv environment
environment/bin/python -m pip install --quiet --disable-pip-version-check --no-index --find-links "$wheels" nf-probe
# Nothing but what was said.
environment/bin/python -m pip list --format freeze | grep -viE '^(nf[-_]probe|google-crc32c|h5py|numpy|pip|setuptools|wheel)=' && {
  echo "check-wheel: the packages above came with it" >&2
  exit 1
}
sh "$check" "$here/environment/bin/nf-probe" "$here/work"
[ -s environment/share/man/man1/nf-probe.1 ] || exit 1

# The package finds the program, the program reads what the package reads.
PATH=/usr/bin:/bin environment/bin/python -m nf_probe --version
PATH=/usr/bin:/bin environment/bin/python - <<'END'
import pathlib
import nf_probe

path, *_ = sorted(pathlib.Path("work/runs").glob("*.h5"))
run = nf_probe.open(path)
assert len(run.steps) == 12 and run.mismatch("fc2.weight").early_late > 0
assert "<svg" in run.report("review").read_text()
assert nf_probe.find_program().parent.name == "bin"
END
# Elsewhere than in the environment's own folders.
environment/bin/python -m pip install --quiet --disable-pip-version-check --no-index --find-links "$wheels" --target aside nf-probe
aside/bin/nf-probe --version >/dev/null
PYTHONPATH=aside /usr/bin/python3 -m nf_probe --version

if [ "${3:-}" = torch ]; then
  environment/bin/python -m pip install --quiet --disable-pip-version-check --no-index --find-links "$wheels" 'nf-probe[torch]'
  environment/bin/python - <<'END'
import torch
import nf_probe

torch.manual_seed(0)
model = torch.nn.ModuleDict({"layers": torch.nn.ModuleList(torch.nn.Linear(8, 8) for _ in range(5))})
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
recorder = nf_probe.Recorder("recorded.h5", model, optimizer)
for _ in range(6):
    x = torch.randn(4, 8)
    for layer in model["layers"]:
        x = torch.tanh(layer(x))
    loss = (x - 1).square().mean()
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    recorder.step(loss, tokens=4)
recorder.close()
END
  environment/bin/nf-probe grads recorded.h5 --quiet >recorded.txt
  environment/bin/nf-probe report recorded.h5 --out recorded --quiet >/dev/null
  grep -q '<svg' recorded/report.html || exit 1
  echo "check-wheel: recorded with PyTorch, and read"
fi
environment/bin/python -m pip uninstall --quiet --yes nf-probe
[ ! -e environment/libexec/nf-probe/libscipy_openblas.so ] || exit 1
