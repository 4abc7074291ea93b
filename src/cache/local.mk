# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += src/cache/libcache.a
src_cache_libcache_a_SOURCES = \
  src/cache/directory.cc src/cache/directory.h \
  src/cache/entry.cc src/cache/entry.h \
  src/cache/fill.cc src/cache/fill.h \
  src/cache/meta.h

LINK_CACHE = src/cache/libcache.a src/metrics/libmetrics.a $(LINK_EVENT)

check_PROGRAMS += test/unit/cache_test
test_unit_cache_test_SOURCES = test/unit/cache/directory_test.cc
test_unit_cache_test_LDADD = test/unit/libtestmain.a $(LINK_CACHE)
TESTS += test/unit/cache_test
