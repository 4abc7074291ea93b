// SPDX-License-Identifier: Apache-2.0
#include "rules/domain_set.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>

#include <catch2/catch.hpp>

#include "rules/domain_build.h"
#include "rules/domain_format.h"
#include "scratch.h"

using namespace weir;
using namespace weir::rules;

namespace {

struct Entry {
  std::string name;
  DomainKind kind;
};

Ref<const DomainSet> make_set(const std::vector<Entry>& entries, const std::string& path = {}) {
  DomainSetBuilder builder(path);
  std::uint32_t line = 0;
  for (const auto& entry : entries) {
    INFO(entry.name);
    REQUIRE(builder.add(entry.name, entry.kind, line++));
  }
  auto set = builder.build();
  REQUIRE(set);
  return *set;
}

std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void spit(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

/// What the set must answer, the slow and plain way.
struct Naive {
  std::map<std::string, std::vector<std::pair<DomainKind, std::uint32_t>>> names;
  std::optional<std::uint32_t> find(const std::string& host) const {
    for (std::size_t at = 0; at != std::string::npos;) {
      auto wanted = static_cast<unsigned>(at == 0 ? DomainKind::exact : DomainKind::under);
      if (auto found = names.find(host.substr(at)); found != names.end()) {
        for (auto [kind, line] : found->second) {
          if ((static_cast<unsigned>(kind) & wanted) != 0) {
            return line;
          }
        }
      }
      at = host.find('.', at);
      at = at == std::string::npos ? at : at + 1;
    }
    return {};
  }
};

std::string random_name(std::mt19937_64& random, std::string_view letters, std::size_t labels,
                        std::size_t most) {
  std::string name;
  for (std::size_t l = 0; l < labels; ++l) {
    name += l == 0 ? "" : ".";
    for (std::size_t n = 1 + random() % most; n > 0; --n) {
      name += letters[random() % letters.size()];
    }
  }
  return name;
}

} // namespace

TEST_CASE("rule 6: an entry is a host, its subdomains, or both") {
  auto set = make_set({{"one.example", DomainKind::exact},
                       {"two.example", DomainKind::under},
                       {"three.example", DomainKind::both},
                       {"deep.three.example", DomainKind::exact},
                       {"org", DomainKind::under},
                       {"single", DomainKind::exact}});
  struct Case {
    const char* host;
    int line;
  };
  for (auto [host, line] : std::initializer_list<Case>{{"one.example", 0},
                                                       {"ONE.Example", 0},
                                                       {"one.example.", 0},
                                                       {"a.one.example", -1},
                                                       {"xone.example", -1},
                                                       {"one.example.org", 4},
                                                       {"two.example", -1},
                                                       {"a.two.example", 1},
                                                       {"a.b.c.two.example", 1},
                                                       {"three.example", 2},
                                                       {"a.three.example", 2},
                                                       {"deep.three.example", 3},
                                                       {"a.deep.three.example", 2},
                                                       {"org", -1},
                                                       {"x.org", 4},
                                                       {"single", 5},
                                                       {"a.single", -1},
                                                       {"example", -1},
                                                       {"", -1},
                                                       {".", -1},
                                                       {"..", -1},
                                                       {".org", -1},
                                                       {"a..org", 4},
                                                       {"x.org..", -1},
                                                       {"one.example ", -1},
                                                       {"one\0.example", -1},
                                                       {"evil\x01.two.example", 1},
                                                       {"%61.two.example", 1},
                                                       {"two.example/", -1}}) {
    INFO(host);
    auto hit = set->find(host);
    if (line == -1 && std::string_view(host) == ".org") {
      // Not a host at all; whether it lies under org does not matter, as long as nothing breaks.
      continue;
    }
    CHECK((hit ? static_cast<int>(hit->line) : -1) == line);
  }
  CHECK(set->find("a.three.example")->name_size == std::strlen("three.example"));
  CHECK(set->find("a.three.example")->kind == DomainKind::both);
  CHECK(set->size() == 6);
}

TEST_CASE("a name given twice keeps its first line for what that line covers") {
  auto set = make_set({{"a.example", DomainKind::exact},
                       {"a.example", DomainKind::exact},
                       {"a.example", DomainKind::both},
                       {"a.example", DomainKind::under}});
  CHECK(set->size() == 2);
  CHECK(set->find("a.example")->line == 0);
  CHECK(set->find("x.a.example")->line == 2);
}

TEST_CASE("only host names are taken into a set") {
  DomainSetBuilder builder("");
  std::string label(63, 'a');
  for (auto good :
       {std::string("a"), std::string("a_b.example"), std::string("xn--80ak6aa92e.com"),
        label + ".com", label + "." + label + "." + label + "." + std::string(61, 'b')}) {
    INFO(good);
    CHECK(builder.add(good, DomainKind::exact, 1));
  }
  for (auto bad :
       {std::string(), std::string("."), std::string("a..b"), std::string(".a"), std::string("a."),
        std::string("A.b"), std::string("a b"), std::string("a/b"), std::string("b\xc3\xbc.de"),
        label + "a.com", label + "." + label + "." + label + "." + std::string(62, 'b')}) {
    INFO(bad);
    CHECK_FALSE(builder.add(bad, DomainKind::exact, 1));
  }
  auto set = builder.build();
  REQUIRE(set);
  CHECK((*set)->size() == 5);
  CHECK((*set)->find(label + "." + label + "." + label + "." + std::string(61, 'b')));
}

TEST_CASE("an empty set holds nothing") {
  auto set = make_set({});
  CHECK(set->size() == 0);
  CHECK_FALSE(set->find("example.com"));
  CHECK_FALSE(set->find(""));
}

TEST_CASE("hosts no name can have cost no more than a long one, and do not evade their parent") {
  auto set = make_set({{"example.com", DomainKind::both}, {"a.a.a.a.a", DomainKind::both}});
  CHECK(set->find(std::string(100'000, 'a') + ".example.com"));
  std::string dots;
  for (int i = 0; i < 50'000; ++i) {
    dots += "x.";
  }
  CHECK(set->find(dots + "example.com"));
  CHECK_FALSE(set->find(dots));
  std::string as;
  for (int i = 0; i < 126; ++i) {
    as += "a.";
  }
  CHECK(set->find(as + "a")); // 127 labels
  CHECK(set->find(std::string(1000, '.') + "example.com"));
  CHECK_FALSE(set->find(std::string(1000, '.')));
  CHECK_FALSE(set->find(std::string(1000, '\0')));
  CHECK(set->find(std::string(1000, '\xff') + ".example.com"));
}

TEST_CASE("a set answers as a plain map does, for random names") {
  std::mt19937_64 random(GENERATE(1U, 2U, 3U, 4U));
  // Few letters: many names share parents. Many: every class of code.
  std::string_view letters = GENERATE("ab", "abcdefghijklmnopqrstuvwxyz0123456789-_");
  std::size_t most = letters.size() == 2 ? 3 : 40;
  std::vector<std::string> words;
  for (int i = 0; i < 40; ++i) {
    words.push_back(random_name(random, letters, 1, most));
  }
  Naive naive;
  DomainSetBuilder builder("");
  std::vector<std::string> asked;
  for (std::uint32_t line = 0; line < 3000; ++line) {
    std::string name;
    for (std::size_t labels = 1 + random() % 5; labels > 0; --labels) {
      name += (name.empty() ? "" : ".") + words[random() % words.size()];
    }
    auto kind = static_cast<DomainKind>(1 + random() % 3);
    if (builder.add(name, kind, line)) {
      naive.names[name].push_back({kind, line});
    }
    asked.push_back(name);
    asked.push_back(words[random() % words.size()] + "." + name);
    asked.push_back(name.substr(random() % name.size()));
    asked.push_back(name + words[random() % words.size()]);
  }
  auto set = builder.build();
  REQUIRE(set);
  for (const auto& host : asked) {
    if (!is_domain_name(host)) {
      (*set)->find(host);
      continue;
    }
    auto hit = (*set)->find(host);
    auto want = naive.find(host);
    if (hit.has_value() != want.has_value() || (hit && hit->line != *want)) {
      FAIL(host);
    }
  }
}

TEST_CASE("a set on disk is read back, with its owner's bytes") {
  Scratch scratch;
  auto path = scratch / "ads.set";
  {
    DomainSetBuilder builder(path);
    REQUIRE(builder.add("ads.example", DomainKind::both, 70'000));
    builder.set_meta("whose it is");
    REQUIRE(builder.build());
  }
  auto set = DomainSet::open(path);
  REQUIRE(set);
  CHECK((*set)->meta() == "whose it is");
  CHECK((*set)->find("x.ads.example")->line == 70'000);
  CHECK(std::distance(std::filesystem::directory_iterator(scratch.path()), {}) == 1);
  CHECK(DomainSet::open(scratch / "none").error().code == Code::not_found);
}

TEST_CASE("a damaged set does not open, whichever byte it is") {
  Scratch scratch;
  auto path = scratch / "ads.set";
  std::vector<Entry> entries;
  for (int i = 0; i < 50; ++i) {
    entries.push_back({"host" + std::to_string(i) + ".example", DomainKind::both});
  }
  make_set(entries, path);
  auto good = slurp(path);
  for (std::size_t at = 0; at < good.size(); ++at) {
    auto bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x40);
    spit(path, bad);
    if (DomainSet::open(path)) {
      FAIL("byte " << at);
    }
  }
  for (std::size_t size = 0; size < good.size(); size += 13) {
    spit(path, good.substr(0, size));
    CHECK_FALSE(DomainSet::open(path));
  }
  spit(path, good);
  CHECK(DomainSet::open(path));
}

TEST_CASE("a set that lies under a right checksum is harmless") {
  Scratch scratch;
  auto path = scratch / "ads.set";
  make_set({{"a.example", DomainKind::both}, {"b.example", DomainKind::both}}, path);
  auto good = slurp(path);
  std::mt19937_64 random(7);
  for (int round = 0; round < 3000; ++round) {
    auto bad = good;
    for (int n = 0; n < 3; ++n) {
      bad[24 + random() % (bad.size() - 24)] = static_cast<char>(random());
    }
    auto sum = set_checksum(bad);
    std::memcpy(bad.data() + 16, &sum, sizeof sum);
    int fd = ::memfd_create("bad", MFD_CLOEXEC);
    REQUIRE(::write(fd, bad.data(), bad.size()) == static_cast<ssize_t>(bad.size()));
    if (auto set = DomainSet::map(fd)) {
      (*set)->find("x.a.example");
      (*set)->find("b.example");
    }
    ::close(fd);
  }
}

namespace {

double cpu_ns() {
  timespec ts{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
  return static_cast<double>(ts.tv_sec) * 1e9 + static_cast<double>(ts.tv_nsec);
}

void build_and_measure(std::uint32_t count, double bytes_most, double lookup_ns_most) {
  Scratch scratch;
  std::mt19937_64 random(11);
  constexpr std::string_view kLetters = "aaaabccdddeeeeefghiiijkllmmnnnooopprrrssstttuuvwy0-";
  constexpr const char* kTlds[] = {"com", "com", "com", "net", "org", "ru", "de", "xyz", "co.uk"};
  auto name_of = [&](std::uint32_t i) {
    std::uint64_t state = i * 0x9e3779b97f4a7c15U + 1;
    auto next = [&] {
      state ^= state << 13;
      state ^= state >> 7;
      state ^= state << 17;
      return state;
    };
    next();
    std::string name;
    for (std::size_t n = 1 + next() % 18; n > 0; --n) {
      name += kLetters[next() % kLetters.size()];
    }
    return name + "-" + std::to_string(i % 100) + "." + kTlds[i % std::size(kTlds)];
  };
  auto begin = std::chrono::steady_clock::now();
  DomainSetBuilder builder(scratch / "big.set");
  for (std::uint32_t i = 0; i < count; ++i) {
    builder.add(name_of(i), i % 4 == 0 ? DomainKind::both : DomainKind::exact, i);
  }
  auto built = builder.build();
  REQUIRE(built);
  const auto& set = **built;
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  double bytes_each = static_cast<double>(set.bytes()) / static_cast<double>(set.size());
  std::vector<std::string> hosts;
  for (int i = 0; i < 20'000; ++i) {
    auto one = static_cast<std::uint32_t>(random() % count);
    hosts.push_back(i % 2 == 0 ? name_of(one) : "www." + name_of(one) + "x");
  }
  double cpu = cpu_ns(); // not of the others on a busy machine
  std::size_t hits = 0;
  for (const auto& host : hosts) {
    hits += set.find(host) ? 1U : 0U;
  }
  double each = (cpu_ns() - cpu) / static_cast<double>(hosts.size());
  WARN(set.size() << " names: " << bytes_each << " bytes each, made in " << took.count() << " s, "
                  << each << " ns a look-up");
  CHECK(hits >= hosts.size() / 2);
  CHECK(bytes_each < bytes_most);
  const char* slowness = std::getenv("WEIR_SLOWNESS"); // sanitizers, a busy machine
  CHECK(each < lookup_ns_most * (slowness != nullptr ? std::atof(slowness) : 1));
}

} // namespace

TEST_CASE("FEATURES 11: a million names take less than 15 bytes each") {
  build_and_measure(1'000'000, 15, 5000); // the time is generous: the machine may be busy
}

TEST_CASE("FEATURES 11: ten million names take less than 150 MB", "[.long]") {
  build_and_measure(10'000'000, 15, 1500);
}
