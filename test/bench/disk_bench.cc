// SPDX-License-Identifier: Apache-2.0
//
// disk_bench [--check] FOLDER [CAPACITY_MIB [WRITE_MIB [FIXED_BYTES]]]: the disk tier alone. Stores
// objects of mixed sizes (100 bytes to 2 MB, log-uniform; or all of FIXED_BYTES) until WRITE_MIB
// are written, then reads. Prints write amplification, CPU of all threads per MB, the peak of the
// folder, and how long a get takes. FOLDER is made and left. --check: fails if the folder was ever
// larger than 1.05 times the capacity and a segment, or the amplification above 1.3; FOLDER goes.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "cache/disk_tier.h"

using namespace weir;
using namespace weir::cache;

namespace {

double cpu_ms() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  auto ms = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_usec) / 1e3;
  };
  return ms(used.ru_utime) + ms(used.ru_stime);
}

/// Bytes that this process gave to block devices and page cache.
double written_bytes() {
  std::ifstream io("/proc/self/io");
  std::string name;
  double value = 0;
  while (io >> name >> value) {
    if (name == "wchar:") {
      return value;
    }
  }
  return 0;
}

double folder_bytes(const std::string& path) {
  double sum = 0;
  std::error_code ignored;
  for (const auto& each : std::filesystem::recursive_directory_iterator(path, ignored)) {
    std::uintmax_t size = each.is_regular_file(ignored) ? each.file_size(ignored) : 0;
    sum += ignored ? 0 : static_cast<double>(size); // it may be gone meanwhile
  }
  return sum;
}

