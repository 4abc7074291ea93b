# SPDX-License-Identifier: Apache-2.0
# docgen: the tables → man pages and the sample. `make docs` writes them into the source tree, where
# they are committed; test/lint/docs compares.
noinst_PROGRAMS += src/server/docgen
src_server_docgen_SOURCES = \
  src/server/docgen.cc src/server/docgen.h \
  src/server/docgen_config.cc \
  src/server/docgen_tables.cc
src_server_docgen_LDADD = $(LINK_CONFIG) $(LINK_METRICS)
DOCGEN_PAGES = man/weir.conf.5 man/weir-log.7 man/weir-metrics.7
dist_man_MANS = $(DOCGEN_PAGES) man/weir.8 man/weirctl.8
EXTRA_DIST += man/weirctl-page.py etc/weir.conf etc/weir.conf.sample
.PHONY: docs
docs: src/server/docgen src/weirctl
	for page in $(DOCGEN_PAGES) etc/weir.conf.sample; do \
	  src/server/docgen `basename $$page` >$(srcdir)/$$page || exit 1; \
	done
	$(PYTHON3) $(srcdir)/man/weirctl-page.py src/weirctl >$(srcdir)/man/weirctl.8
