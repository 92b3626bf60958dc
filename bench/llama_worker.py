"""llama.cpp as a child of llama_cpp.py: requests as lines of JSON on standard input, an answer for each on the output.

It is a process of its own so that it may live in another environment, and so that its threads sleep while the other
engine is measured. Only the package llama-cpp-python is needed here.

  {"load": PATH, "threads": N, "rows": N}   the model, and a context of so many rows
  {"decode": SECONDS}, {"prefill": SECONDS} a burst; answers {"tokens": N, "seconds": S}
"""

from __future__ import annotations

import ctypes
import json
import sys
import time
from typing import Any

import llama_cpp as api

ROWS = 128  # a burst begins anew behind them, as the kernel's does


class Engine:
    """One model in one context."""

    def __init__(self, path: str, threads: int, rows: int) -> None:
        model = api.llama_model_default_params()
        model.n_gpu_layers = 0
        model.load_mode = api.LLAMA_LOAD_MODE_MMAP  # the fastest of its ways, by a third
        self.model = api.llama_model_load_from_file(path.encode(), model)
        if not self.model:
            raise SystemExit(f"llama.cpp does not load {path}")
        context = api.llama_context_default_params()
        context.n_ctx = rows
        context.n_batch = context.n_ubatch = ROWS
        context.n_threads = context.n_threads_batch = threads
        context.no_perf = True
        self.context = api.llama_init_from_model(self.model, context)
        if not self.context:
            raise SystemExit(f"llama.cpp gives no context of {rows} rows for {path}")

    def step(self, tokens: list[int]) -> None:
        """One batch; the logits are those after its last token."""
        array = (api.llama_token * len(tokens))(*tokens)
        if api.llama_decode(self.context, api.llama_batch_get_one(array, len(tokens))) != 0:
            raise SystemExit(f"llama.cpp refused a batch of {len(tokens)} tokens")
        api.llama_synchronize(self.context)

    def forget(self) -> None:
        """Empties the cache."""
        api.llama_memory_clear(api.llama_get_memory(self.context), False)

    def burst(self, decode: bool, seconds: float) -> dict[str, float]:
        """At least one step, then as many as begin within the time."""
        tokens, begun, passed = 0, time.perf_counter(), 0.0
        while passed < seconds or tokens == 0:
            if tokens % ROWS == 0:
                self.forget()
            count = 1 if decode else ROWS
            self.step([(7 * (tokens + i) + 1) % 500 for i in range(count)])
            tokens += count
            passed = time.perf_counter() - begun
        return {"tokens": tokens, "seconds": passed}

    def close(self) -> None:
        """Gives the memory back."""
        api.llama_free(self.context)
        api.llama_model_free(self.model)


@api.llama_log_callback
def silent(_level: int, _text: bytes, _data: ctypes.c_void_p) -> None:
    """Its log is of no use here."""


def main() -> None:
    """Answers until the input ends."""
    api.llama_log_set(silent, None)
    api.llama_backend_init()
    engine: Engine | None = None
    for line in sys.stdin:
        request: dict[str, Any] = json.loads(line)
        answer: dict[str, Any] = {}
        if "load" in request:
            if engine is not None:
                engine.close()
            engine = Engine(request["load"], request["threads"], request["rows"])
            answer = {"system": api.llama_print_system_info().decode()}
        elif engine is not None:
            decode = "decode" in request
            answer = engine.burst(decode, request["decode" if decode else "prefill"])
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
