// SPDX-License-Identifier: Apache-2.0
//
// The filter of system calls, in a child of its own: it is never taken back.
#include <arpa/inet.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <future>
#include <thread>

#include <catch2/catch.hpp>

#include "config.h"
#include "server/privileges.h"

using namespace weir::server;

#ifdef HAVE_LIBSECCOMP

namespace {

bool refused(long result) { return result == -1 && errno == EPERM; }

bool opens(int family, int type) {
  int fd = ::socket(family, type, 0);
  return fd >= 0 && ::close(fd) == 0;
}

/// The number of the first thing that is not as it should be; 0: none.
int look() {
  char* none[] = {nullptr};
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const bool facts[] = {
      refused(::execve("/no/such/program", none, none)),
      refused(::mount("none", "/", "tmpfs", MS_RDONLY, nullptr)),
      refused(::clock_settime(CLOCK_REALTIME, &now)),
      refused(::socket(AF_PACKET, SOCK_RAW, 0)),
      refused(::socket(AF_ALG, SOCK_SEQPACKET, 0)),
      refused(::socket(AF_VSOCK, SOCK_STREAM, 0)),
      refused(::socket(AF_APPLETALK, SOCK_DGRAM, 0)),
      opens(AF_INET, SOCK_STREAM),
      opens(AF_UNIX, SOCK_STREAM),
      opens(AF_NETLINK, SOCK_RAW),
      ::prctl(PR_GET_NO_NEW_PRIVS, 0L, 0L, 0L, 0L) == 1,
  };
  int number = 1;
  for (bool fact : facts) {
    if (!fact) {
      return number;
    }
    ++number;
  }
  return 0;
}

/// A thread that was there before is in it, too.
int confined_look() {
  std::promise<void> begun;
  std::promise<void> done;
  int of_thread = -1;
  std::thread thread([&] {
    begun.set_value();
    done.get_future().wait();
    of_thread = look();
  });
  begun.get_future().wait();
  std::string problem;
  bool confined = confine(problem);
  done.set_value();
  thread.join();
  int own = look();
  return !confined ? 100 : own != 0 ? own : of_thread;
}

} // namespace

TEST_CASE("what a proxy has no use for is refused on every thread, and it does not die of it") {
  pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::_exit(confined_look());
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0); // 100: no filter; else the number of what is wrong in look()
}

#endif
