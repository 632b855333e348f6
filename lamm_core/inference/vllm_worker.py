"""The process in which vLLM computes: run by the Python of vLLM's own environment, with a socket to who started it.

Does not know this project: it imports nothing of it. A frame is two lengths (4 bytes each, big-endian), a JSON object
and raw bytes. Asked: ``{"id", "shape", "max_tokens", "temperature", "top_p", "seed", "stop_ids", "adapter": {"name",
"number", "path"} | null}`` with the prompt's embeddings in the bytes, or ``{"stop": id}``. Told: ``{"ready": true}``
once, then ``{"id", "tokens", "ended"}`` or ``{"id", "error"}``.
Usage: python vllm_worker.py SOCKET_NUMBER '{"model": FOLDER, "dtype": "bfloat16", ...}'
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import sys
from typing import Any

LENGTHS = struct.Struct(">II")


async def serve(number: int, options: dict[str, Any]) -> None:
    import torch
    from vllm import AsyncEngineArgs, SamplingParams
    from vllm.lora.request import LoRARequest
    from vllm.sampling_params import RequestOutputKind
    from vllm.v1.engine.async_llm import AsyncLLM

    reader, writer = await asyncio.open_connection(sock=socket.socket(fileno=number))
    engine = AsyncLLM.from_engine_args(AsyncEngineArgs(**options))
    dtype = getattr(torch, options["dtype"])
    answers: dict[int, asyncio.Task[None]] = {}

    def tell(message: dict[str, Any]) -> None:
        head = json.dumps(message).encode()
        writer.write(LENGTHS.pack(len(head), 0) + head)

    async def answer(asked: dict[str, Any], raw: bytearray) -> None:
        key, adapter = asked["id"], asked["adapter"]
        try:
            embeds = torch.frombuffer(raw, dtype=dtype).view(asked["shape"])
            params = SamplingParams(
                max_tokens=asked["max_tokens"],
                temperature=asked["temperature"],
                top_p=asked["top_p"],
                seed=asked["seed"],
                stop_token_ids=asked["stop_ids"],
                detokenize=False,
                output_kind=RequestOutputKind.DELTA,
            )
            lora = LoRARequest(adapter["name"], adapter["number"], adapter["path"]) if adapter else None
            async for output in engine.generate({"prompt_embeds": embeds}, params, str(key), lora_request=lora):
                completion = output.outputs[0]
                tell({"id": key, "tokens": list(completion.token_ids), "ended": completion.finish_reason})
        except Exception as error:  # told to whoever asked; the others go on
            tell({"id": key, "error": f"{type(error).__name__}: {error}"})
        finally:
            answers.pop(key, None)

    tell({"ready": True})
    try:
        while True:
            head, body = LENGTHS.unpack(await reader.readexactly(LENGTHS.size))
            message = json.loads(await reader.readexactly(head))
            raw = bytearray(await reader.readexactly(body))
            if "stop" in message:
                if task := answers.get(message["stop"]):
                    task.cancel()  # vLLM frees the slot when the loop over its output is cancelled
            else:
                answers[message["id"]] = asyncio.create_task(answer(message, raw))
    except asyncio.IncompleteReadError:  # whoever started this is gone
        engine.shutdown()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), json.loads(sys.argv[2])))
