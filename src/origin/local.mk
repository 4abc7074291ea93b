# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += src/origin/liborigin.a
src_origin_liborigin_a_SOURCES = \
  src/origin/connections.cc src/origin/connections.h \
  src/origin/pool.cc src/origin/pool.h \
  src/origin/server_state.cc src/origin/server_state.h
