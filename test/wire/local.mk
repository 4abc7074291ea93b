# SPDX-License-Identifier: Apache-2.0
# Scripts of origin, client and expectation, most basic first. Each has a weir of its own.
WIRE_TESTS = \
  test/wire/000-harness.py \
  test/wire/010-forward.py \
  test/wire/011-reverse.py \
  test/wire/012-tunnel.py \
  test/wire/013-bodies.py \
  test/wire/014-connections.py \
  test/wire/015-websocket.py \
  test/wire/016-proxy-protocol.py \
  test/wire/017-client-connections.py \
  test/wire/018-proxy-out.py \
  test/wire/019-l4.py \
  test/wire/020-malformed.py \
  test/wire/021-broken-origin.py \
  test/wire/022-tunnel-sni.py \
  test/wire/023-udp.py \
  test/wire/024-health.py \
  test/wire/025-fuzz.py \
  test/wire/026-faults.py \
  test/wire/027-fuzz-h2.py \
  test/wire/028-fuzz-origin.py \
  test/wire/029-memory-limit.py \
  test/wire/030-rules.py \
  test/wire/031-limits.py \
  test/wire/032-bandwidth.py \
  test/wire/033-users.py \
  test/wire/034-body-bounds.py \
  test/wire/040-cache.py \
  test/wire/041-validation.py \
  test/wire/042-vary.py \
  test/wire/043-collapse.py \
  test/wire/044-range.py \
  test/wire/045-policy.py \
  test/wire/046-model.py \
  test/wire/047-purge.py \
  test/wire/048-compress.py \
  test/wire/049-stored.py \
  test/wire/050-private.py \
  test/wire/051-times.py \
  test/wire/052-two-users.py \
  test/wire/053-get.py \
  test/wire/054-warm.py \
  test/wire/055-memory.py \
  test/wire/056-stored-coding.py \
  test/wire/057-admit.py \
  test/wire/058-parts.py \
  test/wire/059-forward-cache.py \
  test/wire/060-admin.py \
  test/wire/061-reload.py \
  test/wire/062-stop.py \
  test/wire/063-privileges.py \
  test/wire/070-persist.py \
  test/wire/071-versions.py \
  test/wire/080-large.py \
  test/wire/081-kills.py \
  test/wire/082-slow-clients.py \
  test/wire/083-testssl.py \
  test/wire/090-tls.py \
  test/wire/091-http2.py \
  test/wire/092-tls-origin.py \
  test/wire/093-http2-frames.py \
  test/wire/094-h2-origin.py \
  test/wire/095-websocket-h2.py \
  test/wire/096-chromium.py \
  test/wire/097-websocket-h2-origin.py
TESTS += $(WIRE_TESTS)
EXTRA_DIST += $(WIRE_TESTS) test/wire/run test/wire/lib
LONG_TESTS = $(filter test/wire/046% test/wire/055% test/wire/061% test/wire/08%,$(WIRE_TESTS))
