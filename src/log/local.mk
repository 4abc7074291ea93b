# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += src/log/liblog.a
src_log_liblog_a_CPPFLAGS = $(AM_CPPFLAGS) $(SQLITE_CFLAGS)
src_log_liblog_a_SOURCES = \
  src/log/block.cc src/log/block.h \
  src/log/filter.cc src/log/filter.h \
  src/log/filter_parser.cc src/log/filter_parser.h \
  src/log/json_writer.cc src/log/json_writer.h \
  src/log/partition_files.cc src/log/partition_files.h \
  src/log/partition_keeper.cc src/log/partition_keeper.h \
  src/log/query.h src/log/sqlite_query.cc \
  src/log/sqlite_access.cc src/log/sqlite_access.h \
  src/log/sqlite_handles.cc src/log/sqlite_handles.h \
  src/log/sqlite_reader.cc src/log/sqlite_reader.h \
  src/log/record.cc src/log/record.h src/log/record.def \
  src/log/ring.cc src/log/ring.h \
  src/log/sqlite_partition.cc src/log/sqlite_partition.h \
  src/log/sqlite_writer.cc src/log/sqlite_writer.h \
  src/log/subscription.cc src/log/subscription.h

LINK_LOG = src/log/liblog.a $(SQLITE_LIBS) src/metrics/libmetrics.a $(LINK_EVENT)

check_PROGRAMS += test/unit/log_test
test_unit_log_test_SOURCES = \
  test/unit/log/block_test.cc \
  test/unit/log/filter_test.cc \
  test/unit/log/query_test.cc \
  test/unit/log/record_test.cc \
  test/unit/log/ring_test.cc \
  test/unit/log/sample.h test/unit/log/scratch.h \
  test/unit/log/sqlite_writer_test.cc
test_unit_log_test_LDADD = test/unit/libtestmain.a $(LINK_LOG)
TESTS += test/unit/log_test

EXTRA_PROGRAMS += test/bench/log_bench
test_bench_log_bench_SOURCES = test/bench/log_bench.cc
test_bench_log_bench_LDADD = $(LINK_LOG)
