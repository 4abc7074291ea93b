# SPDX-License-Identifier: Apache-2.0
# Scripts of origin, client and expectation, most basic first. Each has a weir of its own.
WIRE_TESTS = \
  test/wire/000-harness.py
TESTS += $(WIRE_TESTS)
EXTRA_DIST += $(WIRE_TESTS) test/wire/run test/wire/lib
LONG_TESTS = $(filter test/wire/061% test/wire/08%,$(WIRE_TESTS))