std::size_t size_of(std::uint64_t number, std::size_t fixed) {
  if (fixed != 0) {
    return fixed;
  }
  double x = static_cast<double>(siphash64({1, 2}, std::to_string(number)) >> 11) * 0x1p-53;
  return static_cast<std::size_t>(100 * std::pow(20'000.0, x));
}

Meta meta_of(std::uint64_t number, std::size_t size) {
  Meta meta;
  meta.key = "site\tGET\thttps://www.example.org/some/path/to/an/object/" + std::to_string(number);
  meta.head = "HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nCache-Control: max-age=86400\r\n"
              "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nServer: origin/1.0\r\nVary: Accept\r\n";
  meta.status = 200;
  meta.etag = "\"0123456789abcdef\"";
  meta.body_size = size;
  return meta;
}

void store(DiskTier& tier, std::uint64_t number, std::size_t size, const Ref<Chunk>& noise) {
  Meta meta = meta_of(number, size);
  auto handle = tier.begin_store(tier.hash_of(meta.key));
  std::size_t skew = number * 13 % 4096;
  for (std::size_t at = 0; at < size;) {
    std::size_t n = std::min<std::size_t>(16'000, size - at);
    Slice slice({noise->data() + skew + at % 65'536, n}, Ref<const Shared>(noise));
    if (handle->append(slice)) {
      at += n;
    } else if (tier.failed()) {
      std::exit(1);
    } else {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  handle->commit(meta);
}

void print_gets(DiskTier& tier, std::uint64_t objects, std::size_t fixed) {
  std::vector<double> record_us;
  std::vector<double> body_us;
  double bytes = 0;
  double cpu = cpu_ms();
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    std::uint64_t number = siphash64({3, 4}, std::to_string(i)) % objects;
    auto begin = std::chrono::steady_clock::now();
    auto found = tier.read_variant(tier.hash_of(meta_of(number, size_of(number, fixed)).key),
                                   tier.hash_of(""));
    auto middle = std::chrono::steady_clock::now();
    if (!found) {
      continue;
    }
    if (auto body = tier.read_body(found->body, 0, found->body.size)) {
      bytes += static_cast<double>(found->body.size);
    }
    auto end = std::chrono::steady_clock::now();
    record_us.push_back(std::chrono::duration<double, std::micro>(middle - begin).count());
    body_us.push_back(std::chrono::duration<double, std::micro>(end - middle).count());
  }
  cpu = cpu_ms() - cpu;
  if (record_us.empty()) {
    return;
  }
  auto at = [](std::vector<double>& all, double part) {
    std::sort(all.begin(), all.end());
    return all[static_cast<std::size_t>(static_cast<double>(all.size() - 1) * part)];
  };
  std::printf("gets: %zu found; record p50 %.1f us, p99 %.1f us; body p50 %.1f us, p99 %.1f us; "
              "CPU %.2f ms/MB\n",
              record_us.size(), at(record_us, 0.5), at(record_us, 0.99), at(body_us, 0.5),
              at(body_us, 0.99), cpu / (bytes / 1e6));
}

/// Whether the bounds of --check hold; says which does not.
bool is_within(double peak, double capacity, double amplification) {
  double most =
      1.05 * capacity + static_cast<double>(segment_size(static_cast<std::uint64_t>(capacity)));
  if (peak > most) {
    std::fprintf(stderr, "disk_bench: %.0f MB on disk, at most %.0f\n", peak / 1e6, most / 1e6);
  }
  if (amplification > 1.3) {
    std::fprintf(stderr, "disk_bench: write amplification %.2f, at most 1.3\n", amplification);
  }
  return peak <= most && amplification <= 1.3;
}

} // namespace

int main(int argc, char** argv) {
  bool check = argc > 1 && std::string_view(argv[1]) == "--check";
  argc -= check ? 1 : 0;
  argv += check ? 1 : 0;
  if (argc < 2) {
    std::fprintf(stderr,
                 "usage: disk_bench [--check] FOLDER [CAPACITY_MIB [WRITE_MIB [FIXED_BYTES]]]\n");
    return 2;
  }
  auto number_at = [&](int i, std::uint64_t otherwise) {
    return argc > i ? std::strtoull(argv[i], nullptr, 10) : otherwise;
  };
  DiskSettings settings;
  settings.path = argv[1];
  settings.capacity = number_at(2, 1024) << 20;
  double to_write = static_cast<double>(number_at(3, 4096) << 20);
  std::size_t fixed = number_at(4, 0);
  auto opened = DiskTier::open(settings);
  if (!opened) {
    std::fprintf(stderr, "disk_bench: %s\n", to_string(opened.error()).c_str());
    return 1;
  }
  DiskTier& tier = **opened;
  Ref<Chunk> noise = Chunk::of_capacity(128 << 10);
  for (std::size_t i = 0; i < noise->capacity(); i += 8) {
    std::uint64_t word = siphash64({5, 6}, std::to_string(i));
    for (std::size_t k = 0; k < 8 && i + k < noise->capacity(); ++k) {
      noise->data()[i + k] = static_cast<char>(word >> (8 * k));
    }
  }
  double cpu = cpu_ms();
  double io = written_bytes();
  auto begin = std::chrono::steady_clock::now();
  double payload = 0;
  double peak = 0;
  std::uint64_t objects = 0;
  for (; payload < to_write; ++objects) {
    std::size_t size = size_of(objects, fixed);
    store(tier, objects, size, noise);
    payload += static_cast<double>(size);
    if (objects % 256 == 0) {
      peak = std::max(peak, folder_bytes(settings.path));
    }
  }
  if (!tier.flush()) {
    return 1;
  }
  double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  double amplification = (written_bytes() - io) / payload;
  DiskStatus status = tier.status();
  std::printf("stores: %llu objects, %.0f MB in %.1f s; write amplification %.2f; CPU %.2f ms/MB; "
              "peak %.2f of the capacity\n",
              static_cast<unsigned long long>(objects), payload / 1e6, seconds, amplification,
              (cpu_ms() - cpu) / (payload / 1e6), peak / static_cast<double>(settings.capacity));
  std::printf("tier: %llu objects, %llu segments, %llu body files, %.0f MB of files\n",
              static_cast<unsigned long long>(status.objects),
              static_cast<unsigned long long>(status.segments),
              static_cast<unsigned long long>(status.body_files),
              static_cast<double>(status.file_bytes) / 1e6);
  print_gets(tier, objects, fixed);
  if (check) {
    bool good = is_within(peak, static_cast<double>(settings.capacity), amplification);
    opened->reset();
    std::filesystem::remove_all(settings.path);
    return good ? 0 : 1;
  }
  return 0;
}
