# SPDX-License-Identifier: Apache-2.0
# Rules about the tree itself; each prints what breaks it.
LINTS = test/lint/self test/lint/layers test/lint/size test/lint/ownership test/lint/format test/lint/tree test/lint/rules test/lint/metrics \
  test/lint/docs
TESTS += $(LINTS)
EXTRA_DIST += $(LINTS) test/lint/rules.txt
