// SPDX-License-Identifier: Apache-2.0
#include "ctl/client.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>

#include "config/load.h"
#include "http/h1_chunked.h"
#include "http/h1_parser.h"
#include "http/h1_writer.h"

namespace weir::ctl {
namespace {

constexpr std::size_t kReadSize = 64 * 1024;

bool fill_address(const std::string& path, sockaddr_un& address) {
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return false;
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return true;
}

net::Fd connect_to(const std::string& path) {
  sockaddr_un address{};
  net::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fill_address(path, address)) {
    errno = ENAMETOOLONG;
    return {};
  }
  if (fd && ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    int sys = errno;
    fd.close();
    errno = sys;
  }
  return fd;
}

} // namespace

std::string find_socket(const std::string& told) {
  if (!told.empty()) {
    return told;
  }
  if (const char* set = std::getenv("WEIR_SOCKET"); set != nullptr && *set != '\0') {
    return set;
  }
  if (::access(kDefaultFile, R_OK) == 0) {
    config::Loaded loaded = config::load_file(kDefaultFile);
    if (loaded.config && !loaded.config->admin.socket.empty()) {
      return loaded.config->admin.socket;
    }
  }
  return "./var/admin.sock";
}

bool Client::is_reachable(const std::string& path) { return static_cast<bool>(connect_to(path)); }

Answered Client::trouble(Exit exit, std::string_view what) const {
  return {exit, fmt::format("{}: {}", path_, what), {}};
}

Answered Client::trouble(Got got) const {
  if (got == Got::late) {
    return trouble(Exit::timed_out, "no answer in time");
  }
  return trouble(Exit::failed, "the daemon ended the connection without an answer");
}

Answered Client::connect() {
  fd_ = connect_to(path_);
  if (fd_) {
    return {};
  }
  int sys = errno;
  if (sys == EACCES || sys == EPERM) {
    return trouble(Exit::refused, "you may not use this socket: its group may");
  }
  return trouble(
      Exit::unreachable,
      fmt::format("no daemon: {} (is weir running? -s names its socket)", std::strerror(sys)));
}

bool Client::wait(short events) {
  pollfd poll{fd_.get(), events, 0};
  while (true) {
    auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline_ - std::chrono::steady_clock::now());
    if (!endless_ && left.count() <= 0) {
      return false;
    }
    int n =
        ::poll(&poll, 1,
               endless_ ? -1 : static_cast<int>(std::min<std::int64_t>(left.count(), 1'000'000)));
    if (n > 0) {
      return true;
    }
    if (n < 0 && errno != EINTR) {
      return false;
    }
  }
}

Answered Client::send(const admin::Verb& verb, const Json& arguments) {
  if (Answered connected = connect(); !connected.why.empty()) {
    return connected;
  }
  std::string body = admin::dump(arguments);
  std::array<char, 512> memory;
  http::H1Writer head(memory.data(), memory.size());
  head.request_line("POST", verb.path());
  head.field(http::FieldId::host, "localhost");
  head.field(http::FieldId::content_type, "application/json");
  head.field(http::FieldId::content_length, body.size());
  head.field(http::FieldId::connection, "close");
  head.end_head();
  std::string bytes = std::string(head.bytes()) + body;
  std::string_view left = bytes;
  while (!left.empty()) {
    if (!wait(POLLOUT)) {
      return trouble(Got::late);
    }
    ssize_t n = ::send(fd_.get(), left.data(), left.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
      break; // the daemon has answered without reading all of it, or is gone: reading tells
    }
    left.remove_prefix(n > 0 ? static_cast<std::size_t>(n) : 0);
  }
  return {};
}

Client::Got Client::read_some() {
  if (!wait(POLLIN)) {
    return Got::late;
  }
  std::size_t had = in_.size();
  in_.resize(had + kReadSize);
  ssize_t n = ::recv(fd_.get(), in_.data() + had, kReadSize, 0);
  in_.resize(had + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  if (n < 0) {
    return errno == EINTR ? Got::bytes : Got::failed;
  }
  return n == 0 ? Got::end : Got::bytes;
}

/// Leaves what follows the head in in_.
Answered Client::read_head() {
  http::H1Parser parser;
  http::ResponseHead head;
  Arena arena;
  while (true) {
    auto progress = parser.parse_response(in_, http::Method::post, head, arena);
    if (!progress) {
      return trouble(Exit::failed, "what answers there is not weir");
    }
    if (progress->complete) {
      in_.erase(0, progress->size);
      status_ = head.status;
      chunked_ = head.framing.kind == http::Framing::Kind::chunked;
      head_size_ = head.framing.length;
      return {};
    }
    if (Got got = read_some(); got != Got::bytes) {
      return trouble(got);
    }
  }
}

/// A body of known length.
Answered Client::read_whole() {
  while (in_.size() < head_size_) {
    if (Got got = read_some(); got != Got::bytes) {
      return trouble(got);
    }
  }
  auto body = admin::parse_json(std::string_view(in_).substr(0, head_size_));
  if (!body || !body->is_object()) {
    return trouble(Exit::failed, fmt::format("the answer ({}) is not JSON", status_));
  }
  Answered answered;
  answered.body = std::move(*body);
  auto exit = answered.body.find("exit");
  if (exit != answered.body.end() && exit->is_number_integer()) {
    answered.exit = static_cast<Exit>(exit->get<int>());
  } else if (status_ != 200) {
    answered.exit = Exit::failed;
  }
  return answered;
}

Answered Client::ask(const admin::Verb& verb, const Json& arguments) {
  if (Answered sent = send(verb, arguments); !sent.why.empty()) {
    return sent;
  }
  if (Answered head = read_head(); !head.why.empty()) {
    return head;
  }
  return read_whole();
}

Answered Client::follow(const admin::Verb& verb, const Json& arguments, const LineTaker& take) {
  if (Answered sent = send(verb, arguments); !sent.why.empty()) {
    return sent;
  }
  if (Answered head = read_head(); !head.why.empty()) {
    return head;
  }
  if (!chunked_) {
    return read_whole();
  }
  endless_ = true;
  http::ChunkedReader reader(Side::origin);
  http::Fields trailers;
  Arena arena;
  std::string lines;
  while (true) {
    auto piece = reader.next(in_, trailers, arena);
    if (!piece) {
      return trouble(Exit::failed, "what the daemon sends is malformed");
    }
    lines.append(in_, piece->skip, piece->data);
    in_.erase(0, piece->skip + piece->data);
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = lines.find('\n', begin)) != std::string::npos;
         begin = end + 1) {
      if (!take(std::string_view(lines).substr(begin, end - begin))) {
        return {};
      }
    }
    lines.erase(0, begin);
    if (piece->end) {
      return {};
    }
    if (piece->skip + piece->data == 0 && read_some() != Got::bytes) {
      return trouble(Exit::unreachable, "the daemon has ended");
    }
  }
}

} // namespace weir::ctl
