# SPDX-License-Identifier: Apache-2.0

noinst_LIBRARIES += src/server/libserver.a
src_server_libserver_a_SOURCES = \
  src/server/admin_door.cc src/server/admin_door.h \
  src/server/build.cc src/server/build.h \
  src/server/cert_watch.cc src/server/cert_watch.h \
  src/server/confine.cc \
  src/server/heap.cc src/server/heap.h \
  src/server/listeners.cc src/server/listeners.h \
  src/server/memory_watch.cc src/server/memory_watch.h \
  src/server/own_files.cc src/server/own_files.h \
  src/server/privileges.cc src/server/privileges.h \
  src/server/purges.cc src/server/purges.h \
  src/server/quota_keeper.cc src/server/quota_keeper.h \
  src/server/purge_walk.cc src/server/purge_walk.h \
  src/server/reload.cc \
  src/server/server.cc src/server/server.h \
  src/server/status.cc \
  src/server/test_clock.cc src/server/test_clock.h \
  src/server/warming.cc src/server/warming.h \
  src/server/worker.cc src/server/worker.h

LINK_SERVER = src/server/libserver.a $(LINK_ADMIN) $(LINK_STATE) $(CAPNG_LIBS) $(SECCOMP_LIBS)

sbin_PROGRAMS += src/weir
src_weir_SOURCES = src/server/main.cc
src_weir_LDADD = $(LINK_SERVER)

check_PROGRAMS += test/unit/server_test
test_unit_server_test_SOURCES = \
  test/unit/server/confine_test.cc \
  test/unit/server/heap_test.cc \
  test/unit/server/own_files_test.cc \
  test/unit/server/purges_test.cc
test_unit_server_test_LDADD = test/unit/libtestmain.a $(LINK_SERVER)
TESTS += test/unit/server_test
