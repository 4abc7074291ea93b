// SPDX-License-Identifier: Apache-2.0
//
// What the Directory says it takes is what the heap gives it (doc/notes/memory.md).
#include <malloc.h>

#include <catch2/catch.hpp>
#include <string>
#include <utility>
#include <vector>

#include "cache/directory.h"
#include "event/loop.h"

using namespace weir;
using namespace weir::cache;

namespace {

const HashKey kSecret{1, 2};

class NoVary final : public Selector {
public:
  std::string_view values(std::string_view) override { return {}; }
};

Meta meta_of(std::uint64_t number, std::uint64_t size) {
  Meta meta;
  meta.key = "site\tGET\thttp\twww.example.org\t80\t/some/where/" + std::to_string(number);
  meta.head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nCache-Control: max-age=60\r\n";
  meta.etag = "\"0123456789\"";
  meta.status = 200;
  meta.body_size = size;
  meta.freshness.response_time = Clock::wall();
  meta.addresses = {*Address::parse("192.0.2.1", 80)};
  return meta;
}

/// `size` bytes in chunks of `capacity`, each with at most `used` of them.
std::vector<Slice> body_of(std::size_t size, std::size_t capacity, std::size_t used) {
  std::vector<Slice> body;
  for (std::size_t at = 0; at < size; at += used) {
    std::size_t n = std::min(used, size - at);
    Ref<Chunk> chunk = Chunk::of_capacity(capacity);
    for (std::size_t i = 0; i < n; ++i) {
      chunk->data()[i] = static_cast<char>((at + i) % 251);
    }
    body.emplace_back(std::string_view(chunk->data(), n), chunk);
  }
  return body;
}

bool is_right(const Entry& entry) {
  std::size_t at = 0;
  for (const Slice& slice : entry.slices()) {
    for (char each : slice.view()) {
      if (each != static_cast<char>(at++ % 251)) {
        return false;
      }
    }
  }
  return at == entry.body_size();
}

Ref<Entry> entry_of(std::uint64_t number, std::size_t size) {
  Meta meta = meta_of(number, size);
  return Entry::in_memory(meta, siphash128(kSecret, meta.key), body_of(size, 65'000, 65'000));
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kHeapTells = false; // another malloc
#else
constexpr bool kHeapTells = true;
#endif

double heap_in_use() {
  struct mallinfo2 info = ::mallinfo2();
  return static_cast<double>(info.uordblks + info.hblkhd);
}

} // namespace

TEST_CASE("a body is kept as it came while its chunks are full, and copied when they are not") {
  Meta meta = meta_of(1, 500'000);
  Hash128 hash = siphash128(kSecret, meta.key);
  auto full = body_of(500'000, 65'000, 65'000);
  auto kept = Entry::in_memory(meta, hash, full);
  CHECK(kept->slices().front().data == full.front().data);
  auto sparse = body_of(500'000, 65'000, 10'000);
  auto copied = Entry::in_memory(meta, hash, sparse);
  CHECK(copied->slices().front().data != sparse.front().data);
  CHECK(copied->slices().size() < 10);
  for (const auto& entry : {kept, copied}) {
    CHECK(is_right(*entry));
    CHECK(entry->cost() > 500'000);
    CHECK(entry->cost() < 530'000);
  }
}

TEST_CASE("slices that share a chunk count it once") {
  Ref<Chunk> chunk = Chunk::of_capacity(100'000);
  std::vector<Slice> body;
  for (std::size_t at = 0; at < 100'000; at += 1000) {
    body.emplace_back(std::string_view(chunk->data() + at, 1000), chunk);
  }
  Meta meta = meta_of(1, 100'000);
  auto entry = Entry::in_memory(meta, siphash128(kSecret, meta.key), std::move(body));
  CHECK(entry->slices().front().data == chunk->data());
  CHECK(entry->cost() < 105'000);
}

TEST_CASE("what is counted is what the heap gave, for bodies small and large") {
  if (!kHeapTells) {
    return;
  }
  for (std::size_t size : {0U, 100U, 1024U, 60'000U, 70'000U, 1'000'000U}) {
    CAPTURE(size);
    DirectoryLimits limits;
    limits.memory = 32 << 20;
    double before = heap_in_use();
    Directory directory(limits);
    double empty = heap_in_use();
    for (std::uint64_t i = 0; i < (size < 2000 ? 200'000 : 1000); ++i) {
      directory.insert(entry_of(i, size));
    }
    DirectoryStats stats = directory.stats();
    CHECK(stats.entry_bytes <= limits.memory);
    CHECK(stats.evictions > 0);
    double counted = static_cast<double>(stats.entry_bytes);
    CHECK(heap_in_use() - empty < counted * 1.02);
    CHECK(heap_in_use() - empty > counted * 0.96);
    CHECK(empty - before < 100'000);
  }
}

TEST_CASE("a stored object of 1 KiB takes at most 1,500 bytes, all told (DESIGN 8.10)") {
  auto entry = entry_of(123'456, 1024);
  Directory directory({});
  directory.insert(entry);
  CHECK(directory.stats().entry_bytes <= 1500);
}

TEST_CASE("keys without entries are counted too: marks, and what the disk still has") {
  weir::event::Loop loop;
  NoVary none;
  Directory directory({});
  std::vector<FillReader> readers;
  for (int i = 0; i < 100; ++i) {
    std::string key = "key" + std::to_string(i);
    Hash128 hash = siphash128(kSecret, key);
    Claim lead = directory.claim(key, hash, none, nullptr, loop);
    directory.mark(hash);
    lead.reader.fill().end();
    directory.remove("other" + key, siphash128(kSecret, "other" + key), true);
  }
  DirectoryStats stats = directory.stats();
  CHECK(stats.keys == 200);
  CHECK(stats.entry_bytes >= 200 * 50);
  for (int i = 0; i < 100; ++i) {
    directory.release(siphash128(kSecret, "otherkey" + std::to_string(i)));
  }
  CHECK(directory.stats().keys == 100);
  CHECK(directory.stats().entry_bytes < stats.entry_bytes);
}

TEST_CASE("what a Fill holds is counted by its chunks, not by what is in them") {
  class OneChunk final : public Producer {
  public:
    explicit OneChunk(weir::event::Task*& consumer) : consumer_(consumer) {}
    void start(weir::event::Task& consumer) override { consumer_ = &consumer; }
    void hand_to(weir::event::Task& consumer) override { consumer_ = &consumer; }
    std::string take_interim() override { return {}; }
    Ref<const FillHead> head() override {
      auto head = make_ref<FillHead>();
      head->meta = meta_of(1, 0);
      head->storable = true;
      return head;
    }
    Ref<const Entry> revalidated() override { return {}; }
    Pull pull(OutQueue& out, std::size_t) override {
      if (std::exchange(sent_, true)) {
        return Pull::blocked;
      }
      out.push(body_of(2000, 16'000, 2000).front());
      return Pull::more;
    }
    Error error() const override { return {}; }

  private:
    weir::event::Task*& consumer_;
    bool sent_ = false;
  };
  weir::event::Loop loop;
  NoVary none;
  Directory directory({});
  Claim lead = directory.claim("key", siphash128(kSecret, "key"), none, nullptr, loop);
  weir::event::Task* consumer = nullptr;
  lead.reader.fill().start(std::make_unique<OneChunk>(consumer), {});
  consumer->run();
  CHECK(directory.stats().fill_bytes >= 16'000);
  CHECK(directory.stats().fill_bytes < 17'000);
  lead.reader.fill().fail({Code::stopped, Side::self});
  lead.reader.leave();
  CHECK(directory.stats().fill_bytes == 0);
}
