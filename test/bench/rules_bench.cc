// SPDX-License-Identifier: Apache-2.0
//
// rules_bench [NAMES]: nanoseconds of a look-up in a domain set, warm and cold, of an evaluation of
// rules, and of finding a route. Prints; checks nothing.
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "config/load.h"
#include "rules/domain_build.h"
#include "rules/route.h"

using namespace weir;
using namespace weir::rules;

namespace {

/// Of processor time: others on the machine do not count.
double cpu_ns() {
  timespec ts{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
  return static_cast<double>(ts.tv_sec) * 1e9 + static_cast<double>(ts.tv_nsec);
}

template <class F> double nanoseconds(std::size_t count, F&& run) {
  double begin = cpu_ns();
  for (std::size_t i = 0; i < count; ++i) {
    run(i);
  }
  return (cpu_ns() - begin) / static_cast<double>(count);
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
  double begin = cpu_ns();
  for (std::uint32_t i = 0; i < count; ++i) {
    builder.add(name_of(i), i % 2 == 0 ? DomainKind::both : DomainKind::exact, i);
  }
  auto set = builder.build();
  double took = (cpu_ns() - begin) / 1e9;
  if (!set) {
    std::printf("no set: %s\n", to_string(set.error()).c_str());
    return;
  }
  std::printf("%llu names, %.2f bytes each, made in %.2f s\n",
              static_cast<unsigned long long>((*set)->size()),
              static_cast<double>((*set)->bytes()) / static_cast<double>((*set)->size()), took);
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

/// Times a question with the rules of a forward, and of a route.
void bench_rules(const char* what, const std::string& rules) {
  std::string text = "pool app { server 127.0.0.1:9 }\nwhen work { time mon-fri 08:00-18:00\n zone "
                     "Europe/Berlin }\nforward lan { listen 127.0.0.1:3128\n rules {\n" +
                     rules + "\n} }\nsite www.example.com *.example.com { listen 127.0.0.1:80\n";
  for (int i = 0; i < 20; ++i) {
    text += " route /part" + std::to_string(i) + "/ { pool app }\n";
  }
  auto loaded = config::load_text("bench.conf", text + " route / { pool app }\n}\n");
  std::string problem;
  if (!loaded.config) {
    std::printf("%s\n", config::print(loaded.diagnostics).c_str());
    return;
  }
  auto whens = compile_schedules(*loaded.config, problem);
  auto table = whens ? RouteTable::compile(loaded.config, {{}, *whens})
                     : Result<std::unique_ptr<const RouteTable>>(fail(Code::not_found));
  if (!table) {
    std::printf("no rules: %s\n", problem.c_str());
    return;
  }
  Facts facts;
  facts.client = *Address::parse("10.1.2.3");
  facts.host = "static.images.example.com";
  facts.port = 80;
  facts.path = "/index.html";
  facts.method = "GET";
  facts.scheme = "http";
  Clock::tick();
  std::size_t allowed = 0;
  auto forward = (*table)->find(0, facts.host, facts.path);
  double evaluate = nanoseconds(1'000'000, [&](std::size_t) {
    allowed += forward.route->rules->evaluate(facts, Clock::wall()).allows() ? 1U : 0U;
  });
  std::size_t found = 0;
  double find = nanoseconds(1'000'000, [&](std::size_t) {
    found += (*table)->find(1, facts.host, facts.path) ? 1U : 0U;
  });
  std::printf("%-34s evaluate %5.0f ns   route of 21 %5.0f ns\n", what, evaluate, find);
}

} // namespace

int main(int argc, char** argv) {
  bench_set(argc > 1 ? static_cast<std::uint32_t>(std::atoi(argv[1])) : 1'000'000);
  bench_rules("allow all", "allow client private");
  bench_rules("10 rules", "deny host a.example .b.example\n deny port 25\n deny method TRACE\n"
                          "deny path /secret\n deny header x-evil\n deny scheme https\n"
                          "deny client 192.0.2.0/24\n report when work\n deny path *.exe\n"
                          "allow client private");
  std::string hosts = "deny host";
  for (int i = 0; i < 1000; ++i) {
    hosts += " .host" + std::to_string(i) + ".invalid";
  }
  bench_rules("1000 hosts in one condition", hosts + "\n allow client private");
  bench_rules("an expression", "deny host ~ ^ad[0-9]+[.]\n allow client private");
  return 0;
}
