// SPDX-License-Identifier: Apache-2.0
#include "ctl/warm.h"

#include <unistd.h>

#include <fstream>
#include <iostream>
#include <thread>

#include <fmt/format.h>

#include "admin/explain.h"
#include "ctl/print.h"

namespace weir::ctl {
namespace {

constexpr std::size_t kMostBytes = 900'000; // the daemon takes a request of 1 MiB
constexpr std::size_t kMostTold = 20;
constexpr auto kLook = std::chrono::milliseconds(200);

bool is_url(const std::string& text) {
  Arena arena;
  auto url = admin::parse_url(text, arena);
  return url && url->form == http::Target::Form::absolute;
}

std::string trimmed(std::string text) {
  std::size_t end = text.find_last_not_of(" \t\r");
  text.resize(end == std::string::npos ? 0 : end + 1);
  return text.substr(std::min(text.find_first_not_of(" \t"), text.size()));
}

/// What is wrong, with its newline; empty: nothing.
std::string read_lines(std::istream& in, const std::string& name, Json& urls) {
  std::string wrong;
  std::size_t bytes = 0;
  std::size_t told = 0;
  std::string text;
  for (std::size_t line = 1; std::getline(in, text); ++line) {
    text = trimmed(std::move(text));
    if (text.empty() || text.front() == '#') {
      continue;
    }
    bytes += text.size() + 3;
    if (bytes > kMostBytes) {
      return wrong + fmt::format("weirctl: {}:{}: more than 900 KB of URLs: warm them in parts\n",
                                 name, line);
    }
    if (is_url(text)) {
      urls.push_back(text);
    } else if (++told <= kMostTold) {
      wrong += clean(fmt::format("weirctl: {}:{}: '{}' is not a URL", name, line, text)) + "\n";
    }
  }
  if (told > kMostTold) {
    wrong += fmt::format("weirctl: and {} lines more\n", told - kMostTold);
  }
  return in.bad() ? wrong + fmt::format("weirctl: {} cannot be read\n", name) : wrong;
}

} // namespace

std::optional<Outcome> read_urls(Command& command) {
  std::string source = admin::text_of(command.arguments, "source");
  if (source.empty() || source == "log") {
    return std::nullopt;
  }
  command.arguments.erase("source");
  Json urls = command.arguments.value("url", Json::array());
  std::string wrong;
  if (source == "-") {
    wrong = read_lines(std::cin, "-", urls);
  } else {
    std::ifstream file(source);
    wrong = file ? read_lines(file, source, urls)
                 : fmt::format("weirctl: {} cannot be opened\n", clean(source));
  }
  if (wrong.empty() && urls.empty()) {
    wrong = fmt::format("weirctl: there is no URL in {}\n", clean(source));
  }
  if (!wrong.empty()) {
    return Outcome{Exit::usage, {}, wrong};
  }
  command.arguments["url"] = std::move(urls);
  return std::nullopt;
}

Answered wait_for_warm(const Command& command, const std::string& socket, Time deadline,
                       std::FILE* live) {
  bool shown = !command.json && ::isatty(::fileno(live)) == 1;
  const Json status = {{"status", true}};
  while (true) {
    Answered answered = Client(socket, deadline).ask(*command.verb, status);
    std::string state = text_at(answered.body, "state");
    bool over =
        answered.exit != Exit::ok || state == "done" || state == "stopped" || state == "none";
    if (shown) {
      std::string line = over ? std::string() : print_warm(answered.body, {});
      std::fputs(("\r\033[K" + line.substr(0, line.find('\n'))).c_str(), live);
      std::fflush(live);
    }
    if (over) {
      answered.exit = state == "stopped" ? Exit::failed : answered.exit;
      return answered;
    }
    std::this_thread::sleep_for(kLook);
  }
}

} // namespace weir::ctl
