# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += src/base/libbase.a
src_base_libbase_a_SOURCES = \
  src/base/account.cc src/base/account.h \
  src/base/address.cc src/base/address.h \
  src/base/arena.cc src/base/arena.h \
  src/base/chunk.cc src/base/chunk.h \
  src/base/clock.cc src/base/clock.h \
  src/base/errlog.cc src/base/errlog.h \
  src/base/hash.cc src/base/hash.h \
  src/base/huge_pages.cc src/base/huge_pages.h \
  src/base/list.h src/base/ref.h \
  src/base/pipe.cc src/base/pipe.h \
  src/base/result.cc src/base/result.h src/base/sized.h \
  src/base/slab.cc src/base/slab.h \
  src/base/trail.h

# What a test of this layer, or a program, links to have this layer with everything below it.
LINK_BASE = src/base/libbase.a $(FMT_LIBS)

check_PROGRAMS += test/unit/base_test
test_unit_base_test_SOURCES = \
  test/unit/base/account_test.cc \
  test/unit/base/address_test.cc \
  test/unit/base/arena_test.cc \
  test/unit/base/clock_test.cc \
  test/unit/base/out_queue_test.cc \
  test/unit/base/slab_test.cc
test_unit_base_test_LDADD = test/unit/libtestmain.a $(LINK_BASE)
TESTS += test/unit/base_test
