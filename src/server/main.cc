// SPDX-License-Identifier: Apache-2.0
//
// weir: the daemon. Arguments, then a Server.
#include <getopt.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "admin/certificates.h"
#include "config.h"
#include "config/load.h"
#include "server/heap.h"
#include "server/server.h"

namespace {

constexpr const char* kDefaultFile = "/etc/weir/weir.conf";

constexpr const char* kUsage =
    "usage: weir [-c|--config FILE] [--default] [-t|--test] [-V|--version]\n"
    "  -c, --config FILE   the configuration (default /etc/weir/weir.conf)\n"
    "      --default       run on the embedded default configuration\n"
    "  -t, --test          check the configuration and exit\n"
    "      --ports-file FILE  write the addresses listened on, one JSON object a line\n"
#ifdef WEIR_TEST_HOOKS
    "      --test-clock SOCKET  a clock that tests move\n"
#endif
    "  -V, --version       print the version\n";

enum Option { kPortsFile = 256, kDefault, kTestClock };

/// As many descriptors as the system lets us have.
void raise_limits() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
}

int test(const std::string& file) {
  auto loaded = weir::server::load(file);
  weir::Clock::tick();
  weir::admin::check_tls(loaded);
  weir::rules::check_user_tables(loaded);
  std::string text = weir::config::print(loaded.diagnostics);
  std::fputs(text.c_str(), stderr);
  if (!loaded.config) {
    return 1;
  }
  std::printf("%s: ok\n", file.empty() ? "default" : file.c_str());
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  weir::server::set_heap();
  const option options[] = {
      {"config", required_argument, nullptr, 'c'},
      {"default", no_argument, nullptr, kDefault},
      {"test", no_argument, nullptr, 't'},
      {"version", no_argument, nullptr, 'V'},
      {"help", no_argument, nullptr, 'h'},
      {"ports-file", required_argument, nullptr, kPortsFile},
#ifdef WEIR_TEST_HOOKS
      {"test-clock", required_argument, nullptr, kTestClock},
#endif
      {nullptr, 0, nullptr, 0},
  };
  weir::server::Arguments arguments;
  arguments.file = kDefaultFile;
  bool only_test = false;
  int option = 0;
  while ((option = ::getopt_long(argc, argv, "c:tVh", options, nullptr)) != -1) {
    switch (option) {
    case 'c':
      arguments.file = ::optarg;
      break;
    case 't':
      only_test = true;
      break;
    case 'V':
      std::printf("weir %s\n", PACKAGE_VERSION);
      return 0;
    case 'h':
      std::fputs(kUsage, stdout);
      return 0;
    case kPortsFile:
      arguments.ports_file = ::optarg;
      break;
    case kDefault:
      arguments.file.clear();
      break;
    case kTestClock:
      arguments.test_clock = ::optarg;
      break;
    default:
      std::fputs(kUsage, stderr);
      return 2;
    }
  }
  if (::optind < argc) {
    std::fprintf(stderr, "weir: unknown argument %s\n%s", argv[::optind], kUsage);
    return 2;
  }
  if (only_test) {
    return test(arguments.file);
  }
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN); // a file that may not grow any more is a disk that is full
  raise_limits();
  weir::server::Server server(std::move(arguments));
  return server.start() ? server.run() : 1;
}
