# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += src/state/libstate.a
src_state_libstate_a_CPPFLAGS = $(AM_CPPFLAGS) $(SQLITE_CFLAGS)
src_state_libstate_a_SOURCES = \
  src/state/database.h src/state/sqlite_store.cc \
  src/state/store.cc src/state/store.h

LINK_STATE = src/state/libstate.a $(SQLITE_LIBS) src/metrics/libmetrics.a $(LINK_BASE)

check_PROGRAMS += test/unit/state_test
test_unit_state_test_SOURCES = test/unit/state/store_test.cc
test_unit_state_test_LDADD = test/unit/libtestmain.a $(LINK_STATE)
TESTS += test/unit/state_test
