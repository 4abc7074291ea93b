// SPDX-License-Identifier: Apache-2.0
//
// AdminDoor: the control socket and the admin listener, opened for the Server. Main thread.
#pragma once

#include <memory>
#include <string>

#include "admin/daemon.h"
#include "config/config.h"
#include "event/loop.h"

namespace weir::server {

class AdminDoor {
public:
  AdminDoor(event::Loop&, admin::Daemon&) {}
  bool take_socket(const config::AdminDecl&, std::string&) { return true; }
  bool listen(const config::AdminDecl&, std::string&) { return true; }
  Address http_address() const { return {}; }
};

} // namespace weir::server
