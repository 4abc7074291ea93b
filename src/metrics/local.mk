# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += src/metrics/libmetrics.a
src_metrics_libmetrics_a_SOURCES = \
  src/metrics/metrics.cc src/metrics/metrics.h src/metrics/metrics.def \
  src/metrics/rates.cc src/metrics/rates.h

LINK_METRICS = src/metrics/libmetrics.a $(LINK_BASE)

check_PROGRAMS += test/unit/metrics_test
test_unit_metrics_test_SOURCES = test/unit/metrics/metrics_test.cc \
  test/unit/metrics/rates_test.cc
test_unit_metrics_test_LDADD = test/unit/libtestmain.a $(LINK_METRICS)
TESTS += test/unit/metrics_test
