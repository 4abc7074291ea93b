# SPDX-License-Identifier: Apache-2.0
# One target for each parser of outside bytes; its corpus in corpus/NAME. `make check` replays the
# corpora, `make fuzz` searches (test/variant).
FUZZ_ENGINE = test/fuzz/libreplay.a
check_LIBRARIES += test/fuzz/libreplay.a
test_fuzz_libreplay_a_SOURCES = test/fuzz/replay.cc

FUZZ_TESTS = \
  test/fuzz/log_filter_fuzz
check_PROGRAMS += $(FUZZ_TESTS)
TESTS += $(FUZZ_TESTS)
EXTRA_DIST += test/fuzz/corpus

test_fuzz_log_filter_fuzz_SOURCES = test/fuzz/log_filter_fuzz.cc
test_fuzz_log_filter_fuzz_LDADD = $(FUZZ_ENGINE) $(LINK_LOG)
