"""A way to the lab's API server that a test can cut: a pod that passes connections on. Run by its file, in a pod."""

from __future__ import annotations

import asyncio
import os

PORT = 6443


async def pump(source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65536):
            to.write(data)
            await to.drain()
    finally:
        to.close()


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    there, back = await asyncio.open_connection("127.0.0.1", PORT)
    await asyncio.gather(pump(reader, back), pump(there, writer), return_exceptions=True)


async def main() -> None:
    server = await asyncio.start_server(serve, os.environ["POD_IP"], PORT)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
