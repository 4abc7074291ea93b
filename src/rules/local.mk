# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += src/rules/librules.a
src_rules_librules_a_CPPFLAGS = $(AM_CPPFLAGS) $(RE2_CFLAGS)
src_rules_librules_a_SOURCES = \
  src/rules/compiled_list.cc src/rules/compiled_list.h \
  src/rules/domain_build.cc src/rules/domain_build.h \
  src/rules/domain_format.cc src/rules/domain_format.h \
  src/rules/domain_set.cc src/rules/domain_set.h \
  src/rules/list_reader.cc src/rules/list_reader.h \
  src/rules/prefix_set.cc src/rules/prefix_set.h \
  src/rules/schedule.cc src/rules/schedule.h \
  src/rules/zone.cc src/rules/zone.h

LINK_RULES = src/rules/librules.a $(LINK_CONFIG) $(LINK_HTTP) $(RE2_LIBS) $(LINK_BASE)

check_PROGRAMS += test/unit/rules_test
test_unit_rules_test_SOURCES = \
  test/unit/rules/scratch.h \
  test/unit/rules/compiled_list_test.cc \
  test/unit/rules/domain_set_test.cc \
  test/unit/rules/list_reader_test.cc \
  test/unit/rules/prefix_set_test.cc \
  test/unit/rules/schedule_test.cc
test_unit_rules_test_LDADD = test/unit/libtestmain.a $(LINK_RULES)
TESTS += test/unit/rules_test
