# SPDX-License-Identifier: Apache-2.0
# What is installed beside the programs and man pages. A configuration that stands is never replaced.
systemdsystemunitdir = $(prefix)/lib/systemd/system
nodist_systemdsystemunit_DATA = packaging/weir.service
bashcompletiondir = $(datadir)/bash-completion/completions
zshcompletiondir = $(datadir)/zsh/site-functions
dist_zshcompletion_DATA = packaging/_weirctl
CLEANFILES += packaging/weir.service
EXTRA_DIST += packaging/weir.service.in packaging/weirctl.bash packaging/debian

CONFIG_FILES_INSTALLED = $(patsubst $(srcdir)/%,%,$(wildcard $(srcdir)/etc/weir.conf*))

packaging/weir.service: $(srcdir)/packaging/weir.service.in Makefile
	@$(MKDIR_P) packaging
	$(AM_V_GEN)sed -e 's|@sbindir[@]|$(sbindir)|g' -e 's|@sysconfdir[@]|$(sysconfdir)|g' $(srcdir)/packaging/weir.service.in >$@

install-data-local:
	$(MKDIR_P) '$(DESTDIR)$(bashcompletiondir)'
	$(INSTALL_DATA) $(srcdir)/packaging/weirctl.bash '$(DESTDIR)$(bashcompletiondir)/weirctl'
	$(MKDIR_P) '$(DESTDIR)$(sysconfdir)/weir'
	for name in $(CONFIG_FILES_INSTALLED); do \
	  target='$(DESTDIR)$(sysconfdir)/weir/'$$(basename "$$name"); \
	  test -e "$$target" || $(INSTALL_DATA) "$(srcdir)/$$name" "$$target"; \
	done

uninstall-local:
	rm -f '$(DESTDIR)$(bashcompletiondir)/weirctl'
	for name in $(CONFIG_FILES_INSTALLED); do \
	  target='$(DESTDIR)$(sysconfdir)/weir/'$$(basename "$$name"); \
	  if cmp -s "$(srcdir)/$$name" "$$target"; then rm -f "$$target"; fi; \
	done
