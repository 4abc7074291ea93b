// SPDX-License-Identifier: Apache-2.0
//
// Datagrams: takes datagrams from UDP sockets, several by one system call, into memory of its own.
// send_datagram: sends one, whole or not at all.
//
// Owner: whoever reads; one thread. 16 places of 64 KiB, which is more than any datagram has: none
// is ever cut. The kernel gives pages to what was used only. Nothing is allocated for a datagram.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/address.h"
#include "base/result.h"

namespace weir::net {

/// Between whom a datagram goes, as seen from a listener.
struct UdpEnds {
  Address client;
  Address local;               // of ours; invalid: the address that the socket is bound to
  std::uint32_t interface = 0; // of a link-local client (IPv6): there are others of that address

  friend bool operator==(const UdpEnds&, const UdpEnds&) = default;
};

class Datagrams {
public:
  static constexpr std::size_t kMost = 16;

  Datagrams();
  Datagrams(const Datagrams&) = delete;
  Datagrams& operator=(const Datagrams&) = delete;

  /// What is there, at most kMost; 0: nothing. Of a connected socket an error is what ICMP has told
  /// since: Code::refused. What was there before is gone.
  Result<std::size_t> receive(int fd);
  /// The bytes of one, until the next receive(). May be empty: a datagram without any is one too.
  std::string_view bytes(std::size_t i) const noexcept;
  /// Where it came from, and, on a wildcard address (bind_listener), went to; port 0 then.
  UdpEnds ends(std::size_t i) const noexcept;

private:
  static constexpr std::size_t kRoom = 64 * 1024;
  struct Place {
    sockaddr_storage name;
    alignas(cmsghdr) std::array<char, 64> control;
    iovec bytes;
  };
  static_assert(CMSG_SPACE(sizeof(in6_pktinfo)) <= 64);

  std::unique_ptr<char[]> room_;
  std::array<Place, kMost> places_;
  std::array<mmsghdr, kMost> heads_;
};

enum class Sent : std::uint8_t {
  ok,
  busy,    // the kernel has no room for it now
  refused, // ICMP said that nobody is there, of one before; this one was not sent
  failed,  // no way there, or too large for it
};

/// By a connected socket.
Sent send_datagram(int fd, std::string_view bytes) noexcept;
/// To the client, from `ends.local` where that is valid.
Sent send_datagram(int fd, std::string_view bytes, const UdpEnds& ends) noexcept;

} // namespace weir::net
