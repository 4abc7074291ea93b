// SPDX-License-Identifier: Apache-2.0
//
// rules_bench [NAMES]: nanoseconds of a look-up in a domain set, warm and cold, and of an
// evaluation of rules. Prints; checks nothing.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "rules/domain_build.h"

using namespace weir;
using namespace weir::rules;

namespace {

template <class F> double nanoseconds(std::size_t count, F&& run) {
  auto begin = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < count; ++i) {
    run(i);
  }
  std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
  return took.count() / static_cast<double>(count);
}

std::string name_of(std::uint32_t i) {
  constexpr std::string_view kLetters = "aaaabccdddeeeeefghiiijkllmmnnnooopprrrssstttuuvwy";
  constexpr const char* kTlds[] = {"com", "com", "com", "net", "org", "ru", "de", "xyz", "co.uk"};
  std::uint64_t state = i * 0x9e3779b97f4a7c15U + 1;
  std::string name;
  auto next = [&] {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
  };
  next();
  for (std::size_t n = 6 + next() % 12; n > 0; --n) {
    name += kLetters[next() % kLetters.size()];
  }
  return name + "." + kTlds[next() % std::size(kTlds)];
}

void bench_set(std::uint32_t count) {
  DomainSetBuilder builder("");
  auto begin = std::chrono::steady_clock::now();
  for (std::uint32_t i = 0; i < count; ++i) {
    builder.add(name_of(i), i % 2 == 0 ? DomainKind::both : DomainKind::exact, i);
  }
  auto set = builder.build();
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  if (!set) {
    std::printf("no set: %s\n", to_string(set.error()).c_str());
    return;
  }
  std::printf("%llu names, %.2f bytes each, made in %.2f s\n",
              static_cast<unsigned long long>((*set)->size()),
              static_cast<double>((*set)->bytes()) / static_cast<double>((*set)->size()),
              took.count());
  std::mt19937_64 random(3);
  std::vector<std::string> hosts;
  for (int i = 0; i < 200'000; ++i) {
    auto host = "www." + name_of(static_cast<std::uint32_t>(random() % count));
    hosts.push_back(i % 2 == 0 ? host : host + "x");
  }
  std::size_t hits = 0;
  auto ask = [&](std::size_t i) { hits += (*set)->find(hosts[i]) ? 1U : 0U; };
  std::printf("  find, every name another one  %7.0f ns\n", nanoseconds(hosts.size(), ask));
  std::printf("  find, the same 64 names       %7.0f ns\n",
              nanoseconds(hosts.size(), [&](std::size_t i) { ask(i % 64); }));
  std::printf("  (%zu hits)\n", hits);
}

} // namespace

int main(int argc, char** argv) {
  bench_set(argc > 1 ? static_cast<std::uint32_t>(std::atoi(argv[1])) : 1'000'000);
  return 0;
}
