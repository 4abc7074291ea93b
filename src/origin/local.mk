# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += src/origin/liborigin.a
src_origin_liborigin_a_SOURCES = \
  src/origin/connections.cc src/origin/connections.h \
  src/origin/health.cc src/origin/health.h \
  src/origin/pool.cc src/origin/pool.h \
  src/origin/server_state.cc src/origin/server_state.h

LINK_ORIGIN = src/origin/liborigin.a src/config/libconfig.a $(RE2_LIBS) $(LINK_NET) $(LINK_HTTP)

check_PROGRAMS += test/unit/origin_test
test_unit_origin_test_SOURCES = \
  test/unit/origin/connections_test.cc \
  test/unit/origin/health_test.cc \
  test/unit/origin/pool_test.cc \
  test/unit/origin/server_state_test.cc
test_unit_origin_test_LDADD = test/unit/libtestmain.a $(LINK_ORIGIN)
TESTS += test/unit/origin_test
