// SPDX-License-Identifier: Apache-2.0
#include "admin/control_socket.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>

namespace weir::admin {
namespace {

constexpr int kBacklog = 64;

tl::unexpected<Error> told(std::string& why, std::string_view what, const std::string& path,
                           int sys) {
  why = fmt::format("{} {}: {}", what, path, std::strerror(sys));
  return fail(Code::io, Side::self, sys);
}

/// As they are told by `settings`; a process that may not change the owner keeps its own.
bool set_owner(const std::string& path, const ControlSocketSettings& settings, unsigned mode) {
  struct stat now {};
  if (::stat(path.c_str(), &now) != 0 || ::chmod(path.c_str(), mode) != 0) {
    return false;
  }
  if (now.st_uid == settings.user && now.st_gid == settings.group) {
    return true;
  }
  return ::lchown(path.c_str(), settings.user, settings.group) == 0;
}

} // namespace

ControlSocket::ControlSocket(ControlSocket&& other) noexcept
    : path_(std::exchange(other.path_, {})), lock_(std::move(other.lock_)),
      listening_(std::move(other.listening_)), device_(other.device_), inode_(other.inode_) {}

ControlSocket& ControlSocket::operator=(ControlSocket&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(lock_, other.lock_);
  std::swap(listening_, other.listening_);
  std::swap(device_, other.device_);
  std::swap(inode_, other.inode_);
  return *this;
}

ControlSocket::~ControlSocket() {
  struct stat now {};
  if (!path_.empty() && ::lstat(path_.c_str(), &now) == 0 && now.st_dev == device_ &&
      now.st_ino == inode_) {
    ::unlink(path_.c_str());
  }
}

Result<ControlSocket> ControlSocket::open(const ControlSocketSettings& settings, std::string& why) {
  const std::string lock_path = settings.path + ".lock";
  if (std::size_t slash = settings.path.rfind('/'); slash != std::string::npos && slash > 0) {
    ::mkdir(settings.path.substr(0, slash).c_str(),
            0755); // /run/weir, ./var: gone or not yet there
  }
  ControlSocket made;
  made.lock_ = net::Fd(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!made.lock_) {
    return told(why, "cannot open", lock_path, errno);
  }
  if (::flock(made.lock_.get(), LOCK_EX | LOCK_NB) != 0) {
    why = fmt::format("another weir has the control socket {}", settings.path);
    return fail(Code::exists, Side::self, errno);
  }
  if (auto r = made.bind(settings, why); !r) {
    return fail(r.error());
  }
  return made;
}

Result<void> ControlSocket::bind(const ControlSocketSettings& settings, std::string& why) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (settings.path.size() >= sizeof address.sun_path) {
    return told(why, "cannot bind", settings.path, ENAMETOOLONG);
  }
  std::memcpy(address.sun_path, settings.path.c_str(), settings.path.size() + 1);
  listening_ = net::Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!listening_) {
    return told(why, "cannot make", settings.path, errno);
  }
  struct stat now {};
  if (::lstat(settings.path.c_str(), &now) == 0) {
    if (!S_ISSOCK(now.st_mode)) {
      return told(why, "cannot bind", settings.path, EEXIST);
    }
    ::unlink(settings.path.c_str()); // of a weir that was killed: the lock was free
  }
  // Nobody connects before owner and mode are set: it does not listen yet.
  if (::bind(listening_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    return told(why, "cannot bind", settings.path, errno);
  }
  path_ = settings.path;
  if (::lstat(path_.c_str(), &now) == 0) {
    device_ = now.st_dev;
    inode_ = now.st_ino;
  }
  if (!set_owner(path_, settings, settings.mode)) {
    return told(why, "cannot set owner and mode of", path_, errno);
  }
  if (::listen(listening_.get(), kBacklog) != 0) {
    return told(why, "cannot listen on", path_, errno);
  }
  return {};
}

} // namespace weir::admin
