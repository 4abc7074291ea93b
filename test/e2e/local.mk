# SPDX-License-Identifier: Apache-2.0
# Whole programs: curl and nginx with weir between.
E2E_TESTS = \
  test/e2e/010-curl-nginx.py
TESTS += $(E2E_TESTS)
EXTRA_DIST += $(E2E_TESTS) test/bench/run test/bench/subjects/weir.py
