"""Links: what lies between the processes of a test and its brokers. They carry bytes at once, after a while, or not at all until they are
mended; nobody is told.

Links are numbered; each leads to all brokers. One thread of its own carries everything.
"""
import asyncio
import contextlib
import threading

CHUNK = 1 << 16
LOOK_S = 0.02  # how often a broken link looks whether it is mended


class Links:
    def __init__(self, count):
        self.broken = [False] * count
        self.delay_s = [0.0] * count
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def lead(self, link, port):
        """A port that leads to `port` over this link."""
        async def serve():
            return await asyncio.start_server(lambda reader, writer: self.carry(link, port, reader, writer), "127.0.0.1", 0)
        server = asyncio.run_coroutine_threadsafe(serve(), self.loop).result()
        return server.sockets[0].getsockname()[1]

    def mend(self):
        for link in range(len(self.broken)):
            self.broken[link], self.delay_s[link] = False, 0.0

    async def carry(self, link, port, reader, writer):
        with contextlib.suppress(OSError):
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.gather(self.pump(link, reader, there_writer), self.pump(link, there_reader, writer))
        writer.close()

    async def pump(self, link, reader, writer):
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                await asyncio.sleep(self.delay_s[link])
                while self.broken[link]:
                    await asyncio.sleep(LOOK_S)
                writer.write(data)
                await writer.drain()
        writer.close()
