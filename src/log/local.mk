# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += src/log/liblog.a
src_log_liblog_a_CPPFLAGS = $(AM_CPPFLAGS) $(SQLITE_CFLAGS)
src_log_liblog_a_SOURCES = \
  src/log/filter.cc src/log/filter.h \
  src/log/filter_parser.cc src/log/filter_parser.h \
  src/log/record.cc src/log/record.h src/log/record.def \
  src/log/ring.cc src/log/ring.h

LINK_LOG = src/log/liblog.a $(SQLITE_LIBS) src/metrics/libmetrics.a $(LINK_EVENT)

check_PROGRAMS += test/unit/log_test
test_unit_log_test_SOURCES = \
  test/unit/log/filter_test.cc \
  test/unit/log/record_test.cc \
  test/unit/log/ring_test.cc \
  test/unit/log/sample.h
test_unit_log_test_LDADD = test/unit/libtestmain.a $(LINK_LOG)
TESTS += test/unit/log_test
