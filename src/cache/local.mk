# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += src/cache/libcache.a
src_cache_libcache_a_CPPFLAGS = $(AM_CPPFLAGS) $(ROCKSDB_CFLAGS) $(XXHASH_CFLAGS)
src_cache_libcache_a_SOURCES = \
  src/cache/bans.cc src/cache/bans.h \
  src/cache/claim.h \
  src/cache/coded_copy.cc src/cache/coded_copy.h \
  src/cache/directory.cc src/cache/directory.h src/cache/directory_evict.cc \
  src/cache/disk_body.h src/cache/disk_db.h \
  src/cache/disk_evict.cc \
  src/cache/disk_memory_db.cc src/cache/disk_memory_db.h \
  src/cache/disk_missed.cc src/cache/disk_missed.h \
  src/cache/disk_open.cc src/cache/disk_parts.h \
  src/cache/disk_read.cc src/cache/disk_read.h \
  src/cache/disk_record.cc src/cache/disk_record.h \
  src/cache/disk_rocks.cc \
  src/cache/disk_segment.cc src/cache/disk_segment.h \
  src/cache/disk_storage.cc src/cache/disk_storage.h \
  src/cache/disk_tier.cc src/cache/disk_tier.h \
  src/cache/disk_writer.cc src/cache/disk_writer.h \
  src/cache/entry.cc src/cache/entry.h \
  src/cache/entry_reader.cc src/cache/entry_reader.h \
  src/cache/fill.cc src/cache/fill.h \
  src/cache/frequency.cc src/cache/frequency.h \
  src/cache/key.cc src/cache/key.h \
  src/cache/meta.h \
  src/cache/outcome.cc src/cache/outcome.h \
  src/cache/parts.cc src/cache/parts.h \
  src/cache/policy.cc src/cache/policy.h \
  src/cache/rfc9111.cc src/cache/rfc9111.h \
  src/cache/rfc9111_serve.cc src/cache/rfc9111_update.cc \
  src/cache/sibling.cc src/cache/sibling.h \
  src/cache/tier.cc src/cache/tier.h \
  src/cache/vary.cc src/cache/vary.h

LINK_CACHE = src/cache/libcache.a $(ROCKSDB_LIBS) $(XXHASH_LIBS) $(LINK_HTTP) \
  src/metrics/libmetrics.a $(LINK_EVENT)

check_PROGRAMS += test/unit/cache_test
test_unit_cache_test_SOURCES = \
  test/unit/cache/bans_test.cc \
  test/unit/cache/coded_copy_test.cc \
  test/unit/cache/directory_test.cc \
  test/unit/cache/disk_crash_test.cc \
  test/unit/cache/disk_kit.h \
  test/unit/cache/disk_record_test.cc \
  test/unit/cache/disk_segment_test.cc \
  test/unit/cache/disk_space_test.cc \
  test/unit/cache/disk_tier_test.cc \
  test/unit/cache/frequency_test.cc \
  test/unit/cache/key_test.cc \
  test/unit/cache/memory_test.cc \
  test/unit/cache/outcome_test.cc \
  test/unit/cache/parts_test.cc \
  test/unit/cache/policy_test.cc \
  test/unit/cache/rfc9111_freshness_test.cc \
  test/unit/cache/rfc9111_serve_test.cc \
  test/unit/cache/rfc9111_store_test.cc \
  test/unit/cache/rfc9111_update_test.cc \
  test/unit/cache/scene.h \
  test/unit/cache/vary_test.cc
test_unit_cache_test_LDADD = test/unit/libtestmain.a $(LINK_CACHE)
TESTS += test/unit/cache_test

EXTRA_PROGRAMS += test/bench/disk_bench
test_bench_disk_bench_SOURCES = test/bench/disk_bench.cc
test_bench_disk_bench_LDADD = $(LINK_CACHE)
