# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += src/rules/librules.a
src_rules_librules_a_CPPFLAGS = $(AM_CPPFLAGS) $(RE2_CFLAGS) $(CRYPT_CFLAGS)
src_rules_librules_a_SOURCES = \
  src/rules/compiled_list.cc src/rules/compiled_list.h \
  src/rules/condition.cc src/rules/condition.h src/rules/condition_text.cc \
  src/rules/domain_build.cc src/rules/domain_build.h \
  src/rules/domain_format.cc src/rules/domain_format.h \
  src/rules/domain_set.cc src/rules/domain_set.h \
  src/rules/facts.h \
  src/rules/host_matcher.cc src/rules/host_matcher.h \
  src/rules/bandwidth.h src/rules/gcra.h \
  src/rules/limits.cc src/rules/limits.h \
  src/rules/meters.cc src/rules/meters.h \
  src/rules/quota_period.cc src/rules/quota_period.h \
  src/rules/list_reader.cc src/rules/list_reader.h \
  src/rules/password.cc src/rules/password.h \
  src/rules/path_index.cc src/rules/path_index.h \
  src/rules/path_matcher.cc src/rules/path_matcher.h \
  src/rules/prefix_set.cc src/rules/prefix_set.h \
  src/rules/request_facts.h \
  src/rules/route.cc src/rules/route.h src/rules/route_text.cc \
  src/rules/rule_index.cc src/rules/rule_index.h \
  src/rules/rule_set.cc src/rules/rule_set.h \
  src/rules/schedule.cc src/rules/schedule.h \
  src/rules/user_table.cc src/rules/user_table.h \
  src/rules/users.cc src/rules/users.h \
  src/rules/verdict.h \
  src/rules/zone.cc src/rules/zone.h

LINK_RULES = src/rules/librules.a src/config/libconfig.a $(RE2_LIBS) $(CRYPT_LIBS) $(LINK_METRICS) $(LINK_HTTP)

check_PROGRAMS += test/unit/rules_test
test_unit_rules_test_SOURCES = \
  test/unit/rules/allocations.cc test/unit/rules/allocations.h \
  test/unit/rules/rules_of.h test/unit/rules/scratch.h \
  test/unit/rules/compiled_list_test.cc \
  test/unit/rules/domain_set_test.cc \
  test/unit/rules/limits_test.cc \
  test/unit/rules/meters_test.cc \
  test/unit/rules/list_reader_test.cc \
  test/unit/rules/host_matcher_test.cc \
  test/unit/rules/password_test.cc \
  test/unit/rules/path_index_test.cc \
  test/unit/rules/path_matcher_test.cc \
  test/unit/rules/prefix_set_test.cc \
  test/unit/rules/route_test.cc \
  test/unit/rules/rule_index_test.cc \
  test/unit/rules/rule_set_test.cc \
  test/unit/rules/schedule_test.cc \
  test/unit/rules/user_table_test.cc \
  test/unit/rules/users_test.cc
test_unit_rules_test_LDADD = test/unit/libtestmain.a $(LINK_RULES)
TESTS += test/unit/rules_test

# `make test/bench/rules_bench`: nanoseconds of a look-up and of an evaluation.
EXTRA_PROGRAMS += test/bench/rules_bench
test_bench_rules_bench_SOURCES = test/bench/rules_bench.cc
test_bench_rules_bench_LDADD = $(LINK_RULES)
