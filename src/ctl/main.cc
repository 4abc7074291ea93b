// SPDX-License-Identifier: Apache-2.0
//
// weirctl: the administrator's commands (weirctl(8)).
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "ctl/arguments.h"
#include "ctl/run.h"

int main(int argc, char** argv) {
  using namespace weir::ctl;
  auto read = read_arguments(argc, argv);
  Outcome outcome;
  if (auto* at_once = std::get_if<Outcome>(&read)) {
    outcome = std::move(*at_once);
  } else {
    Style style;
    style.colour = ::isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr;
    outcome = run(std::move(std::get<Command>(read)), style, stdout);
  }
  std::fputs(outcome.err.c_str(), stderr);
  std::fputs(outcome.out.c_str(), stdout);
  return std::fflush(stdout) == 0 ? static_cast<int>(outcome.exit) : 1;
}
