// SPDX-License-Identifier: Apache-2.0
#include "net/transport.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <csignal>
#include <string>
#include <thread>

#include "base/pipe.h"
#include "loop_guard.h"
#include "net/listener.h"

using namespace weir;
using namespace weir::net;
using weir::net::test::CountingTask;
using weir::net::test::turn_until;

namespace {

/// Two connected TCP sockets over loopback, both non-blocking.
struct TcpPair {
  TcpPair() {
    auto listening = bind_listener(*Address::parse("127.0.0.1"));
    REQUIRE(listening);
    there = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_storage to{};
    auto size = listening->address.to_sockaddr(to);
    REQUIRE(::connect(there.get(), reinterpret_cast<sockaddr*>(&to), size) == 0);
    here = Fd(::accept4(listening->fd.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    REQUIRE(here);
  }
  void send(std::string_view text) const {
    REQUIRE(::send(there.get(), text.data(), text.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(text.size()));
  }
  Fd here;
  Fd there;
};

struct UnixPair {
  UnixPair() {
    int fds[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    here = Fd(fds[0]);
    there = Fd(fds[1]);
  }
  Fd here;
  Fd there;
};

} // namespace

TEST_CASE("a short read clears readable, a full one leaves it") {
  weir::event::Loop loop;
  CountingTask task;
  TcpPair pair;
  PlainTransport transport;
  REQUIRE(transport.open(loop, std::move(pair.here), task));
  CHECK_FALSE(transport.readable());
  CHECK(transport.writable());

  pair.send("hello");
  REQUIRE(turn_until(loop, [&] { return transport.readable(); }));
  std::array<char, 16> buffer{};
  auto got = transport.read(buffer.data(), 3);
  CHECK(got.state == IoResult::ok);
  CHECK(got.bytes == 3);
  CHECK(transport.readable());
  CHECK_FALSE(transport.drained());
  got = transport.read(buffer.data(), buffer.size());
  CHECK(got.bytes == 2);
  CHECK_FALSE(transport.readable());
  CHECK_FALSE(transport.drained());
  got = transport.read(buffer.data(), buffer.size());
  CHECK(got.state == IoResult::would_block);
  CHECK(transport.drained());
}

TEST_CASE("data and FIN in one edge are both read without another edge") {
  weir::event::Loop loop;
  CountingTask task;
  TcpPair pair;
  pair.send("last words");
  pair.there.close();
  PlainTransport transport;
  REQUIRE(transport.open(loop, std::move(pair.here), task));
  REQUIRE(turn_until(loop, [&] { return transport.end_seen(); }));
  std::array<char, 64> buffer{};
  auto got = transport.read(buffer.data(), buffer.size());
  CHECK(got.bytes == 10);
  CHECK(transport.readable());
  got = transport.read(buffer.data(), buffer.size());
  CHECK(got.state == IoResult::end);
  CHECK_FALSE(transport.readable());
  CHECK(transport.drained());
}

TEST_CASE("a FIN that comes after the short read is a new edge") {
  weir::event::Loop loop;
  CountingTask task;
  TcpPair pair;
  PlainTransport transport;
  REQUIRE(transport.open(loop, std::move(pair.here), task));
  pair.send("x");
  REQUIRE(turn_until(loop, [&] { return transport.readable(); }));
  std::array<char, 64> buffer{};
  CHECK(transport.read(buffer.data(), buffer.size()).bytes == 1);
  REQUIRE_FALSE(transport.readable());
  pair.there.close();
  REQUIRE(turn_until(loop, [&] { return transport.readable(); }));
  CHECK(transport.read(buffer.data(), buffer.size()).state == IoResult::end);
}

TEST_CASE("data and a reset in one edge: reading until drained sees the reset") {
  weir::event::Loop loop;
  CountingTask task;
  TcpPair pair;
  pair.send("cut sho");
  set_reset_on_close(pair.there.get());
  pair.there.close();
  PlainTransport transport;
  REQUIRE(transport.open(loop, std::move(pair.here), task));
  REQUIRE(turn_until(loop, [&] { return transport.readable(); }));
  std::array<char, 64> buffer{};
  IoResult got;
  while (!transport.drained()) {
    got = transport.read(buffer.data(), buffer.size());
  }
  CHECK(got.state == IoResult::failed);
  CHECK(got.sys == ECONNRESET);
}

TEST_CASE("a half-closed connection still carries our direction") {
  weir::event::Loop loop;
  CountingTask task;
  TcpPair pair;
  PlainTransport transport;
  REQUIRE(transport.open(loop, std::move(pair.here), task));
  ::shutdown(pair.there.get(), SHUT_WR);
  REQUIRE(turn_until(loop, [&] { return transport.readable(); }));
  char byte = 0;
  CHECK(transport.read(&byte, 1).state == IoResult::end);
  OutQueue queue;
  queue.push(Slice("reply"));
  CHECK(transport.write(queue).state == IoResult::ok);
  transport.shutdown_write();
  std::array<char, 16> buffer{};
  CHECK(::recv(pair.there.get(), buffer.data(), buffer.size(), MSG_WAITALL) == 5);
  CHECK(::recv(pair.there.get(), buffer.data(), buffer.size(), 0) == 0);
}

TEST_CASE("1 MiB through a socketpair: short writes stop at full and resume by an edge") {
  weir::event::Loop loop;
  CountingTask writing;
  CountingTask reading;
  UnixPair pair;
  PlainTransport out;
  PlainTransport in;
  REQUIRE(out.open(loop, std::move(pair.here), writing));
  REQUIRE(in.open(loop, std::move(pair.there), reading));

  std::string sent(1 << 20, '\0');
  for (std::size_t i = 0; i < sent.size(); ++i) {
    sent[i] = static_cast<char>(i * 131 >> 7);
  }
  OutQueue queue;
  std::size_t queued = 0;
  std::size_t blocked = 0;
  auto write_some = [&] {
    while (out.writable() && (queued < sent.size() || !queue.empty())) {
      while (queued < sent.size() && queue.slots_free() > 0) {
        queue.push(Slice(std::string_view(sent).substr(queued, 10'007)));
        queued += std::min<std::size_t>(10'007, sent.size() - queued);
      }
      auto wrote = out.write(queue);
      REQUIRE(wrote.state != IoResult::failed);
      if (wrote.state == IoResult::would_block) {
        ++blocked;
        CHECK_FALSE(out.writable());
        CHECK_FALSE(queue.empty());
      }
    }
    if (queued == sent.size() && queue.empty()) {
      out.shutdown_write();
    }
  };
  std::string received;
  bool end = false;
  std::array<char, 4096> buffer{};
  auto read_some = [&] {
    while (in.readable() && !end) {
      auto got = in.read(buffer.data(), buffer.size());
      REQUIRE(got.state != IoResult::failed);
      received.append(buffer.data(), got.bytes);
      end = got.state == IoResult::end;
    }
  };
  REQUIRE(turn_until(loop, [&] {
    write_some();
    read_some();
    return end;
  }));
  CHECK(received == sent);
  CHECK(blocked > 0);
}

TEST_CASE("through a pipe: 8 MiB from one connection to another, with slices before and behind") {
  constexpr std::size_t kSize = 8 << 20;
  weir::event::Loop loop;
  CountingTask task;
  TcpPair from;
  TcpPair to;
  int sending = from.there.get();
  std::thread sender([sending] {
    std::string text(kSize, '\0');
    for (std::size_t i = 0; i < kSize; ++i) {
      text[i] = static_cast<char>(i % 251);
    }
    for (std::string_view left = text; !left.empty();) {
      ssize_t n = ::send(sending, left.data(), left.size(), MSG_NOSIGNAL);
      if (n <= 0) {
        return;
      }
      left.remove_prefix(static_cast<std::size_t>(n));
    }
    ::shutdown(sending, SHUT_WR);
  });
  std::string came;
  int receiving = to.there.get();
  std::thread receiver([&came, receiving] {
    std::array<char, 65536> buffer{};
    ssize_t n;
    while ((n = ::recv(receiving, buffer.data(), buffer.size(), 0)) > 0) {
      came.append(buffer.data(), static_cast<std::size_t>(n));
    }
  });
  PlainTransport in;
  PlainTransport out;
  REQUIRE(in.open(loop, std::move(from.here), task));
  REQUIRE(out.open(loop, std::move(to.here), task));
  Ref<Pipe> pipe = Pipe::make();
  REQUIRE(pipe);
  OutQueue queue;
  queue.take_pipes(true);
  queue.push(Slice("head"));
  bool ended = false;
  bool failed = false;
  auto pump = [&] {
    for (;;) {
      if (!ended && pipe->use_count() == 1) {
        auto got = in.read(*pipe, 1 << 20);
        ended = got.state == IoResult::end;
        failed = failed || got.state == IoResult::failed;
        if (got.state == IoResult::ok) {
          queue.push_piped(pipe, got.bytes);
        } else if (ended) {
          queue.push(Slice("tail"));
        }
      }
      if (queue.empty()) {
        return ended || failed;
      }
      auto sent = out.write(queue);
      failed = failed || sent.state == IoResult::failed;
      if (sent.state != IoResult::ok) {
        return failed;
      }
    }
  };
  CHECK(turn_until(loop, pump));
  CHECK_FALSE(failed);
  out.shutdown_write();
  sender.join();
  receiver.join();
  REQUIRE(came.size() == kSize + 8);
  CHECK(came.substr(0, 4) == "head");
  CHECK(came.substr(kSize + 4) == "tail");
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < kSize; ++i) {
    wrong += came[i + 4] != static_cast<char>(i % 251);
  }
  CHECK(wrong == 0);
}

TEST_CASE("writing to a connection that is gone fails without a signal") {
  std::signal(SIGPIPE, SIG_DFL);
  weir::event::Loop loop;
  CountingTask task;
  UnixPair pair;
  PlainTransport transport;
  REQUIRE(transport.open(loop, std::move(pair.here), task));
  pair.there.close();
  OutQueue queue;
  queue.push(Slice("nobody hears"));
  auto wrote = transport.write(queue);
  CHECK(wrote.state == IoResult::failed);
  CHECK(wrote.sys == EPIPE);
  CHECK(queue.bytes() == 12);
}

TEST_CASE("reset() is seen as a reset, close() as an end") {
  weir::event::Loop loop;
  CountingTask task;
  for (bool reset : {true, false}) {
    TcpPair pair;
    PlainTransport transport;
    REQUIRE(transport.open(loop, std::move(pair.here), task));
    reset ? transport.reset() : transport.close();
    CHECK(transport.fd() == -1);
    char byte = 0;
    ssize_t n = ::recv(pair.there.get(), &byte, 1, 0);
    CHECK(n == (reset ? -1 : 0));
  }
}

TEST_CASE("set_task moves the edges to another task; release() keeps the connection") {
  weir::event::Loop loop;
  CountingTask first;
  CountingTask second;
  TcpPair pair;
  PlainTransport transport;
  REQUIRE(transport.open(loop, std::move(pair.here), first));
  REQUIRE(turn_until(loop, [&] { return first.runs > 0; })); // the edge "writable"
  int before = first.runs;
  transport.set_task(second);
  pair.send("a");
  REQUIRE(turn_until(loop, [&] { return second.runs > 0; }));
  CHECK(first.runs == before);

  Fd raw = transport.release();
  CHECK(transport.fd() == -1);
  PlainTransport again;
  REQUIRE(again.open(loop, std::move(raw), second));
  REQUIRE(turn_until(loop, [&] { return again.readable(); }));
  char byte = 0;
  CHECK(again.read(&byte, 1).bytes == 1);
  CHECK(byte == 'a');
}
