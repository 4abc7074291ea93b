// SPDX-License-Identifier: Apache-2.0
#include "server/test_clock.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "base/clock.h"

namespace weir::server {

Result<std::unique_ptr<TestClock>> TestClock::open(event::Loop& loop, const std::string& path,
                                                   Spread spread) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (path.size() >= sizeof name.sun_path) {
    return fail(Code::too_large);
  }
  std::memcpy(name.sun_path, path.data(), path.size());
  net::Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  ::unlink(path.c_str());
  if (!fd || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) {
    return fail(Code::io, Side::self, errno);
  }
  return std::make_unique<TestClock>(loop, std::move(fd), path, std::move(spread));
}

TestClock::TestClock(event::Loop& loop, net::Fd fd, std::string path, Spread spread)
    : fd_(std::move(fd)), path_(std::move(path)), spread_(std::move(spread)),
      watch_(loop, fd_.get(), event::LevelWatch::kRead, *this) {}

TestClock::~TestClock() { ::unlink(path_.c_str()); }

void TestClock::run() {
  std::array<char, 64> text{};
  sockaddr_un from{};
  socklen_t from_size = sizeof from;
  ssize_t n = ::recvfrom(fd_.get(), text.data(), text.size(), 0, reinterpret_cast<sockaddr*>(&from),
                         &from_size);
  if (n <= 0) {
    return;
  }
  std::string_view line(text.data(), static_cast<std::size_t>(n));
  constexpr std::string_view kVerb = "advance ";
  double seconds = 0;
  if (line.starts_with(kVerb)) {
    line.remove_prefix(kVerb.size());
    std::from_chars(line.data(), line.data() + line.size(), seconds);
  }
  Clock::advance_all(Duration(static_cast<std::int64_t>(seconds * 1e6)));
  spread_([fd = fd_.get(), from, from_size] {
    ::sendto(fd, "ok", 2, 0, reinterpret_cast<const sockaddr*>(&from), from_size);
  });
}

} // namespace weir::server
