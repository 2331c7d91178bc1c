"""Token files as nanoGPT and llm.c have them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import numpy as np

from .errors import RunFileError

_HEADER_WORDS = 256


class TokenFileWriter:
    """Writes a token file; it appears under its name when it is complete.

    `nanogpt`: little-endian 16-bit tokens and nothing else. `llm.c`: 256 words of header, then tokens of 16 bits, or of
    32 where the vocabulary needs them.
    """

    def __init__(self, path: Path, vocabulary_size: int, token_format: str) -> None:
        is_wide = vocabulary_size > 1 << 16
        if is_wide and token_format == "nanogpt":
            raise RunFileError(
                f"{path}: tokens below {vocabulary_size} do not fit nanoGPT's 16 bits; write them as llm.c"
            )
        self.token_count = 0
        self._path = path
        self._temporary = path.with_name(path.name + ".tmp")
        self._type = np.dtype("<u4" if is_wide else "<u2")
        self._has_header = token_format == "llm.c"
        self._file = self._temporary.open("wb")
        if self._has_header:
            self._write_header()

    def append(self, tokens: Sequence[int]) -> None:
        """Writes more tokens."""
        self._file.write(np.array(tokens, dtype=self._type).tobytes())
        self.token_count += len(tokens)

    def __enter__(self) -> TokenFileWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._file.close()
            self._temporary.unlink(missing_ok=True)

    def _finish(self) -> None:
        if self._has_header:
            if self.token_count >= 1 << 31:
                raise RunFileError(f"{self._path}: {self.token_count} tokens are more than llm.c's header can count")
            self._file.seek(0)
            self._write_header()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._temporary.replace(self._path)

    def _write_header(self) -> None:
        header = np.zeros(_HEADER_WORDS, dtype="<i4")
        magic_and_version = (20_240_801, 7) if self._type.itemsize == 4 else (20_240_520, 1)
        header[:3] = (*magic_and_version, self.token_count)
        self._file.write(header.tobytes())
