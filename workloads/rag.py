"""RAG orchestration: the glue between a vector store, an embedding service and a language model.

Kind of work: JSON encoding and decoding and string handling hold the GIL; the exact search
(one matrix-vector product) and SQLite's statements release it.
"""

import json
import sqlite3
import threading
import uuid

import numpy as np
from numpy.typing import NDArray

from harness.workload import Task

VARIANTS = 4
EMBEDDING_SHARE = 0.25
"""Part of the waiting spent on the embedding service; the rest goes to the language model."""
PAGE_CACHE_KIB = 64
VOCABULARY = (
    "sensor valve pressure motor battery gateway firmware network driver thermal alarm model "
    "latency thread queue memory disk packet camera voltage filter update reset limit"
)


class _Connection(sqlite3.Connection):
    """Closes with the thread that owned it; CPython 3.13 warns of those left open."""

    def __del__(self) -> None:
        self.close()


class ChunkStore:
    """Text chunks and their embeddings in an SQLite database that lives in this process.

    A connection is used by one thread only: each thread opens its own on first use. The
    database is in memory (SQLite's memdb) so that a thousand threads cost no file descriptors
    and a killed process leaves no file; the page cache is kept small for the same thousand.
    """

    def __init__(self, rows: list[tuple[int, str, bytes]]) -> None:
        self._uri = f"file:/rag-{uuid.uuid4().hex}?vfs=memdb"
        self._local = threading.local()
        # memdb forgets a database with its last connection: this one keeps it.
        self._keeper = self._connect()
        with self._keeper:
            self._keeper.execute("CREATE TABLE chunks (id INTEGER PRIMARY KEY, text, embedding)")
            self._keeper.executemany("INSERT INTO chunks VALUES (?, ?, ?)", rows)

    def embeddings(self) -> NDArray[np.float32]:
        """All embeddings in the order of their ids, shape (chunks, dimensions)."""
        blobs = self._keeper.execute("SELECT embedding FROM chunks ORDER BY id")
        return np.stack([np.frombuffer(blob, dtype=np.float32) for (blob,) in blobs])

    def texts(self, ids: list[int]) -> list[str]:
        """The texts of some chunks, in the order asked for."""
        connection = self._connection()
        query = "SELECT text FROM chunks WHERE id = ?"
        return [connection.execute(query, (i,)).fetchone()[0] for i in ids]

    def _connection(self) -> sqlite3.Connection:
        if not hasattr(self._local, "connection"):
            self._local.connection = self._connect()
            self._local.connection.execute(f"PRAGMA cache_size = -{PAGE_CACHE_KIB}")
        connection: sqlite3.Connection = self._local.connection
        return connection

    def _connect(self) -> sqlite3.Connection:
        # Any thread may close: whose turn it is to collect a finished thread's objects is open.
        return sqlite3.connect(self._uri, uri=True, check_same_thread=False, factory=_Connection)


class Rag:
    """Answers a question from the ``top_k`` nearest chunks."""

    variants = VARIANTS

    def __init__(self, chunks: int, dimensions: int, top_k: int, wait_ms: float) -> None:
        rng = np.random.default_rng(0)
        vectors = rng.standard_normal((chunks, dimensions), dtype=np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        texts = [_sentence(rng, 40) for _ in range(chunks)]
        self._store = ChunkStore([(i, texts[i], vectors[i].tobytes()) for i in range(chunks)])
        self._vectors = self._store.embeddings()
        self._top_k = top_k
        self._wait_s = wait_ms / 1e3
        self._embedded = [_embedding_reply(vectors[i], rng) for i in range(VARIANTS)]

    def task(self, index: int) -> Task:
        """Returns the ids of the chunks used and the size and vocabulary of the prompt."""
        yield self._wait_s * EMBEDDING_SHARE
        request = json.loads(self._embedded[index % VARIANTS])
        nearest = self._search(np.array(request["embedding"], dtype=np.float32))
        texts = self._store.texts(nearest)
        chunks = [{"id": i, "text": t} for i, t in zip(nearest, texts, strict=True)]
        prompt = json.dumps({**request, "chunks": chunks})
        yield self._wait_s * (1 - EMBEDDING_SHARE)
        # The stand-in for a language model echoes its prompt; its answer is parsed and logged.
        answer = json.loads(prompt)
        words = " ".join(chunk["text"] for chunk in answer["chunks"]).split()
        log = json.dumps({"question": request["question"], "sources": answer["chunks"]})
        return tuple(nearest), len(prompt), len(json.loads(log)["sources"]), len(set(words))

    def _search(self, query: NDArray[np.float32]) -> list[int]:
        """Ids of the nearest chunks by cosine, nearest first; exact, every chunk is compared."""
        scores = self._vectors @ query
        candidates = np.argpartition(scores, -self._top_k)[-self._top_k :]
        return [int(i) for i in candidates[np.argsort(-scores[candidates])]]


def _sentence(rng: np.random.Generator, words: int) -> str:
    return " ".join(rng.choice(VOCABULARY.split(), size=words))


def _embedding_reply(near: NDArray[np.float32], rng: np.random.Generator) -> str:
    """What an embedding service answers for a question whose best chunk is ``near``."""
    noisy = near + 0.02 * rng.standard_normal(near.shape)
    return json.dumps({"question": _sentence(rng, 8), "embedding": noisy.tolist()})


def setup(chunks: int, dimensions: int, top_k: int, wait_ms: float) -> Rag:
    """A store of ``chunks`` embeddings of ``dimensions`` floats; ``top_k`` go into the prompt."""
    return Rag(chunks, dimensions, top_k, wait_ms)
