// SPDX-License-Identifier: Apache-2.0
#include "server/listeners.h"

#include <algorithm>

namespace weir::server {

std::uint32_t Listeners::number(const Address& wanted, IpProtocol protocol) {
  auto at = std::find(numbers_.begin(), numbers_.end(), Numbered{wanted, protocol});
  if (at == numbers_.end()) {
    numbers_.push_back({wanted, protocol});
    at = numbers_.end() - 1;
  }
  return static_cast<std::uint32_t>(at - numbers_.begin());
}

bool Listeners::is_open(const Address& wanted, IpProtocol protocol) const {
  return std::any_of(open_.begin(), open_.end(), [&](const Open& open) {
    return open.wanted == wanted && open.protocol == protocol;
  });
}

Result<Listeners::Open> Listeners::bind(const Address& wanted, IpProtocol protocol,
                                        std::size_t workers, std::string& problem) {
  if (auto free = net::probe_in_use(wanted, protocol); !free) {
    problem = net::listen_error(wanted, free.error());
    return weir::fail(free.error());
  }
  Open open;
  open.id = number(wanted, protocol);
  open.wanted = wanted;
  open.protocol = protocol;
  open.bound = wanted;
  for (std::size_t i = 0; i < workers; ++i) {
    auto socket = net::bind_listener(open.bound, {.protocol = protocol, .reuse_port = true});
    if (!socket) {
      problem = net::listen_error(open.bound, socket.error());
      return weir::fail(socket.error());
    }
    open.bound = socket->address; // the kernel's port, where 0 was asked for
    open.sockets.push_back(std::move(*socket));
  }
  return open;
}

void Listeners::opened(const Open& open) {
  Open kept;
  kept.id = open.id;
  kept.wanted = open.wanted;
  kept.protocol = open.protocol;
  kept.bound = open.bound;
  open_.push_back(std::move(kept));
}

void Listeners::closed(std::uint32_t id) {
  std::erase_if(open_, [&](const Open& open) { return open.id == id; });
}

std::vector<Address> Listeners::bound(IpProtocol protocol) const {
  std::vector<Address> all;
  for (const Open& open : open_) {
    if (open.protocol == protocol) {
      all.push_back(open.bound);
    }
  }
  return all;
}

} // namespace weir::server
