# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += src/admin/libadmin.a
src_admin_libadmin_a_CPPFLAGS = $(AM_CPPFLAGS) $(JSON_CFLAGS) $(RE2_CFLAGS)
src_admin_libadmin_a_SOURCES = \
  src/admin/access.cc src/admin/access.h \
  src/admin/answer.cc src/admin/answer.h \
  src/admin/certificates.cc src/admin/certificates.h \
  src/admin/control_socket.cc src/admin/control_socket.h \
  src/admin/daemon.h \
  src/admin/explain.cc src/admin/explain.h \
  src/admin/local_answers.cc src/admin/local_answers.h \
  src/admin/lookup.cc src/admin/lookup.h \
  src/admin/reply.cc src/admin/reply.h \
  src/admin/server.cc src/admin/server.h \
  src/admin/session.cc src/admin/session.h \
  src/admin/stored.cc src/admin/stored.h \
  src/admin/stored_filter.cc src/admin/stored_filter.h \
  src/admin/stored_list.cc src/admin/stored_list.h \
  src/admin/verb_table.cc src/admin/verb_table.h \
  src/admin/verbs.cc src/admin/verbs.h \
  src/admin/verbs_cache.cc src/admin/verbs_config.cc src/admin/verbs_limits.cc src/admin/verbs_log.cc \
  src/admin/verbs_rules.cc src/admin/verbs_status.cc src/admin/verbs_warm.cc \
  src/admin/warm_plan.cc src/admin/warm_plan.h

# What weirctl takes of it needs nothing of proxy/ and cache/; the linker leaves those parts out.
LINK_ADMIN = src/admin/libadmin.a $(LINK_PROXY)

check_PROGRAMS += test/unit/admin_test
test_unit_admin_test_CPPFLAGS = $(src_admin_libadmin_a_CPPFLAGS)
test_unit_admin_test_SOURCES = \
  test/unit/admin/access_test.cc \
  test/unit/admin/answer_test.cc \
  test/unit/admin/session_test.cc \
  test/unit/admin/warm_plan_test.cc
test_unit_admin_test_LDADD = test/unit/libtestmain.a $(LINK_ADMIN)
TESTS += test/unit/admin_test
