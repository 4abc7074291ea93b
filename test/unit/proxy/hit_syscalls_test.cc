// SPDX-License-Identifier: Apache-2.0
//
// DESIGN 8.2: a memory hit on a kept connection makes three system calls: one wait, one receive,
// one send; the registration is never touched. A program of its own, since it stands between weir
// (libevent with it) and libc.
#define CATCH_CONFIG_MAIN
#include "hit_world.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <array>

#include "net/listener.h"

namespace {
struct Calls {
  int waits = 0;
  int controls = 0;
  int receives = 0;
  int sends = 0;
  int others = 0; // read, write, accept, shutdown, close of the loop's turn
  bool operator==(const Calls&) const = default;
};
thread_local Calls calls;
constexpr Calls kOneHit = {1, 0, 1, 1, 0};
} // namespace

extern "C" {
int epoll_wait(int epfd, epoll_event* events, int most, int timeout) {
  ++calls.waits;
  return static_cast<int>(
      ::syscall(SYS_epoll_pwait, epfd, events, most, timeout, nullptr, std::size_t{8}));
}
int epoll_ctl(int epfd, int what, int fd, epoll_event* event) noexcept {
  ++calls.controls;
  return static_cast<int>(::syscall(SYS_epoll_ctl, epfd, what, fd, event));
}
ssize_t recv(int fd, void* to, std::size_t size, int flags) {
  ++calls.receives;
  return ::syscall(SYS_recvfrom, fd, to, size, flags, nullptr, nullptr);
}
ssize_t recvfrom(int fd, void* to, std::size_t size, int flags, sockaddr* from, socklen_t* room) {
  ++calls.receives;
  return ::syscall(SYS_recvfrom, fd, to, size, flags, from, room);
}
ssize_t recvmsg(int fd, msghdr* message, int flags) {
  ++calls.receives;
  return ::syscall(SYS_recvmsg, fd, message, flags);
}
ssize_t readv(int fd, const iovec* to, int n) {
  ++calls.receives;
  return ::syscall(SYS_readv, fd, to, n);
}
ssize_t send(int fd, const void* from, std::size_t size, int flags) {
  ++calls.sends;
  return ::syscall(SYS_sendto, fd, from, size, flags, nullptr, 0);
}
ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  ++calls.sends;
  return ::syscall(SYS_sendmsg, fd, message, flags);
}
ssize_t writev(int fd, const iovec* from, int n) {
  ++calls.sends;
  return ::syscall(SYS_writev, fd, from, n);
}
ssize_t read(int fd, void* to, std::size_t size) {
  ++calls.others;
  return ::syscall(SYS_read, fd, to, size);
}
ssize_t write(int fd, const void* from, std::size_t size) {
  ++calls.others;
  return ::syscall(SYS_write, fd, from, size);
}
int shutdown(int fd, int how) noexcept {
  ++calls.others;
  return static_cast<int>(::syscall(SYS_shutdown, fd, how));
}
}

namespace Catch {
template <> struct StringMaker<Calls> {
  static std::string convert(const Calls& c) {
    return "waits " + std::to_string(c.waits) + " controls " + std::to_string(c.controls) +
           " receives " + std::to_string(c.receives) + " sends " + std::to_string(c.sends) +
           " others " + std::to_string(c.others);
  }
};
} // namespace Catch

namespace weir::proxy::test {
namespace {

/// What the loop calls in one turn.
Calls turn(HitWorld& world) {
  calls = {};
  world.loop().turn(true);
  return calls;
}

TEST_CASE("8.2 a keep-alive hit is one epoll_wait, one receive, one send") {
  HitWorld world;
  for (int i = 0; i < 5; ++i) {
    REQUIRE(world.send(kGet));
    turn(world);
    REQUIRE(HitWorld::is_hits(world.receive()));
  }
  for (int i = 0; i < 100; ++i) {
    REQUIRE(world.send(kGet));
    REQUIRE(turn(world) == kOneHit);
    REQUIRE(HitWorld::is_hits(world.receive()));
  }
}

TEST_CASE("8.2 pipelined requests that come together share the receive") {
  HitWorld world;
  REQUIRE(world.send(std::string(kGet) + std::string(kGet)));
  REQUIRE(turn(world) == Calls{1, 0, 1, 2, 0});
  REQUIRE(HitWorld::is_hits(world.receive(), 2));
}

TEST_CASE("8.2 a request that comes together with the end is answered, and the end is seen") {
  HitWorld world;
  REQUIRE(world.send(kGet));
  turn(world);
  REQUIRE(HitWorld::is_hits(world.receive()));
  REQUIRE(world.send(kGet));
  world.end_sending();
  Calls made = turn(world);
  CHECK(made.waits == 1);
  CHECK(made.receives == 2); // the request, and the end, which no second edge would tell
  CHECK(made.sends == 1);
  REQUIRE(HitWorld::is_hits(world.receive()));
  REQUIRE(world.receive().empty());
  REQUIRE(world.ended()); // closed at once, not when the idle time is over
}

TEST_CASE("8.2 the end alone closes an idle connection") {
  HitWorld world;
  REQUIRE(world.send(kGet));
  turn(world);
  REQUIRE(HitWorld::is_hits(world.receive()));
  world.end_sending();
  Calls made = turn(world);
  CHECK(made.waits == 1);
  CHECK(made.sends == 0);
  CHECK(world.receive().empty());
  REQUIRE(world.ended());
}

/// The origin, on the thread of the test too.
class TestOrigin {
public:
  TestOrigin() {
    auto made = net::bind_listener(*Address::parse_with_port("127.0.0.1:0"), {});
    REQUIRE(made);
    socket_ = std::move(*made);
  }
  std::uint16_t port() const { return socket_.address.port(); }
  void accept() {
    pollfd ready{socket_.fd.get(), POLLIN, 0};
    REQUIRE(::poll(&ready, 1, 10'000) == 1);
    connection_ = net::Fd(::accept4(socket_.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
    REQUIRE(connection_);
  }
  void answer() const {
    constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\n"
                                         "Content-Length: 5\r\n\r\nhello";
    std::array<char, 4096> request;
    REQUIRE(::recv(connection_.get(), request.data(), request.size(), 0) > 0);
    REQUIRE(::send(connection_.get(), kAnswer.data(), kAnswer.size(), 0) ==
            static_cast<ssize_t>(kAnswer.size()));
  }

private:
  net::ListenSocket socket_;
  net::Fd connection_;
};

TEST_CASE("a miss on kept connections is two turns of one receive and one send") {
  constexpr std::string_view kMiss = "GET /miss HTTP/1.1\r\nHost: www.example.com\r\n"
                                     "Cache-Control: no-store\r\n\r\n";
  TestOrigin origin;
  HitWorld world(origin.port());
  REQUIRE(world.send(kMiss));
  turn(world); // begins to connect
  turn(world); // sends
  origin.accept();
  origin.answer();
  turn(world);
  REQUIRE(world.receive().ends_with("hello"));
  for (int i = 0; i < 10; ++i) {
    REQUIRE(world.send(kMiss));
    REQUIRE(turn(world) == Calls{1, 0, 1, 1, 0});
    origin.answer();
    REQUIRE(turn(world) == Calls{1, 0, 1, 1, 0});
    REQUIRE(world.receive().ends_with("hello"));
  }
}

} // namespace
} // namespace weir::proxy::test
