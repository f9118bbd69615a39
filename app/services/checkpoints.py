"""Checkpoints of the audit log: signed statements of its last row, kept where whoever can change the database can't.

A chain of hashes proves that rows belong together, not that none was cut off at the end: who can write to the database can make a
shorter log that is whole. A checkpoint that left the host names a number and a hash that the log must have for ever. It is signed
with Ed25519, so that nobody makes one up; the key is made on first use, beside the key that credentials are sealed with.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path

import structlog
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from app.clock import Clock
from app.domain.errors import InvalidArgument, JournalUnavailable
from app.domain.wording import text_of
from app.metrics import Metrics
from app.services.checkpoint_posts import CheckpointPosts
from app.sqlite import restrict
from app.storage.audit_log import AuditLog, AuditVerdict, Checkpoint

log = structlog.get_logger(__name__)

#: Seconds between two looks at the log's new rows, each of which ends with a checkpoint if there were some.
_LOOK = 60.0


class Signer:
    """Signs and verifies. ``key_file`` is made when something is first signed."""

    def __init__(self, key_file: Path) -> None:
        self._file = key_file

    @property
    def public_key(self) -> str:
        """The public key in hexadecimal, which verifies on any host."""
        public = self._private().public_key()
        return public.public_bytes(Encoding.Raw, PublicFormat.Raw).hex()

    def line(self, checkpoint: Checkpoint, at: str) -> str:
        """``checkpoint`` as a signed line of JSON."""
        signature = self._private().sign(_signed(checkpoint.number, checkpoint.hash.hex(), at))
        document = {"number": checkpoint.number, "hash": checkpoint.hash.hex(), "at": at, "signature": signature.hex()}
        return json.dumps(document)

    def _private(self) -> Ed25519PrivateKey:
        if not self._file.exists():
            made = Ed25519PrivateKey.generate().private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
            self._file.touch(mode=0o600)
            self._file.write_text(made.hex() + "\n", encoding="ascii")
        restrict(self._file, 0o600)
        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(self._file.read_text(encoding="ascii").strip()))


def read_checkpoints(lines: Iterable[str], public_key: str) -> list[Checkpoint]:
    """The checkpoints in the lines of a file. Raises ``InvalidArgument`` for a line that ``public_key`` did not sign."""
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            stated = json.loads(line)
            key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
            signed = _signed(int(stated["number"]), str(stated["hash"]), str(stated["at"]))
            key.verify(bytes.fromhex(stated["signature"]), signed)
            found.append(Checkpoint(number=int(stated["number"]), hash=bytes.fromhex(stated["hash"])))
        except (ValueError, KeyError, TypeError, InvalidSignature):
            raise InvalidArgument(f"Line {number} is no checkpoint that this key signed") from None
    return found


def _signed(number: int, digest: str, at: str) -> bytes:
    return f"ordergate audit checkpoint {number} {digest} {at}".encode()


class Checkpoints:
    """Looks at the log's new rows again and again, and makes checkpoints of them for ``file``, if there is one, and ``posts``."""

    def __init__(
        self,
        audit_log: AuditLog,
        signer: Signer,
        file: Path | None,
        posts: CheckpointPosts,
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        self._log = audit_log
        self._signer = signer
        self._file = file
        self._posts = posts
        self._metrics = metrics
        self._clock = clock
        self._end: Checkpoint | None = None
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look."""
        self._posts.start()
        self._loop = asyncio.get_running_loop().create_task(self._look_for_ever())

    async def close(self) -> None:
        """Stop looking; may be called twice."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
        await self._posts.close()

    async def look(self) -> AuditVerdict:
        """Look at the rows that are new, and write a checkpoint if all is well."""
        verdict = await asyncio.to_thread(self._log.verify, self._end)
        self._metrics.audit_chain_ok.set(0 if verdict.problem_count else 1)
        if verdict.problem_count:
            log.error("the audit log is not what was written", problems=verdict.problems)
            return verdict
        if verdict.rows and (self._file is not None or self._posts.is_wanted):
            at = self._clock.now().isoformat(timespec="microseconds")
            line = await asyncio.to_thread(self._signer.line, verdict.end, at)
            self._posts.offer(line)
            if self._file is not None:
                await asyncio.to_thread(self._append, self._file, line)
        self._end = verdict.end
        return verdict

    @staticmethod
    def _append(path: Path, line: str) -> None:
        with path.open("a", encoding="ascii") as file:
            file.write(line + "\n")

    async def _look_for_ever(self) -> None:
        while True:
            try:
                await self.look()
            except (JournalUnavailable, OSError) as error:
                log.warning("no checkpoint of the audit log", error=type(error).__name__, text=text_of(error))
            await self._clock.sleep(_LOOK)
