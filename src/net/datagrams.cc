// SPDX-License-Identifier: Apache-2.0
#include "net/datagrams.h"

#include <cerrno>
#include <cstring>

#include "net/socket.h"

namespace weir::net {

namespace {

/// The address of ours that a datagram was sent to; invalid: the kernel does not say.
Address sent_to(msghdr& head) noexcept {
  for (cmsghdr* at = CMSG_FIRSTHDR(&head); at != nullptr; at = CMSG_NXTHDR(&head, at)) {
    if (at->cmsg_level == IPPROTO_IP && at->cmsg_type == IP_PKTINFO) {
      in_pktinfo info;
      std::memcpy(&info, CMSG_DATA(at), sizeof info);
      std::array<std::uint8_t, 4> bytes;
      // Not the header's own, which may be a broadcast address: nothing can be sent from there.
      std::memcpy(bytes.data(), &info.ipi_spec_dst, bytes.size());
      return Address::v4(bytes);
    }
    if (at->cmsg_level == IPPROTO_IPV6 && at->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info;
      std::memcpy(&info, CMSG_DATA(at), sizeof info);
      std::array<std::uint8_t, 16> bytes;
      std::memcpy(bytes.data(), &info.ipi6_addr, bytes.size());
      return Address::v6(bytes);
    }
  }
  return {};
}

template <class Info> void put_control(msghdr& head, int level, int type, const Info& info) {
  head.msg_controllen = CMSG_SPACE(sizeof info);
  cmsghdr* at = CMSG_FIRSTHDR(&head);
  at->cmsg_level = level;
  at->cmsg_type = type;
  at->cmsg_len = CMSG_LEN(sizeof info);
  std::memcpy(CMSG_DATA(at), &info, sizeof info);
}

void send_from(msghdr& head, const UdpEnds& ends) noexcept {
  const auto& bytes = ends.local.bytes();
  if (ends.local.is_v6()) {
    in6_pktinfo info{};
    std::memcpy(&info.ipi6_addr, bytes.data(), bytes.size());
    info.ipi6_ifindex = ends.interface;
    put_control(head, IPPROTO_IPV6, IPV6_PKTINFO, info);
  } else {
    in_pktinfo info{};
    std::memcpy(&info.ipi_spec_dst, bytes.data() + 12, sizeof info.ipi_spec_dst);
    put_control(head, IPPROTO_IP, IP_PKTINFO, info);
  }
}

Sent sent(ssize_t result) noexcept {
  if (result >= 0) {
    return Sent::ok;
  }
  switch (errno) {
  case EAGAIN:
  case ENOBUFS:
  case ENOMEM:
    return Sent::busy;
  case ECONNREFUSED:
    return Sent::refused;
  default:
    return Sent::failed;
  }
}

} // namespace

Datagrams::Datagrams() : room_(std::make_unique_for_overwrite<char[]>(kMost * kRoom)) {
  for (std::size_t i = 0; i < kMost; ++i) {
    places_[i].bytes = {room_.get() + i * kRoom, kRoom};
    msghdr& head = heads_[i].msg_hdr;
    head = {};
    head.msg_name = &places_[i].name;
    head.msg_iov = &places_[i].bytes;
    head.msg_iovlen = 1;
    head.msg_control = places_[i].control.data();
  }
}

Result<std::size_t> Datagrams::receive(int fd) {
  for (std::size_t i = 0; i < kMost; ++i) { // the kernel has written into them
    heads_[i].msg_hdr.msg_namelen = sizeof places_[i].name;
    heads_[i].msg_hdr.msg_controllen = places_[i].control.size();
    places_[i].name.ss_family = AF_UNSPEC;
  }
  int got = ::recvmmsg(fd, heads_.data(), kMost, MSG_DONTWAIT, nullptr);
  if (got >= 0) {
    return static_cast<std::size_t>(got);
  }
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
    return std::size_t{0};
  }
  return fail(code_of_errno(errno), Side::origin, errno);
}

std::string_view Datagrams::bytes(std::size_t i) const noexcept {
  return {room_.get() + i * kRoom, heads_[i].msg_len};
}

UdpEnds Datagrams::ends(std::size_t i) const noexcept {
  UdpEnds ends;
  const auto* name = reinterpret_cast<const sockaddr*>(&places_[i].name);
  ends.client = Address::from_sockaddr(name);
  if (name->sa_family == AF_INET6) {
    // The kernel sets it for link-local addresses only.
    ends.interface = reinterpret_cast<const sockaddr_in6*>(name)->sin6_scope_id;
  }
  msghdr head = heads_[i].msg_hdr;
  ends.local = sent_to(head);
  return ends;
}

Sent send_datagram(int fd, std::string_view bytes) noexcept {
  return sent(::send(fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
}

Sent send_datagram(int fd, std::string_view bytes, const UdpEnds& ends) noexcept {
  sockaddr_storage name{};
  alignas(cmsghdr) std::array<char, 64> control{};
  iovec part{const_cast<char*>(bytes.data()), bytes.size()}; // sendmsg does not write there
  msghdr head{};
  head.msg_name = &name;
  head.msg_namelen = ends.client.to_sockaddr(name);
  if (ends.interface != 0) {
    reinterpret_cast<sockaddr_in6*>(&name)->sin6_scope_id = ends.interface;
  }
  head.msg_iov = &part;
  head.msg_iovlen = 1;
  if (ends.local.valid()) {
    head.msg_control = control.data();
    send_from(head, ends);
  }
  return sent(::sendmsg(fd, &head, MSG_DONTWAIT | MSG_NOSIGNAL));
}

} // namespace weir::net
