# SPDX-License-Identifier: Apache-2.0
"""The harness of the wire tests: `from lib import *`. A script shows both peers' bytes and what is
expected; see 010-forward.py for its form."""
from .client import Client
from .dns import Dns
from .http1 import Closed, Fields, Malformed, Request, Response, answer, chunks, fresh, head
from .h2origin import H2Origin, Inflater
from .http2 import H2Client, block, frame, literal
from .nginx import Nginx
from .origin import Connection, Gate, Origin
from .proxy import ProxyOrigin, ProxyTlsOrigin, read_proxy
from .tls import Authority, TlsClient, TlsOrigin, client_hello, context
from .tap import (DEADLINE, LONG, SLOWNESS, Failure, Skip, expect, expect_equal, expect_grown, expect_in, main, table, test,
                  wait_until)
from .udp import UdpClient, UdpServer
from .way import Way, both_ways
from .weir import BUILD, ROOT, WEIR, WEIRCTL, Weir, config, rows_of, run_weir

__all__ = [name for name in dir() if not name.startswith("_")]
