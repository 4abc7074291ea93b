# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += src/config/libconfig.a
src_config_libconfig_a_CPPFLAGS = $(AM_CPPFLAGS) $(RE2_CFLAGS)
src_config_libconfig_a_SOURCES = \
  src/config/check.cc src/config/check_client_cert.cc src/config/check_l4.cc \
  src/config/config.h \
  src/config/format.cc \
  src/config/load.cc src/config/load.h \
  src/config/options.cc src/config/options.def src/config/options.h \
  src/config/pool_decl.h \
  src/config/read_answers.cc \
  src/config/read_check.cc \
  src/config/read_compress.cc \
  src/config/read_l4.cc \
  src/config/read_limits.cc \
  src/config/read_rules.cc \
  src/config/read_top.cc \
  src/config/read_traffic.cc \
  src/config/read_use.cc src/config/read_users.cc \
  src/config/report.cc src/config/report.h \
  src/config/rule_decl.h \
  src/config/show.cc \
  src/config/source.cc src/config/source.h \
  src/config/statements.cc src/config/statements.h \
  src/config/syntax.cc src/config/syntax.h \
  src/config/tree.cc src/config/tree.h \
  src/config/use_decl.h src/config/users_decl.h \
  src/config/values.cc src/config/values.h

LINK_CONFIG = src/config/libconfig.a $(RE2_LIBS) $(LINK_HTTP)

check_PROGRAMS += test/unit/config_test
test_unit_config_test_SOURCES = \
  test/unit/config/errors_test.cc \
  test/unit/config/format_test.cc \
  test/unit/config/load_test.cc \
  test/unit/config/options_test.cc \
  test/unit/config/users_test.cc
test_unit_config_test_CPPFLAGS = $(AM_CPPFLAGS) -DWEIR_SOURCE_DIR='"$(abs_top_srcdir)"'
test_unit_config_test_LDADD = test/unit/libtestmain.a $(LINK_CONFIG)
TESTS += test/unit/config_test
