"""Puts the program into the Python package's wheel: wheel.py PACKAGE.whl PREFIX PLATFORM FOLDER [installed].

The program goes to the wheel's scripts, everything else below PREFIX to its data: installers put both below one prefix, as the program
expects them, whichever scheme they use (environment, `--user`, `--prefix`, `--target`). Files lie in the archive by name and bear the
time of SOURCE_DATE_EPOCH: the same files make the same bytes.

With `installed`, what lies below PREFIX lies in the wheel as it will lie on disk. Such a wheel is for auditwheel alone, which follows the
libraries' paths from where the files lie.
"""

import base64
import hashlib
import os
import sys
import time
import zipfile
from pathlib import Path

TIME = time.gmtime(int(os.environ["SOURCE_DATE_EPOCH"]))[:6]


def contents(package: Path, prefix: Path, platform: str, as_installed: bool) -> dict[str, bytes]:
    """The wheel's files, by name."""
    with zipfile.ZipFile(package) as archive:
        files = {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    (info,) = {name.split("/")[0] for name in files if name.split("/")[0].endswith(".dist-info")}
    name = info.removesuffix(".dist-info")
    del files[f"{info}/RECORD"]
    about = files[f"{info}/WHEEL"].decode().replace("Root-Is-Purelib: true", "Root-Is-Purelib: false")
    files[f"{info}/WHEEL"] = about.replace("Tag: py3-none-any", f"Tag: py3-none-{platform}").encode()
    for path in sorted(path for path in prefix.rglob("*") if path.is_file()):
        place = path.relative_to(prefix).as_posix()
        if as_installed:
            place = f"prefix/{place}"
        elif place.startswith("share/doc/"):
            place = f"{info}/licenses/{path.name}"
        elif place.startswith("bin/"):
            place = f"{name}.data/scripts/{path.name}"
        else:
            place = f"{name}.data/data/{place}"
        files[place] = path.read_bytes()
    files[f"{info}/RECORD"] = record(files, info)
    return files


def record(files: dict[str, bytes], info: str) -> bytes:
    """What an installer checks: each file's SHA-256 and length."""
    lines = []
    for name, data in sorted(files.items()):
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(data)}\n")
    return ("".join(lines) + f"{info}/RECORD,,\n").encode()


def write(files: dict[str, bytes], path: Path) -> None:
    """The archive: package first, descriptions last, as the format advises."""
    order = sorted(files, key=lambda name: (".dist-info/" in name, name))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in order:
            entry = zipfile.ZipInfo(name, TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = (0o100755 if ".data/scripts/" in name else 0o100644) << 16
            archive.writestr(entry, files[name])


def main() -> None:
    """Prints the wheel's path."""
    package, prefix, platform, folder = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4])
    path = folder / package.name.replace("-py3-none-any.whl", f"-py3-none-{platform}.whl")
    write(contents(package, prefix, platform, "installed" in sys.argv[5:]), path)
    print(path)


if __name__ == "__main__":
    main()
