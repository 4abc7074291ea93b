# SPDX-License-Identifier: Apache-2.0
# One test program a layer (its local.mk), all with one Catch2 main.
check_LIBRARIES += test/unit/libtestmain.a
test_unit_libtestmain_a_SOURCES = test/unit/main.cc
test_unit_libtestmain_a_CXXFLAGS = -O0

include test/lint/local.mk
include test/wire/local.mk
include test/fuzz/local.mk
include test/e2e/local.mk
