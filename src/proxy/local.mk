# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += src/proxy/libproxy.a
src_proxy_libproxy_a_SOURCES = \
  src/proxy/arrived.cc src/proxy/arrived.h src/proxy/awaited.h \
  src/proxy/cache_use.cc src/proxy/cache_use.h \
  src/proxy/coded_body.cc src/proxy/coded_body.h \
  src/proxy/compress.cc src/proxy/compress.h \
  src/proxy/dial.cc src/proxy/dial.h \
  src/proxy/exchange.cc src/proxy/exchange.h \
  src/proxy/exchange_admit.cc src/proxy/exchange_coding.cc src/proxy/exchange_fetch.cc \
  src/proxy/exchange_limits.cc src/proxy/exchange_login.cc src/proxy/exchange_lookup.cc \
  src/proxy/exchange_purge.cc \
  src/proxy/exchange_respond.cc \
  src/proxy/fetch.cc src/proxy/fetch.h src/proxy/fetch_plan.h \
  src/proxy/fields_edit.cc src/proxy/fields_edit.h \
  src/proxy/fill_head.cc src/proxy/fill_head.h \
  src/proxy/generation.cc src/proxy/generation.h \
  src/proxy/h1_fetch.cc src/proxy/h1_fetch.h \
  src/proxy/h1_session.cc src/proxy/h1_session.h \
  src/proxy/h1_session_body.cc \
  src/proxy/h2_fetch.cc src/proxy/h2_fetch.h \
  src/proxy/h2_floods.cc src/proxy/h2_floods.h \
  src/proxy/h2_origin.cc src/proxy/h2_origin.h \
  src/proxy/h2_origins.cc src/proxy/h2_origins.h \
  src/proxy/h2_relay.cc src/proxy/h2_relay.h \
  src/proxy/h2_session.cc src/proxy/h2_session.h \
  src/proxy/h2_stream.cc src/proxy/h2_stream.h \
  src/proxy/handshake.cc src/proxy/handshake.h \
  src/proxy/health_check.cc src/proxy/health_check.h \
  src/proxy/hello_gate.cc src/proxy/hello_gate.h \
  src/proxy/l4_row.cc src/proxy/l4_row.h \
  src/proxy/l4_session.cc src/proxy/l4_session.h \
  src/proxy/logins.cc src/proxy/logins.h \
  src/proxy/metering.cc src/proxy/metering.h \
  src/proxy/pace.h \
  src/proxy/purger.h \
  src/proxy/raw_fetch.cc src/proxy/raw_fetch.h \
  src/proxy/relay.cc src/proxy/relay.h \
  src/proxy/reply.cc src/proxy/reply.h \
  src/proxy/resources.cc src/proxy/resources.h \
  src/proxy/session.h \
  src/proxy/siblings.cc src/proxy/siblings.h \
  src/proxy/source.cc src/proxy/source.h \
  src/proxy/step.h \
  src/proxy/tls_setup.cc src/proxy/tls_setup.h \
  src/proxy/tunnel_reader.cc src/proxy/tunnel_reader.h \
  src/proxy/udp_door.cc src/proxy/udp_door.h \
  src/proxy/udp_places.cc src/proxy/udp_places.h \
  src/proxy/udp_session.cc src/proxy/udp_session.h \
  src/proxy/verdict_note.cc src/proxy/verdict_note.h \
  src/proxy/warmer.cc src/proxy/warmer.h

LINK_PROXY = src/proxy/libproxy.a src/origin/liborigin.a $(LINK_RULES) $(LINK_CACHE) $(LINK_NET) $(LINK_LOG)

check_PROGRAMS += test/unit/proxy_test
test_unit_proxy_test_SOURCES = \
  test/unit/proxy/arrived_test.cc \
  test/unit/proxy/cache_use_test.cc \
  test/unit/proxy/coded_body_test.cc \
  test/unit/proxy/compress_test.cc \
  test/unit/proxy/fetch_plan_test.cc \
  test/unit/proxy/fields_edit_test.cc \
  test/unit/proxy/metering_test.cc \
  test/unit/proxy/reply_test.cc \
  test/unit/proxy/siblings_test.cc \
  test/unit/proxy/udp_door_test.cc \
  test/unit/proxy/udp_world.h
test_unit_proxy_test_LDADD = test/unit/libtestmain.a $(LINK_PROXY)
TESTS += test/unit/proxy_test

# Each replaces functions of libc for its whole program.
check_PROGRAMS += test/unit/hit_alloc_test test/unit/hit_syscalls_test
test_unit_hit_alloc_test_SOURCES = \
  test/unit/proxy/allocations.cc test/unit/proxy/allocations.h \
  test/unit/proxy/hit_alloc_test.cc test/unit/proxy/hit_world.h \
  test/unit/proxy/udp_alloc_test.cc test/unit/proxy/udp_world.h
test_unit_hit_alloc_test_LDADD = $(LINK_PROXY)
test_unit_hit_syscalls_test_SOURCES = \
  test/unit/proxy/hit_syscalls_test.cc test/unit/proxy/hit_world.h
test_unit_hit_syscalls_test_LDADD = $(LINK_PROXY)
TESTS += test/unit/hit_alloc_test test/unit/hit_syscalls_test
