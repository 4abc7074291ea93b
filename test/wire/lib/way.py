# SPDX-License-Identifier: Apache-2.0
"""The two ways through weir, a site and a forward, under one face: `@both_ways(weir, origin)("C8.1 ...")`
declares a test twice; it gets the Way, whose clients ask for paths of the origin."""
from .client import Client
from .tap import table


class ForwardClient(Client):
    """Asks a forward, in absolute form."""

    def __init__(self, address, origin, **keys):
        super().__init__(address, **keys)
        self.origin = origin

    def ask(self, target="/", *fields, host=None, **keys):
        host = host or self.origin.name
        super().ask(f"http://{host}{target}" if target.startswith("/") else target, *fields, host=host, **keys)


class Way:
    def __init__(self, name, weir, origin):
        self.name, self.weir, self.origin = name, weir, origin
        self.is_forward = name == "forward"
        self.host = origin.name if self.is_forward else "www.test"

    def client(self, **keys):
        return ForwardClient(self.weir.listener("forward"), self.origin, **keys) if self.is_forward else self.weir.site(**keys)

    def get(self, path, *fields, **keys):
        """On a connection of its own: steps of the clock end idle ones."""
        with self.client() as client:
            return client.get(path, *fields, **keys)

    def url(self, path):
        return f"http://{self.host}{path}"


def both_ways(weir, origin):
    """What a test counts at the origin begins with it."""
    def declare(name, rows=((),)):
        def both(function):
            def run(way, *values):
                with origin.lock:
                    origin.requests.clear()
                return function(Way(way, weir, origin), *values)
            names = name if "{}" in name else name + "{}"
            for way in ("site", "forward"):
                table(names + f" ({way})", [(row[0] if row else "", way, *row[1:]) for row in rows])(run)
            return function
        return both
    return declare
