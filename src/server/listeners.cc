// SPDX-License-Identifier: Apache-2.0
#include "server/listeners.h"

#include <algorithm>

namespace weir::server {

std::uint32_t Listeners::number(const Address& wanted) {
  auto at = std::find(numbers_.begin(), numbers_.end(), wanted);
  if (at == numbers_.end()) {
    numbers_.push_back(wanted);
    at = numbers_.end() - 1;
  }
  return static_cast<std::uint32_t>(at - numbers_.begin());
}

bool Listeners::is_open(const Address& wanted) const {
  return std::any_of(open_.begin(), open_.end(),
                     [&](const Open& open) { return open.wanted == wanted; });
}

Result<Listeners::Open> Listeners::bind(const Address& wanted, std::size_t workers,
                                        std::string& problem) {
  if (auto free = net::probe_in_use(wanted); !free) {
    problem = net::listen_error(wanted, free.error());
    return weir::fail(free.error());
  }
  Open open;
  open.id = number(wanted);
  open.wanted = wanted;
  open.bound = wanted;
  for (std::size_t i = 0; i < workers; ++i) {
    auto socket = net::bind_listener(open.bound, {.reuse_port = true});
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
  kept.bound = open.bound;
  open_.push_back(std::move(kept));
}

void Listeners::closed(const Address& wanted) {
  std::erase_if(open_, [&](const Open& open) { return open.wanted == wanted; });
}

} // namespace weir::server
